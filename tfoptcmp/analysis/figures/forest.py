"""Every pair of optimizers: by how much the second is worse, how sure, and beside which margin."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.frame import Margins, framed
from tfoptcmp.analysis.figures.report_figure import ReportFigure
from tfoptcmp.analysis.figures.style import (
    MARKS,
    MARKS_NOTE,
    folded,
    house_style,
    linear_part,
    symmetric_axis,
    symmetric_axis_note,
    why_no_pair,
)
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, with_bounded_note
from tfoptcmp.analysis.statistics.verdicts import Judgement, all_pairs
from tfoptcmp.metrics import Metric

_HOW_TO_READ = (
    "point: by how much the mean of the best of K of the second optimizer is worse than that of "
    "the first, line: its 95 % confidence interval; left of 0 the second is better; blue bar: "
    f"differences within the margin, that no one should quarrel about; {MARKS_NOTE}; above the "
    "rule: pairs of which the second contains the first (<=)"
)
_ROW_INCHES = 0.2
_MARGIN_COLOUR = "#cfe3f2"


def forest_figure(comparison: Comparison, statistic: str | None = None) -> Figure:
    """Draws the differences of all pairs with their intervals and margins.

    Args:
        comparison: What to draw.
        statistic: A name in STATISTICS; by default the main one.

    Raises:
        ValueError: If fewer than two optimizers have the statistic.
    """
    statistic = statistic or main_statistic(comparison)
    pairs = all_pairs(comparison, statistic)
    if not pairs:
        raise ValueError(f"comparison must have a pair; {why_no_pair(comparison, statistic)}")
    ordered = sorted(pairs, key=lambda j: not j.inclusion)
    names = [_name(j) for j in ordered]
    lines = [name.count("\n") + 1 for name in names]
    metric = STATISTICS[statistic].metric(comparison)
    near = _linear_part(pairs)
    with house_style():
        figure = framed(
            comparison,
            f"who is better, how sure? ({STATISTICS[statistic].title})",
            with_bounded_note(f"{_HOW_TO_READ}; {symmetric_axis_note(near)}", metric),
            panel_inches=(3.9, _ROW_INCHES * sum(lines) + 0.2),
            shape=(1, 1),
            margins=Margins(top=0.15, left=0.1 + 0.075 * _longest(names), right=0.2, bottom=0.55),
        )
        axes = figure.subplots()
        draw_forest(axes, ordered)
        unit = f", {metric.difference_unit}" if metric.difference_unit else ""
        axes.set_xlabel(f"{_what(metric)}{unit}")
    return figure


def draw_forest(axes: Axes, pairs: list[Judgement]) -> None:
    """Draws pairs from the top downwards, inclusions above a rule.

    Args:
        axes: Where to draw.
        pairs: Of one statistic, inclusions first.
    """
    scale = pairs[0].metric.scale
    heights = [_name(j).count("\n") + 1 for j in pairs]
    rows = -np.cumsum([0, *((a + b) / 2 for a, b in pairwise(heights))])
    for row, height, j in zip(rows, heights, pairs, strict=True):
        delta = scale * j.delta
        axes.barh(row, 2 * delta, 0.8 * height, left=-delta, color=_MARGIN_COLOUR, zorder=1)
        marker, colour, size = MARKS[j.verdict.tone]
        low, mean, high = (scale * value for value in (j.low, j.difference, j.high))
        axes.hlines(row, low, high, color=colour, linewidth=1.6, zorder=2)
        axes.plot(mean, row, marker, color=colour, markersize=1.4 * size, zorder=3)
    axes.axvline(0, color="#555555", linewidth=0.8, zorder=1)
    num_inclusions = sum(j.inclusion for j in pairs)
    if 0 < num_inclusions < len(pairs):
        between = (rows[num_inclusions - 1] + rows[num_inclusions]) / 2
        axes.axhline(between, color="#999999", linewidth=0.8)
    axes.set_yticks(rows, [_name(j) for j in pairs], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(rows[-1] - heights[-1] / 2 - 0.3, heights[0] / 2 + 0.3)
    near = _linear_part(pairs)
    ends = [scale * end for j in pairs for end in (j.low, j.high)]
    symmetric_axis(axes, "x", near, (min(0.0, *ends), max(0.0, *ends)))


def _linear_part(pairs: Sequence[Judgement]) -> float:
    return linear_part(pairs[0].metric.scale, (j.delta for j in pairs))


def _name(j: Judgement) -> str:
    first, second = folded(j.special.title, 26), folded(j.general.title, 26)
    return f"{first} {'<=' if j.inclusion else 'and'} {second}"


def _what(metric: Metric) -> str:
    """What is right of 0: where higher is better, no difference of the values that users know."""
    if metric.maximize:
        return "by how much the second is worse"
    return "difference of the means of the best of K"


def _longest(names: list[str]) -> int:
    return max(len(line) for name in names for line in name.split("\n"))


FOREST = ReportFigure(
    name="forest",
    section="answer",
    caption="Which optimizer is better on {workload}, and how sure? Every pair, with the 95 % "
    "confidence interval of the difference.",
    draw=forest_figure,
    needs=why_no_pair,
)
