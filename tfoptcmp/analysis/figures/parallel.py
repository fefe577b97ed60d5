"""Parallel coordinates: each trial is a line through its hyperparameters to its result."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.figures.frame import Margins, framed
from tfoptcmp.analysis.figures.report_figure import ReportFigure, searched
from tfoptcmp.analysis.figures.style import as_pixels, folded, house_style, no_value
from tfoptcmp.analysis.ranges.boundary import position

_HOW_TO_READ = (
    "a line: a feasible trial, from its hyperparameters (each on its own scale, from the low edge "
    "to the high one) to its rank by the final {selected_by} metric, the best on top; dark: good"
)


def parallel_figure(comparison: Comparison) -> Figure:
    """Draws the trials of each optimizer as parallel coordinates, one row per optimizer.

    Args:
        comparison: What to draw.
    """
    contestants = comparison.contestants
    most = max(len(one.free) for one in contestants) + 1
    lines = max(folded(one.title).count("\n") for one in contestants)
    with house_style():
        figure = framed(
            comparison,
            "hyperparameters of every trial",
            _HOW_TO_READ.format(selected_by=comparison.selected_by),
            panel_inches=(max(4.5, 1.25 * most), 1.3),
            shape=(len(contestants), 1),
            margins=Margins(left=0.5 + 0.14 * lines, right=0.6, bottom=0.4, row_gap=0.55),
        )
        rows = figure.subplots(len(contestants), 1, squeeze=False)[:, 0]
        for axes, one in zip(rows, contestants, strict=True):
            draw_parallel(axes, comparison, one)
            axes.set_xlim(-0.3, most - 0.7)
    return figure


def draw_parallel(axes: Axes, comparison: Comparison, contestant: Contestant) -> None:
    """Draws the feasible trials of one optimizer as parallel coordinates, the best dark.

    Args:
        axes: Where to draw.
        comparison: For the metric's unit.
        contestant: One of its optimizers.
    """
    metric, free = comparison.metric, contestant.free
    feasible = contestant.feasible.sort_values(
        "validation_metric", ascending=False, na_position="first", kind="stable"
    )
    count = len(feasible)
    axes.set_xlim(-0.3, len(free) + 0.3)
    axes.set_ylim(-0.05, 1.05)
    axes.grid(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.set_yticks([])
    axes.set_ylabel(folded(contestant.title))
    ticks = [*free, comparison.selected_by]
    axes.set_xticks(range(len(ticks)), [folded(name, 16) for name in ticks], fontsize=7)
    axes.tick_params(length=0)
    if not count:
        no_value(axes, len(free) / 2, "no feasible trial")
        return
    ranks = (np.arange(count) + 0.5) / count  # the last one is the best
    dimensions = [contestant.dimensions[name] for name in free]
    columns = [
        position(dimension, contestant.searched(name).loc[feasible.index])
        for name, dimension in zip(free, dimensions, strict=True)
    ]
    lines = np.stack([*columns, ranks], axis=1)
    points = np.stack([np.broadcast_to(np.arange(lines.shape[1]), lines.shape), lines], axis=2)
    # cividis from light to dark: readable without colours too.
    axes.add_collection(
        LineCollection(
            list(points),
            colors=colormaps["cividis_r"](ranks),
            linewidths=np.where(ranks > 0.9, 1.4, 0.6),
            alpha=0.8,
            rasterized=as_pixels(count * len(free)),
        )
    )
    worst, best = metric.scale * metric.value(feasible["validation_metric"].iloc[[0, -1]])
    ends = [(f"{dimension.low:g}", f"{dimension.high:g}") for dimension in dimensions]
    ends.append((f"{worst:.3g} {metric.shown_unit}", f"{best:.3g} {metric.shown_unit}"))
    for i, (low, high) in enumerate(ends):
        axes.axvline(i, color="#777777", linewidth=0.8)
        for text, y, va in ((low, 0.0, "bottom"), (high, 1.0, "top")):
            axes.annotate(
                text,
                xy=(i, y),
                xytext=(2, 0),
                textcoords="offset points",
                va=va,
                fontsize=6,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
            )


PARALLEL = ReportFigure(
    name="parallel",
    section="trials",
    caption="All feasible trials of {workload}: hyperparameters and result.",
    draw=parallel_figure,
    needs=searched,
)
