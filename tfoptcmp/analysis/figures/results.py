"""Final validation and test metric of every optimizer (Choi et al. 2019, figure 1)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparisons import Comparison
from tfoptcmp.analysis.figures.style import COLOURS, face_title, house_style
from tfoptcmp.analysis.statistics import best_of_k, measured

_INCHES_PER_OPTIMIZER = 0.6


def results_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draws the validation metric above the test metric, a column for each comparison.

    A point is the mean of what tuning with K trials gets, its bar the 5th to 95th percentile;
    optimizers stand in the order of the inclusions, a signature that is not its rule's plain one
    with an open point. Lower is better. The test row is left out if no study has a test split.

    Args:
        comparisons: At least one.
    """
    studies = [results for comparison in comparisons for results in comparison.studies]
    tested = any(measured(results, "test") for results in studies)
    rows = ("validation", "test") if tested else ("validation",)
    widths = [max(4.8, 1 + _INCHES_PER_OPTIMIZER * len(c.studies)) for c in comparisons]
    with house_style():
        figure = Figure(figsize=(sum(widths), 1 + 2.3 * len(rows)), layout="constrained")
        grid = figure.subplots(
            len(rows), len(widths), squeeze=False, sharex="col", width_ratios=widths
        )
        for column, (comparison, width) in enumerate(zip(comparisons, widths, strict=True)):
            for axes, statistic in zip(grid[:, column], rows, strict=True):
                draw_statistic(axes, comparison, statistic)
            face_title(grid[0, column], comparison, width_inches=width)
        figure.supxlabel(
            "point: mean of the best of K trials; bar: 5th to 95th percentile; lower is better",
            fontsize=7,
            color="#555555",
        )
    return figure


def draw_statistic(axes: Axes, comparison: Comparison, statistic: str) -> None:
    """Draws one statistic of a comparison, an optimizer after the other.

    Args:
        axes: Where to draw.
        comparison: What to draw.
        statistic: "validation" or "test".
    """
    share = comparison.config.metric_unit == "share"
    scale, unit = (100.0, "%") if share else (1.0, comparison.config.metric_unit)
    for position, results in enumerate(comparison.studies):
        known = best_of_k(results, statistic, comparison.tuning_budget)
        if known is None or not np.isfinite(known.mean()):
            axes.annotate(
                "no value",
                xy=(position, 0.5),
                xycoords=("data", "axes fraction"),
                rotation=90,
                ha="center",
                va="center",
                color="#777777",
            )
            continue
        mean, low, high = (
            scale * value for value in (known.mean(), known.percentile(5), known.percentile(95))
        )
        colour = COLOURS[results.signature.rule.name]
        axes.vlines(position, low, high, color=colour, linewidth=2)
        plain = results.name == results.signature.rule.name
        fill = colour if plain else "white"
        axes.plot(position, mean, "o", color=colour, markerfacecolor=fill, markersize=6)
    names = [results.title for results in comparison.studies]
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_ylabel(f"{statistic}\n{comparison.config.metric}, {unit}")
