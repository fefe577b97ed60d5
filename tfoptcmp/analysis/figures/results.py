"""Final results of every optimizer (Choi et al. 2019, figures 1 and 9)."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.frame import face_inches, face_title, reading_note
from tfoptcmp.analysis.figures.report_figure import ReportFigure, feasible_trials
from tfoptcmp.analysis.figures.style import (
    Style,
    highest_shown,
    house_style,
    metric_axis,
    names_inches,
    no_value,
    optimizer_axis,
    styles,
    value_axis,
    why_no_value,
)
from tfoptcmp.analysis.statistics.best_of_k import Distribution
from tfoptcmp.analysis.statistics.quantities import (
    BOUNDED_NOTE,
    STATISTICS,
    best_of_k,
    cap_of_shown,
    measured,
)

INCHES_PER_OPTIMIZER = 0.6
_HOW_TO_READ = (
    "point: mean of the best of K trials (dash: median, where single huge values put the mean "
    "above the bar); bar: 5th to 95th percentile (triangle: continues far beyond)"
)


def results_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draws the validation metric above the test metric, a column for each comparison (figure 1).

    A point is the mean result of tuning with K trials, its bar the 5th to 95th percentile;
    optimizers are in the order of the inclusions. A signature that is not its rule's plain one has
    an open point. A row is left out if no comparison has its metric.

    Args:
        comparisons: At least one.
    """
    validated = any(comparison.selected_by == "validation" for comparison in comparisons)
    tested = not validated or any(_has(comparison, "test") for comparison in comparisons)
    rows = (("validation",) if validated else ()) + (("test",) if tested else ())
    return _figure(comparisons, rows, how_to_read(comparisons, rows[0]))


def training_loss_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draws the final training loss, trials selected by it (figure 9), one column per comparison.

    Args:
        comparisons: At least one.
    """
    note = f"{how_to_read(comparisons, 'train_loss')}; trials selected by it"
    return _figure(comparisons, ("train_loss",), note)


def _figure(comparisons: Sequence[Comparison], rows: Sequence[str], note: str) -> Figure:
    widths = [column_inches(comparison) for comparison in comparisons]
    with house_style():
        face = max(face_inches(c, width) for c, width in zip(comparisons, widths, strict=True))
        below = max(names_inches(comparison.contestants) for comparison in comparisons)
        size = (sum(widths), face + below + 0.5 + 1.9 * len(rows))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(
            len(rows), len(widths), squeeze=False, sharex="col", width_ratios=widths
        )
        for column, (comparison, width) in enumerate(zip(comparisons, widths, strict=True)):
            for axes, statistic in zip(grid[:, column], rows, strict=True):
                draw_statistic(axes, comparison, statistic)
            face_title(grid[0, column], comparison, width_inches=width, height_inches=face)
        reading_note(figure, note)
    return figure


def how_to_read(comparisons: Sequence[Comparison], statistic: str) -> str:
    """Explains points and bars, and says which are better, if it is the same in all columns."""
    directions = {STATISTICS[statistic].metric(c).direction for c in comparisons}
    told = [_HOW_TO_READ, *(directions if len(directions) == 1 else ())]
    bounded = [c for c in comparisons if math.isfinite(cap_of_shown(c, statistic))]
    if bounded:
        names = ", ".join(dict.fromkeys(c.workload for c in bounded))
        where = "" if len(bounded) == len(comparisons) else f" ({names})"
        told.append(f"{BOUNDED_NOTE}{where}")
    return "; ".join(told)


def column_inches(comparison: Comparison) -> float:
    """Returns the width of a column that has room for each optimizer."""
    return max(4.8, 1 + INCHES_PER_OPTIMIZER * len(comparison.contestants))


def draw_statistic(axes: Axes, comparison: Comparison, statistic: str) -> None:
    """Draws one statistic of a comparison, one optimizer after the other.

    Args:
        axes: Where to draw.
        comparison: What to draw.
        statistic: "validation", "test" or "train_loss".
    """
    metric = STATISTICS[statistic].metric(comparison)
    shares_axis = len(axes.get_shared_y_axes().get_siblings(axes)) > 1
    if not _has(comparison, statistic) and not shares_axis:
        axes.set_yticks([])
    cap = cap_of_shown(comparison, statistic)
    each = (best_of_k(one, statistic, comparison.tuning_budget) for one in comparison.contestants)
    found = [None if known is None else known.capped(cap) for known in each]
    known = [d for d in found if d is not None and math.isfinite(d.percentile(95))]
    top = highest_shown([distribution.percentile(50) for distribution in known])
    drawn = zip(found, comparison.contestants, styles(comparison), strict=True)
    for position, (distribution, one, style) in enumerate(drawn):
        if distribution not in known:
            no_value(axes, position, why_no_value(one, statistic))
        else:
            beyond = "v" if metric.maximize else "^"
            draw_point(axes, position, distribution, style, metric.scale, top, beyond)
    percentiles = [metric.scale * min(top, d.percentile(p)) for d in known for p in (5, 50, 95)]
    value_axis(axes, percentiles)
    optimizer_axis(axes, comparison.contestants)
    metric_axis(axes, metric)
    if metric is comparison.metric:
        axes.set_ylabel(metric.label(f"{statistic}\n{metric.name}"))
    else:
        axes.set_ylabel(metric.label(f"final {metric.name}"))


def _has(comparison: Comparison, statistic: str) -> bool:
    return any(measured(one, statistic) for one in comparison.contestants)


def draw_point(
    axes: Axes,
    position: float,
    known: Distribution,
    style: Style,
    scale: float = 1.0,
    top: float = math.inf,
    beyond: str = "^",
) -> None:
    """Draws the mean and the 5th to 95th percentile, times `scale`.

    A loss of 1e29 is finite and may be the worst of K: where that puts the mean above the 95th
    percentile, or above the top, the median is drawn. A bar that continues above the top ends there
    in a triangle, the marker `beyond`.
    """
    low, middle, high = (scale * min(top, known.percentile(percent)) for percent in (5, 50, 95))
    mean = scale * known.mean()
    axes.vlines(position, low, high, color=style.colour, linewidth=2)
    y, marker = (mean, "o") if mean <= high else (middle, "_")
    size = 6 if marker == "o" else 12
    axes.plot(position, y, marker, color=style.colour, markerfacecolor=style.fill, markersize=size)
    if known.percentile(95) > top:
        axes.plot(position, high, beyond, color=style.colour)


RESULTS = ReportFigure(
    name="results",
    section="results",
    caption="Final validation and test results of {workload} after tuning with K trials.",
    draw=lambda comparison: results_figure([comparison]),
    needs=feasible_trials,
)

TRAINING_LOSS = ReportFigure(
    name="training_loss",
    section="results",
    caption="Final training loss of {workload}, trials selected by it.",
    draw=lambda comparison: training_loss_figure([comparison]),
    needs=lambda comparison: (
        feasible_trials(comparison)
        or ("" if _has(comparison, "train_loss") else "no training loss is reported")
    ),
)
