"""Training curves: the best trial of each optimizer and the band of the good ones."""

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
from tfoptcmp.analysis.ranges.boundary import good_trials
from tfoptcmp.analysis.report.tables import best_trial
from tfoptcmp.analysis.sources.studies import StudyResults

_HOW_TO_READ = (
    "line: the trial with the best final validation metric; band: from the best to the worst of "
    "the good trials (the best 10 %, or 5 of at least 15) at each step; grey: the other "
    "optimizers' best trials; dashed: the target; what goes far above the rest is cut off"
)


def training_curves_figure(comparison: Comparison) -> Figure:
    """Draws the validation metric against training steps, a panel for each optimizer.

    Args:
        comparison: What to draw.
    """
    scale, unit = metric_unit(comparison)
    best = [scale * best_curve(results) for results in comparison.studies]
    target = comparison.config.budget["target"]
    with house_style():
        figure, panels = panel_for_each(
            comparison,
            f"validation {comparison.config.metric} during training",
            _HOW_TO_READ,
            best,
            "training steps",
            f"validation, {unit}",
        )
        shown = [] if target is None else [scale * target]
        drawn = zip(panels, comparison.studies, best, looks(comparison), strict=True)
        for axes, results, line, look in drawn:
            shown += _draw(axes, results, line, look, scale)
            if target is not None:
                axes.axhline(scale * target, color="#777777", linewidth=0.8, linestyle="--")
        panels[0].set_xlim(0, comparison.config.budget["steps"])
        _cut_axis(panels[0], shown)
    return figure


def draw_training_curves(axes: Axes, comparison: Comparison) -> None:
    """Draws the validation metric of each optimizer's best trial and the band of its good ones.

    Lines are labelled for `axes.legend()`.

    Args:
        axes: Where to draw.
        comparison: What to draw.
    """
    scale, unit = metric_unit(comparison)
    shown: list[float] = []
    for results, look in zip(comparison.studies, looks(comparison), strict=True):
        best = scale * best_curve(results)
        if not best.empty:
            shown += _draw(axes, results, best, look, scale, results.title)
    _cut_axis(axes, shown)
    axes.set_xlabel("training steps")
    axes.set_ylabel(f"validation {comparison.config.metric}, {unit}")


def best_curve(results: StudyResults) -> "pd.Series[float]":
    """Returns the validation metric of the best trial, indexed by the step; empty if none."""
    best = best_trial(results)
    trial = -1 if best is None else best["trial"]
    rows = results.measurements[results.measurements["trial"] == trial]
    return pd.Series(rows["validation_metric"].to_numpy(), index=rows["step"].to_numpy())


def _cut_axis(axes: Axes, shown: list[float]) -> None:
    top = highest_shown(shown)
    value_axis(axes, np.minimum(shown, top))
    if max(shown, default=0.0) > top:
        axes.set_ylim(top=top)


def _draw(
    axes: Axes,
    results: StudyResults,
    best: "pd.Series[float]",
    look: Look,
    scale: float,
    label: str | None = None,
) -> list[float]:
    """Returns the finite values drawn."""
    good = results.measurements["trial"].isin(set(good_trials(results)["trial"]))
    rows = results.measurements[good]
    if best.empty or rows.empty:
        no_value(axes, results.config.budget["steps"] / 2, why_no_value(results, "validation"))
        return []
    by_step = rows.groupby("step")["validation_metric"]
    low, high = scale * by_step.min(), scale * by_step.max()
    axes.fill_between(low.index, low, high, color=look.colour, alpha=0.2, linewidth=0)
    axes.plot(best.index, best, look.line, color=look.colour, linewidth=1.6, label=label)
    values = np.concatenate([low, high, best])
    return [float(value) for value in values[np.isfinite(values)]]
