"""Every inclusion at several tuning budgets: is the general rule no worse?"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.frame import Margins, framed
from tfoptcmp.analysis.figures.report_figure import ReportFigure
from tfoptcmp.analysis.figures.style import (
    MARKS,
    MARKS_NOTE,
    budget_ticks,
    folded,
    house_style,
    linear_part,
    symmetric_axis,
    symmetric_axis_note,
    why_no_pair,
)
from tfoptcmp.analysis.statistics.curves import CurvePoint, inclusion_curves, testable_pairs
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, with_bounded_note

_HOW_TO_READ = (
    "line: by how much the mean of the best of k of the general rule is worse than that of the "
    "special rule; band: its 95 % confidence interval; above the dotted line (the tolerated "
    f"difference) the general rule is worse; strip: verdict at each k ({MARKS_NOTE}), up to "
    "k = N/5; dashed: K"
)
_PANELS_A_ROW = 3


def inclusions_figure(comparison: Comparison, statistic: str | None = None) -> Figure:
    """Draws the difference between general and special rule against k, a panel for each pair.

    Args:
        comparison: What is drawn.
        statistic: A name in STATISTICS; by default test where there is one, else validation.

    Raises:
        ValueError: If no inclusion can be judged at any K.
    """
    statistic = statistic or main_statistic(comparison)
    curves = inclusion_curves(comparison, statistic)
    if not curves:
        raise ValueError(
            f"comparison must have a pair to judge; {_why_no_pair(comparison, statistic)}"
        )
    metric = STATISTICS[statistic].metric(comparison)
    scale = metric.scale
    columns = min(_PANELS_A_ROW, len(curves))
    rows = -(-len(curves) // columns)
    titles = [f"{folded(a.title, 26)}\n<= {folded(b.title, 26)}" for a, b, _ in curves]
    lines = max(title.count("\n") for title in titles)
    near = linear_part(scale, (p.delta for _, _, points in curves for p in points))
    with house_style():
        figure = framed(
            comparison,
            f"are general rules no worse? ({STATISTICS[statistic].title})",
            with_bounded_note(f"{_HOW_TO_READ}; {symmetric_axis_note(near)}", metric),
            panel_inches=(max(2.4, 4.2 / columns), 1.5),
            shape=(rows, columns),
            margins=Margins(top=0.4 + 0.15 * lines, column_gap=0.3, row_gap=0.7 + 0.15 * lines),
        )
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        panels = list(grid.ravel())
        for axes, title, (_, general, points) in zip(panels, titles, curves, strict=False):
            draw_differences(axes, points, general.look.colour, scale)
            axes.axvline(comparison.tuning_budget, color="#777777", linewidth=0.8, linestyle="--")
            axes.set_title(title, fontsize=8)
        for axes in panels[len(curves) :]:
            axes.set_axis_off()
        for axes in panels[len(curves) - columns : len(curves)]:
            axes.set_xlabel("tuning budget k, trials")
            axes.tick_params(labelbottom=True)
        for axes in grid[:, 0]:
            axes.set_ylabel(metric.worse_by(metric.difference_unit))
        most = max(p.tuning_budget for _, _, points in curves for p in points)
        symmetric_axis(panels[0], "y", near, panels[0].get_ylim())
        panels[0].set_xscale("log")
        ticks = budget_ticks(most)
        panels[0].set_xticks(ticks, [str(tick) for tick in ticks])
        panels[0].minorticks_off()
    return figure


def _why_no_pair(comparison: Comparison, statistic: str | None = None) -> str:
    """Why `inclusions_figure` cannot be drawn; "" if it can."""
    statistic = statistic or main_statistic(comparison)
    if testable_pairs(comparison, statistic):
        return ""
    return why_no_pair(comparison, statistic) or (
        "no two optimizers with five feasible trials each are known to contain one another"
    )


def draw_differences(
    axes: Axes, points: Sequence[CurvePoint], colour: str, scale: float = 1.0
) -> None:
    """Draws the difference between a general and a special rule against k, and the verdicts.

    Args:
        axes: Where to draw.
        points: Of `curves.verdict_curve`.
        colour: Of the general rule.
        scale: From the statistic's unit to the one shown.
    """
    k = np.array([p.tuning_budget for p in points])
    low, mean, high, delta = (
        scale * np.array([getattr(p, name) for p in points])
        for name in ("low", "difference", "high", "delta")
    )
    axes.axhline(0, color="#777777", linewidth=0.8)
    axes.plot(k, delta, ":" if len(k) > 1 else "_", color="#333333", linewidth=1)
    axes.fill_between(k, low, high, color=colour, alpha=0.2, linewidth=0)
    if len(k) == 1:  # neither a band nor a line
        axes.vlines(k, low, high, color=colour, linewidth=2)
    axes.plot(k, mean, "-" if len(k) > 1 else "o", color=colour, linewidth=1.4)
    for tone, (marker, strip, size) in MARKS.items():
        chosen = [p.tuning_budget for p in points if p.verdict.tone == tone]
        axes.plot(
            chosen,
            np.full(len(chosen), 0.97),
            marker,
            linestyle="",
            color=strip,
            markersize=size,
            transform=axes.get_xaxis_transform(),
        )


INCLUSIONS = ReportFigure(
    name="inclusions",
    section="inclusions",
    caption="Is a general rule no worse than its special cases? {workload}, at several tuning "
    "budgets.",
    draw=inclusions_figure,
    needs=_why_no_pair,
)
