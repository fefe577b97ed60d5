"""Results against each hyperparameter, with the edges of its range (Choi et al. 2019, figure 5)."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison, short
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.figures.frame import Margins, framed
from tfoptcmp.analysis.figures.report_figure import ReportFigure, searched
from tfoptcmp.analysis.figures.style import (
    PALE,
    WARNING_COLOUR,
    Style,
    as_pixels,
    below,
    folded,
    house_style,
    metric_axis,
    style_of,
    styles,
    value_axis,
)
from tfoptcmp.analysis.ranges.boundary import good_trials, position
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.metrics import Metric
from tfoptcmp.rules import PublishedValue
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform

_INCHES = (1.7, 1.15)  # of a hyperparameter's part of a row
_RANGE = 0.8  # of its width lies between the edges
_HOW_TO_READ = (
    "a point: a feasible trial, its final {selected_by} metric against one of its hyperparameters; "
    "coloured: good ones (the best 10 %, or 5 of at least 15); vertical lines: the edges of the "
    "search space, which good trials should not crowd; red ticks at the top: trials that diverged; "
    "triangles at the {worst}: results beyond the axis"
)


def boundaries_figure(comparison: Comparison) -> Figure:
    """Draws the final validation metric against each hyperparameter, one row per optimizer.

    The hyperparameters of a row are side by side in one axes, each at its `position` between its
    edges: separate axes would take ten times as long to draw.

    Args:
        comparison: What to draw.
    """
    contestants = comparison.contestants
    most = max(1, *(len(one.free) for one in contestants))
    scale = comparison.metric.scale
    ends = ("bottom", "top") if comparison.metric.maximize else ("top", "bottom")
    lines = max(folded(one.title).count("\n") for one in contestants)
    with house_style():
        figure = framed(
            comparison,
            "results against hyperparameters",
            _HOW_TO_READ.format(selected_by=comparison.selected_by, worst=ends[0])
            + _epsilons(comparison, ends[1]),
            panel_inches=(max(4.5, _INCHES[0] * most), _INCHES[1]),
            shape=(len(contestants), 1),
            margins=Margins(left=0.8 + 0.14 * lines, row_gap=0.65),
        )
        rows = figure.subplots(len(contestants), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
        rows[0].set_xlim(0, most)
        rows[0].set_xticks([])
        top = _limit(rows[0], [scale * one.feasible["validation_metric"] for one in contestants])
        for axes, one, style in zip(rows, contestants, styles(comparison), strict=True):
            axes.spines["bottom"].set_visible(False)
            axes.set_ylabel(_label(comparison, one))
            _row(axes, one, style, comparison.metric, top)
        metric_axis(rows[0], comparison.metric)  # the others share its axis
    return figure


def draw_hyperparameters(axes: Axes, comparison: Comparison, contestant: Contestant) -> None:
    """Draws the final validation metric of one optimizer's trials against its hyperparameters.

    Args:
        axes: Where to draw; the hyperparameters are side by side.
        comparison: For the metric's unit and the optimizers' styles.
        contestant: One of its optimizers.
    """
    scale = comparison.metric.scale
    axes.set_xlim(0, max(1, len(contestant.free)))
    axes.set_xticks([])
    axes.set_ylabel(_label(comparison, contestant))
    top = _limit(axes, [scale * contestant.feasible["validation_metric"]])
    _row(axes, contestant, style_of(comparison, contestant), comparison.metric, top)
    metric_axis(axes, comparison.metric)


def _label(comparison: Comparison, contestant: Contestant) -> str:
    return f"{folded(contestant.title)}\n{comparison.metric.label(comparison.selected_by)}"


def _epsilons(comparison: Comparison, best: str) -> str:
    """How to read the triangles: the published values of the rules compared; "" without any."""
    rules = [one.rule for one in comparison.contestants if one.rule and _published(one)]
    told: list[str] = []
    known: set[PublishedValue] = set()
    for rule in rules:
        values = [] if rule.epsilon is None else rule.epsilon.published
        told += [f"{rule.title} {v.value:g} {v.source}" for v in values if v not in known]
        known |= set(values)
    if not told:
        return ""
    return (
        f"; red triangles at the {best}: epsilons of published work with that rule or one like it "
        f"({', '.join(told)})"
    )


def _row(axes: Axes, contestant: Contestant, style: Style, metric: Metric, top: float) -> None:
    feasible, infeasible = contestant.feasible, contestant.infeasible
    y = metric.scale * feasible["validation_metric"].fillna(math.inf).to_numpy(dtype=np.float64)
    good = feasible["trial"].isin(good_trials(contestant)["trial"]).to_numpy(dtype=bool)
    fraction = axes.get_xaxis_transform()  # y in parts of the axis
    free = contestant.free
    pixels = as_pixels(len(free) * len(contestant.ended))
    # Grid lines end with the row's last hyperparameter.
    axes.axvspan(len(free), axes.get_xlim()[1], facecolor="white", linewidth=0, zorder=0.6)
    low = np.arange(len(free)) + (1 - _RANGE) / 2
    edges = [*low, *(low + _RANGE)]
    axes.vlines(edges, 0, 1, color="#777777", linewidth=1, transform=fraction)
    axes.hlines(np.zeros(len(free)), low, low + _RANGE, color="#777777", transform=fraction)
    for i, name in enumerate(free):
        dimension = contestant.dimensions[name]
        values = contestant.searched(name)
        x = _place(i, dimension, values[feasible.index])
        for chosen, marker, colour, size in (
            (~good & (y <= top), "o", PALE, 2.5),
            (good & (y <= top), style.marker, style.colour, 4.0),
        ):
            axes.plot(
                x[chosen],
                y[chosen],
                marker,
                color=colour,
                markersize=size,
                linestyle="",
                rasterized=pixels,
            )
        above = x[y > top]
        worst, best, marker = (0.05, 0.96, "v") if metric.maximize else (0.95, 0.04, "^")
        _marks(axes, above, worst, marker, PALE, pixels)
        diverged = _place(i, dimension, values[infeasible.index])
        _marks(axes, diverged, 1.03, "|", pixels=pixels)
        if name == "epsilon":
            _marks(axes, _place(i, dimension, _published(contestant)), best, "^")
        for value, label in _ticks(dimension):
            below(axes, float(_place(i, dimension, [value])[0]), label, 3, 7.0)
        below(axes, i + 0.5, name, 14, 8.0)


def _place(number: int, dimension: Dimension, values: "Sequence[float] | pd.Series") -> FloatArray:
    """Positions of values in the hyperparameter's part of the row."""
    where = position(dimension, np.asarray(values, dtype=np.float64))
    return number + (1 - _RANGE) / 2 + _RANGE * where


def _marks(
    axes: Axes,
    x: FloatArray,
    height: float,
    marker: str,
    colour: str = WARNING_COLOUR,
    pixels: bool = False,
) -> None:
    """Markers at a fixed part of the axis' height, without influence on its limits."""
    if len(x):
        axes.plot(
            x,
            np.full(len(x), height),
            marker,
            color=colour,
            markersize=4,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            rasterized=pixels,
        )


def _ticks(dimension: Dimension) -> list[tuple[float, str]]:
    """Values to name below the axis: the edges and the middle, or all of a few choices."""
    assert not isinstance(dimension, Fixed)
    if isinstance(dimension, Choice):
        values = sorted(dimension.values)
        return [(value, f"{value:g}") for value in values] if len(values) < 5 else []
    middle = dimension.value(0.5)
    if isinstance(dimension, LogUniform):
        round_number = math.isclose(math.log10(middle), round(math.log10(middle)), abs_tol=1e-6)
        shown = [dimension.low, *([middle] if round_number else []), dimension.high]
        return [(value, short(float(f"{value:.2g}"))) for value in shown]
    return [(value, f"{value:.3g}") for value in (dimension.low, middle, dimension.high)]


def _published(contestant: Contestant) -> list[float]:
    """Published epsilons of its rule, as far as they were searched."""
    epsilon = None if contestant.rule is None else contestant.rule.epsilon
    if epsilon is None or "epsilon" not in contestant.free:
        return []
    dimension = contestant.dimensions["epsilon"]
    values = (published.value for published in epsilon.published)
    return [value for value in values if dimension.low <= value <= dimension.high]


def _limit(axes: Axes, shown: "Sequence[pd.Series[float]]") -> float:
    """Sets the limits of y and returns the highest value that is shown.

    Trials that almost diverged may have losses of 1e29, which would hide the rest.
    """
    values = np.sort(pd.concat(shown).to_numpy(dtype=np.float64))
    values = values[np.isfinite(values)]
    if not values.size:
        axes.set_yticks([])
        return math.inf
    middle = values[len(values) // 2]
    top = min(values[-1], values[0] + 10 * (middle - values[0]))
    values = values[values <= top]
    value_axis(axes, values)
    low, high = float(values[0]), float(values[-1])
    if axes.get_yscale() == "log":
        axes.set_ylim(low / (high / low) ** 0.15, high * (high / low) ** 0.12)
    else:
        margin = 0.13 * (high - low or 1.0)
        axes.set_ylim(low - margin, high + margin)
    return high


BOUNDARIES = ReportFigure(
    name="boundaries",
    section="spaces",
    caption="Results of {workload} against each hyperparameter, with the edges of the space.",
    draw=boundaries_figure,
    needs=searched,
)
