"""Training speed: steps to a target (Choi et al. 2019, figures 2 and 10)."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.frame import face_inches, face_title, reading_note
from tfoptcmp.analysis.figures.report_figure import ReportFigure, feasible_trials, measurements
from tfoptcmp.analysis.figures.results import column_inches, draw_point
from tfoptcmp.analysis.figures.style import (
    house_style,
    names_inches,
    no_value,
    optimizer_axis,
    styles,
)
from tfoptcmp.analysis.statistics.quantities import (
    best_of_k,
    cap_of_shown,
    measured,
    steps_of_best,
)

_HOW_TO_READ = (
    "steps until the validation metric is at the target, given that one of K trials gets there "
    "(point: mean; bar: 5th to 95th percentile); above the axis the probability of that"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Panel:
    comparison: Comparison
    target: float | None  # in the metric's unit; None for the comparison's own
    title: str


def steps_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draws the steps to each comparison's own target, a column for each (figure 2).

    Where there is no target, the steps are those to where the worst optimizer ends, the first of
    `reached_targets`, and the column says so.

    Args:
        comparisons: At least one; one without a target needs measurements.

    Raises:
        ValueError: If one has neither a target nor a feasible trial better than guessing.
    """
    panels = []
    for comparison in comparisons:
        if comparison.target is not None or _has_steps(comparison):
            panels.append(_panel(comparison, None))
            continue
        reached = reached_targets(comparison)
        if not reached:
            raise ValueError(
                "comparisons must have a target, or a feasible trial better than guessing; got "
                f"neither for {comparison.workload!r}"
            )
        panels.append(_panel(comparison, reached[0], ", where the worst ends (no target here)"))
    return _figure([panels])


def other_targets_figure(
    comparisons: Sequence[Comparison], targets: Sequence[float] | None = None
) -> Figure:
    """Draws the steps to other targets: one row per comparison, one column per target (figure 10).

    Args:
        comparisons: At least one, of one or several budgets.
        targets: Validation metric, in its unit (shares in [0, 1]); by default `reached_targets`.

    Raises:
        ValueError: If there is no target to draw.
    """
    rows = [
        [_panel(comparison, target) for target in chosen]
        for comparison in comparisons
        if (chosen := reached_targets(comparison) if targets is None else targets)
    ]
    if not rows:
        raise ValueError(f"targets must not be empty; got {targets!r}, and no trial gives one")
    return _figure(rows)


def reached_targets(comparison: Comparison) -> list[float]:
    """Returns the worst, the middle and the best of the optimizers' median validation results.

    These are results of tuning with K trials. So the first one shows how soon the others reach the
    final result of the worst. Equal ones are listed once, the easiest first. A loss that is no
    better than guessing is none: it is reached before training.
    """
    cap = cap_of_shown(comparison, "validation")
    found = (
        best_of_k(one, "validation", comparison.tuning_budget) for one in comparison.contestants
    )
    medians = {known.percentile(50) for known in found if known is not None}
    known = sorted((median for median in medians if median < cap), reverse=True)
    return [known[i] for i in sorted({0, len(known) // 2, len(known) - 1})] if known else []


def _panel(comparison: Comparison, target: float | None, which: str = "") -> _Panel:
    metric, value = comparison.metric, comparison.target if target is None else target
    title = "Steps to the target"
    if value is not None:
        shown = metric.scale * metric.value(value)
        title = f"Steps to {shown:.3g} {metric.shown_unit} {metric.name}{which}"
    return _Panel(comparison=comparison, target=target, title=title)


def _has_steps(comparison: Comparison) -> bool:
    return any(measured(one, "steps_to_target") for one in comparison.contestants)


def _figure(rows: Sequence[Sequence[_Panel]]) -> Figure:
    num_columns = max(map(len, rows))
    width = max(column_inches(panel.comparison) for row in rows for panel in row)
    with house_style():
        faces = [max(face_inches(p.comparison, width, p.title) for p in row) for row in rows]
        heights = [
            face + 2.2 + max(names_inches(panel.comparison.contestants) for panel in row)
            for face, row in zip(faces, rows, strict=True)
        ]
        size = (num_columns * width, sum(heights) + 0.3)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(rows), num_columns, squeeze=False)
        for places, row, face in zip(grid, rows, faces, strict=True):
            for axes, panel in zip(places, row, strict=False):
                draw_steps(axes, panel.comparison, panel.target)
                face_title(axes, panel.comparison, width, panel.title, height_inches=face)
            for axes in places[len(row) :]:
                axes.set_axis_off()
        reading_note(figure, _HOW_TO_READ)
    return figure


def draw_steps(axes: Axes, comparison: Comparison, target: float | None = None) -> None:
    """Draws the steps to a target, one optimizer after the other, and how often it is reached.

    Args:
        axes: Where to draw.
        comparison: What to draw.
        target: Validation metric, in its unit (shares in [0, 1]), which needs measurements; by
            default the comparison's own.
    """
    contestants, num_drawn = comparison.contestants, comparison.tuning_budget
    furthest = 0.0
    for position, (one, style) in enumerate(zip(contestants, styles(comparison), strict=True)):
        known = (
            best_of_k(one, "steps_to_target", num_drawn)
            if target is None
            else steps_of_best(one, target, num_drawn)
        )
        steps, reached = (None, 0.0) if known is None else known.finite()
        if steps is None:
            no_value(axes, position, "not reached" if one.num_feasible else "no feasible trial")
        else:
            draw_point(axes, position, steps, style)
            furthest = max(furthest, steps.values[-1])
        axes.annotate(
            f"{reached:.2f}",
            xy=(position, 0.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=8,
            color="#555555",
        )
    budget = comparison.budget.get("steps") or furthest or 1.0
    axes.set_ylim(-0.12 * budget, 1.05 * budget)  # the probabilities are below 0
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= 1.05 * budget])
    axes.axhline(0, color="#999999", linewidth=0.8)
    optimizer_axis(axes, contestants)
    axes.set_ylabel("training steps")


STEPS = ReportFigure(
    name="steps",
    section="results",
    caption="Training steps to the target of {workload}.",
    draw=lambda comparison: steps_figure([comparison]),
    needs=lambda comparison: (
        feasible_trials(comparison)
        or (
            "" if _has_steps(comparison) else "there is no target, and no steps to one are reported"
        )
    ),
)

OTHER_TARGETS = ReportFigure(
    name="other_targets",
    section="results",
    caption="Training steps of {workload} to where the worst, the middle and the best optimizer "
    "end.",
    draw=lambda comparison: other_targets_figure([comparison]),
    needs=lambda comparison: (
        measurements(comparison)
        or ("" if reached_targets(comparison) else "no optimizer ends better than guessing")
    ),
)
