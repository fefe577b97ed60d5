"""Training speed: steps to a target (Choi et al. 2019, figures 2 and 10)."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparisons import Comparison
from tfoptcmp.analysis.figures.faces import (
    face_inches,
    face_title,
    reading_note,
)
from tfoptcmp.analysis.figures.results import column_inches, draw_point
from tfoptcmp.analysis.figures.style import (
    house_style,
    looks,
    metric_unit,
    names_inches,
    no_value,
    optimizer_axis,
)
from tfoptcmp.analysis.statistics import best_of_k, steps_of_best

_HOW_TO_READ = (
    "steps until the validation metric is at the target, given that one of K trials gets there "
    "(point: mean; bar: 5th to 95th percentile); above the axis the probability of that"
)


def steps_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draws the steps to each comparison's own target, a column for each (figure 2).

    Args:
        comparisons: At least one; those without a target are refused.

    Raises:
        ValueError: If one has no target.
    """
    panels = []
    for comparison in comparisons:
        target = comparison.config.budget["target"]
        if target is None:
            raise ValueError(f"comparisons must have a target; got {comparison.workload!r}")
        panels.append((comparison, float(target)))
    return _figure(panels)


def other_targets_figure(
    comparisons: Sequence[Comparison], targets: Sequence[float] | None = None
) -> Figure:
    """Draws the steps to other targets, a column for each comparison and target (figure 10).

    Args:
        comparisons: At least one, of one or several budgets.
        targets: Validation metric, in its unit (shares in [0, 1]); by default `reached_targets`.

    Raises:
        ValueError: If there is no target to draw.
    """
    panels = [
        (comparison, target)
        for comparison in comparisons
        for target in (reached_targets(comparison) if targets is None else targets)
    ]
    if not panels:
        raise ValueError(f"targets must not be empty; got {targets!r}, and no trial to take any of")
    return _figure(panels)


def reached_targets(comparison: Comparison) -> list[float]:
    """Returns the worst, the middle and the best of the optimizers' median validation results.

    What tuning with K trials gets; so the first one answers how soon the others are where the
    worst ends. Equal ones once, the easiest first.
    """
    found = (best_of_k(s, "validation", comparison.tuning_budget) for s in comparison.studies)
    medians = {known.percentile(50) for known in found if known is not None}
    known = sorted((median for median in medians if math.isfinite(median)), reverse=True)
    return [known[i] for i in sorted({0, len(known) // 2, len(known) - 1})] if known else []


def _figure(panels: Sequence[tuple[Comparison, float]]) -> Figure:
    widths = [column_inches(comparison) for comparison, _ in panels]
    titles = []
    for comparison, target in panels:
        scale, unit = metric_unit(comparison)
        titles.append(f"Steps to {scale * target:.3g} {unit} {comparison.config.metric}")
    with house_style():
        face = max(
            face_inches(comparison, width, title)
            for (comparison, _), width, title in zip(panels, widths, titles, strict=True)
        )
        below = max(names_inches(comparison.studies) for comparison, _ in panels)
        figure = Figure(figsize=(sum(widths), face + below + 2.5), layout="constrained")
        grid = figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
        drawn = zip(grid, panels, widths, titles, strict=True)
        for axes, (comparison, target), width, title in drawn:
            _draw(axes, comparison, target)
            face_title(axes, comparison, width_inches=width, title=title)
        reading_note(figure, _HOW_TO_READ)
    return figure


def _draw(axes: Axes, comparison: Comparison, target: float) -> None:
    studies = comparison.studies
    for position, (results, look) in enumerate(zip(studies, looks(comparison), strict=True)):
        known = steps_of_best(results, target, comparison.tuning_budget)
        steps, reached = (None, 0.0) if known is None else known.finite()
        if steps is None:
            no_value(axes, position, "not reached" if results.num_feasible else "no value")
        else:
            draw_point(axes, position, steps, look)
        axes.annotate(
            f"{reached:.2f}",
            xy=(position, 0.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=8,
            color="#555555",
        )
    budget = comparison.config.budget["steps"]
    axes.set_ylim(-0.12 * budget, 1.05 * budget)  # the probabilities stand below 0
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= 1.05 * budget])
    axes.axhline(0, color="#999999", linewidth=0.8)
    optimizer_axis(axes, studies)
    axes.set_ylabel("training steps")
