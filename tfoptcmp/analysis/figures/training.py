"""Training curves: the best trial of each optimizer and the band of the good ones."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.figures.frame import panel_for_each
from tfoptcmp.analysis.figures.report_figure import ReportFigure, measurements
from tfoptcmp.analysis.figures.style import (
    Style,
    highest_shown,
    house_style,
    metric_axis,
    no_value,
    styles,
    value_axis,
    why_no_value,
)
from tfoptcmp.analysis.ranges.boundary import good_trials

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
    metric, target = comparison.metric, comparison.target
    scale = metric.scale
    best = [scale * best_curve(one) for one in comparison.contestants]
    last = _last_step(comparison)
    with house_style():
        figure, panels = panel_for_each(
            comparison,
            f"validation {metric.name} during training",
            _HOW_TO_READ,
            best,
            "training steps",
            metric.label("validation"),
        )
        shown = [] if target is None else [scale * target]
        drawn = zip(panels, comparison.contestants, best, styles(comparison), strict=True)
        for axes, one, line, style in drawn:
            if line.empty:
                no_value(axes, last / 2, why_no_value(one, "validation"))
            else:
                shown += _draw(axes, one, line, style, scale)
            if target is not None:
                axes.axhline(scale * target, color="#777777", linewidth=0.8, linestyle="--")
        panels[0].set_xlim(0, last)
        _cut_axis(panels[0], shown)
        metric_axis(panels[0], metric)
    return figure


def draw_training_curves(axes: Axes, comparison: Comparison) -> None:
    """Draws the validation metric of each optimizer's best trial and the band of its good ones.

    Lines are labelled for `axes.legend()`.

    Args:
        axes: Where to draw.
        comparison: What to draw.
    """
    metric = comparison.metric
    shown: list[float] = []
    for one, style in zip(comparison.contestants, styles(comparison), strict=True):
        best = metric.scale * best_curve(one)
        if not best.empty:
            shown += _draw(axes, one, best, style, metric.scale, one.title)
    _cut_axis(axes, shown)
    metric_axis(axes, metric)
    axes.set_xlabel("training steps")
    axes.set_ylabel(metric.label(f"validation {metric.name}"))


def _last_step(comparison: Comparison) -> float:
    """The budget of a trial, or the last step that was measured."""
    measured = (one.measurements["step"].max() for one in comparison.contestants)
    return comparison.budget.get("steps") or max(step for step in measured if step > 0)


def best_curve(contestant: Contestant) -> "pd.Series[float]":
    """Returns the validation metric of the best trial, indexed by the step; empty if none."""
    best = contestant.winner
    trial = -1 if best is None else best["trial"]
    rows = contestant.measurements[contestant.measurements["trial"] == trial]
    return pd.Series(rows["validation_metric"].to_numpy(), index=rows["step"].to_numpy())


def _cut_axis(axes: Axes, shown: list[float]) -> None:
    top = highest_shown(shown)
    value_axis(axes, np.minimum(shown, top))
    if max(shown, default=0.0) > top:
        axes.set_ylim(top=top)


def _draw(
    axes: Axes,
    contestant: Contestant,
    best: "pd.Series[float]",
    style: Style,
    scale: float,
    label: str | None = None,
) -> list[float]:
    """Returns the finite values drawn."""
    good = contestant.measurements["trial"].isin(set(good_trials(contestant)["trial"]))
    rows = contestant.measurements[good]
    by_step = rows.groupby("step")["validation_metric"]
    low, high = scale * by_step.min(), scale * by_step.max()
    axes.fill_between(low.index, low, high, color=style.colour, alpha=0.2, linewidth=0)
    axes.plot(best.index, best, style.line, color=style.colour, linewidth=1.6, label=label)
    values = np.concatenate([low, high, best])
    return [float(value) for value in values[np.isfinite(values)]]


TRAINING = ReportFigure(
    name="training",
    section="tuning",
    caption="Training curves of {workload}: each optimizer's best trial and its good ones.",
    draw=training_curves_figure,
    needs=measurements,
)
