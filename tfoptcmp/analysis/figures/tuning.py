"""What tuning with k trials gets, for every k: the tuning-budget curve."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.panels import panel_for_each
from tfoptcmp.analysis.figures.style import (
    Look,
    highest_shown,
    house_style,
    looks,
    metric_unit,
    no_value,
    value_axis,
    why_no_value,
)
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.best_of_k import BudgetCurve, FloatArray, budget_curve
from tfoptcmp.analysis.statistics.quantities import measured, selection_and_values

_HOW_TO_READ = (
    "line: mean of the best of k trials drawn with replacement from the N that were run, exact "
    "(median, where single huge values put the mean above the band); "
    "band: 5th to 95th percentile; beyond k = N/2 dotted and without band: it would be too narrow; "
    "grey: the other optimizers; dashed: K; what goes far above the rest is cut off"
)


def tuning_curves_figure(comparison: Comparison, statistic: str | None = None) -> Figure:
    """Draws a result of the best of k trials against k, a panel for each optimizer.

    Args:
        comparison: What to draw.
        statistic: "validation" or "test"; by default test where a study has it.
    """
    if statistic is None:
        tested = any(measured(results, "test") for results in comparison.studies)
        statistic = "test" if tested else "validation"
    curves = [_curve(results, statistic) for results in comparison.studies]
    scale, unit = metric_unit(comparison)
    lines = [
        pd.Series(dtype=float) if c is None else pd.Series(scale * _centre(c), index=c.num_drawn)
        for c in curves
    ]
    most = max([1, *(len(line) for line in lines)])
    with house_style():
        figure, panels = panel_for_each(
            comparison,
            f"{statistic} {comparison.config.metric} of the best of k trials",
            _HOW_TO_READ,
            lines,
            "tuning budget k, trials",
            f"{statistic}, {unit}",
        )
        drawn = zip(panels, comparison.studies, curves, looks(comparison), strict=True)
        for axes, results, curve, look in drawn:
            if curve is None:
                no_value(axes, most**0.5, why_no_value(results, statistic))
            else:
                _draw(axes, curve, look, scale)
            axes.axvline(comparison.tuning_budget, color="#777777", linewidth=0.8, linestyle="--")
        axes = panels[0]
        axes.set_xscale("log")
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= most]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_xlim(0.9, 1.1 * most)
        axes.minorticks_off()
        known = [curve for curve in curves if curve is not None]
        if not known:
            axes.set_yticks([])
        else:
            values = scale * np.concatenate([(*c.low, *c.high, *_centre(c)) for c in known])
            top = highest_shown(values)
            value_axis(axes, np.minimum(values, top))
            if values.max() > top:
                axes.set_ylim(top=top)
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
    scale, unit = metric_unit(comparison)
    for results, look in zip(comparison.studies, looks(comparison), strict=True):
        if (curve := _curve(results, statistic)) is not None:
            _draw(axes, curve, look, scale, results.title)
    axes.set_xscale("log")
    axes.set_xlabel("tuning budget k, trials")
    axes.set_ylabel(f"{statistic} {comparison.config.metric}, {unit}")


def _curve(results: StudyResults, statistic: str) -> BudgetCurve | None:
    if not measured(results, statistic):
        return None
    return budget_curve(*selection_and_values(results, statistic))


def _centre(curve: BudgetCurve) -> FloatArray:
    return np.where(curve.mean <= curve.high, curve.mean, curve.median)


def _draw(
    axes: Axes, curve: BudgetCurve, look: Look, scale: float, label: str | None = None
) -> None:
    half = max(1, len(curve.mean) // 2)
    k, centre = curve.num_drawn, scale * _centre(curve)
    low, high = scale * curve.low[:half], scale * curve.high[:half]
    axes.fill_between(k[:half], low, high, color=look.colour, alpha=0.2, linewidth=0)
    axes.plot(k[:half], centre[:half], look.line, color=look.colour, linewidth=1.6, label=label)
    axes.plot(k[half - 1 :], centre[half - 1 :], ":", color=look.colour, linewidth=1.2)
