"""The result of tuning with k trials, for every k: the tuning-budget curve."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import LEAST_TRIALS_A_DRAW, Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.figures.frame import panel_for_each
from tfoptcmp.analysis.figures.report_figure import ReportFigure, feasible_trials
from tfoptcmp.analysis.figures.style import (
    Style,
    budget_ticks,
    highest_shown,
    house_style,
    metric_axis,
    no_value,
    styles,
    value_axis,
    why_no_value,
)
from tfoptcmp.analysis.statistics.best_of_k import BudgetCurve, budget_curve
from tfoptcmp.analysis.statistics.curves import budgets_up_to
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.quantities import (
    main_statistic,
    measured,
    selection_and_values,
    with_bounded_note,
)
from tfoptcmp.analysis.statistics.verdicts import LEVEL

_HOW_TO_READ = (
    "line: mean of the best of k trials drawn with replacement from the N that were run, exact; "
    "light band: what one practitioner gets, 5th to 95th percentile; dark band: how sure the mean "
    "is, 95 % confidence interval, up to k = N/5; beyond k = N/2 dotted and without bands: they "
    "would be too narrow; grey: the other optimizers; dashed: K; what goes far above the rest is "
    "cut off"
)


# More lie on one another: the axis is logarithmic.
_MOST_POINTS = 400


def tuning_curves_figure(comparison: Comparison, statistic: str | None = None) -> Figure:
    """Draws a result of the best of k trials against k, a panel for each optimizer.

    Args:
        comparison: What to draw.
        statistic: "validation" or "test"; by default test where there is one.
    """
    statistic = statistic or main_statistic(comparison)
    curves = [_curve(comparison, one, statistic) for one in comparison.contestants]
    metric = comparison.metric
    scale = metric.scale
    lines = [
        pd.Series(dtype=float) if c is None else pd.Series(scale * c.mean, index=c.num_drawn)
        for c in curves
    ]
    most = max([1, *(line.index[-1] for line in lines if len(line))])
    with house_style():
        figure, panels = panel_for_each(
            comparison,
            f"{statistic} {metric.name} of the best of k trials",
            with_bounded_note(_HOW_TO_READ, metric),
            lines,
            "tuning budget k, trials",
            metric.label(statistic),
        )
        drawn = zip(panels, comparison.contestants, curves, styles(comparison), strict=True)
        for axes, one, curve, style in drawn:
            if curve is None:
                no_value(axes, most**0.5, why_no_value(one, statistic))
            else:
                _draw(axes, curve, style, scale)
                _draw_interval(axes, comparison, one, statistic, style)
            axes.axvline(comparison.tuning_budget, color="#777777", linewidth=0.8, linestyle="--")
        axes = panels[0]
        axes.set_xscale("log")
        ticks = budget_ticks(most)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_xlim(0.9, 1.1 * most)
        axes.minorticks_off()
        known = [curve for curve in curves if curve is not None]
        if not known:
            axes.set_yticks([])
        else:
            values = scale * np.concatenate([(*c.low, *c.high, *c.mean) for c in known])
            top = highest_shown(values)
            value_axis(axes, np.minimum(values, top))
            if values.max() > top:
                axes.set_ylim(top=top)
            metric_axis(axes, metric)
    return figure


def draw_tuning_curves(axes: Axes, comparison: Comparison, statistic: str) -> None:
    """Draws a result of the best of k trials against k, all optimizers in one axes.

    Bands of more than two or three hide each other: hence the figure's panels. Lines are labelled
    for `axes.legend()`.

    Args:
        axes: Where to draw.
        comparison: What to draw.
        statistic: "validation" or "test".
    """
    metric = comparison.metric
    for one, style in zip(comparison.contestants, styles(comparison), strict=True):
        if (curve := _curve(comparison, one, statistic)) is not None:
            _draw(axes, curve, style, metric.scale, one.title)
    axes.set_xscale("log")
    axes.set_xlabel("tuning budget k, trials")
    axes.set_ylabel(metric.label(f"{statistic} {metric.name}"))
    metric_axis(axes, metric)


def _curve(comparison: Comparison, contestant: Contestant, statistic: str) -> BudgetCurve | None:
    if not measured(contestant, statistic):
        return None
    selection, values = selection_and_values(contestant, statistic)
    capped = np.minimum(values, means_of(comparison).cap(statistic))
    return budget_curve(selection, capped, _shown(len(values)))


def _shown(num_trials: int) -> list[int]:
    """Each k up to N that is drawn: all of a few hundred, else as many as the axis resolves."""
    if num_trials <= _MOST_POINTS:
        return list(range(1, num_trials + 1))
    spread = np.rint(np.geomspace(1, num_trials, _MOST_POINTS)).astype(int)
    return sorted({*spread.tolist(), num_trials // 2, num_trials})


def _draw_interval(
    axes: Axes, comparison: Comparison, one: Contestant, statistic: str, style: Style
) -> None:
    """Draws how sure the mean is, which trials make surer; what a practitioner gets they do not."""
    budgets = budgets_up_to(one.num_feasible // LEAST_TRIALS_A_DRAW, comparison.tuning_budget)
    if not budgets:
        return
    scale = comparison.metric.scale
    ends = means_of(comparison).intervals(one, statistic, budgets, LEVEL)
    low, high = (scale * np.array(end) for end in zip(*ends, strict=True))
    axes.fill_between(budgets, low, high, color=style.colour, alpha=0.45, linewidth=0)


def _draw(
    axes: Axes, curve: BudgetCurve, style: Style, scale: float, label: str | None = None
) -> None:
    half = max(1, int(np.searchsorted(curve.num_drawn, curve.num_drawn[-1] // 2, "right")))
    k, centre = curve.num_drawn, scale * curve.mean
    low, high = scale * curve.low[:half], scale * curve.high[:half]
    axes.fill_between(k[:half], low, high, color=style.colour, alpha=0.15, linewidth=0)
    axes.plot(k[:half], centre[:half], style.line, color=style.colour, linewidth=1.6, label=label)
    axes.plot(k[half - 1 :], centre[half - 1 :], ":", color=style.colour, linewidth=1.2)


TUNING = ReportFigure(
    name="tuning",
    section="tuning",
    caption="Results of {workload} against the number of trials spent on tuning.",
    draw=tuning_curves_figure,
    needs=feasible_trials,
)
