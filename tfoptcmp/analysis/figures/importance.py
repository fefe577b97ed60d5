"""Which hyperparameters matter: shares of the variance, and the most important pair together."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.figures.frame import Margins, framed
from tfoptcmp.analysis.figures.report_figure import ReportFigure
from tfoptcmp.analysis.figures.style import folded, house_style
from tfoptcmp.analysis.ranges.boundary import position
from tfoptcmp.analysis.ranges.importance import (
    LEAST_TO_FIT,
    Importances,
    Slice,
    can_tell,
    importances_in,
)
from tfoptcmp.spaces import Choice, LogUniform

_HOW_TO_READ = (
    "left: what share of the differences between the results in this search space a hyperparameter "
    "explains alone, averaged over all others, with its 90 % interval; right: the {selected_by} "
    "metric that is expected of the pair that explains most, from the low edges to the high ones, "
    "averaged over all others (dark: good); dots: trials, crosses: those that diverged"
)


def importance_figure(comparison: Comparison) -> Figure:
    """Draws the importances of each optimizer and its most important pair, one row each.

    Args:
        comparison: What to draw.
    """
    contestants = comparison.contestants
    most = max(1, *(len(one.free) for one in contestants))
    with house_style():
        figure = framed(
            comparison,
            "which hyperparameters matter",
            _HOW_TO_READ.format(selected_by=comparison.selected_by),
            panel_inches=(2.6, max(1.3, 0.24 * most)),
            shape=(len(contestants), 2),
            margins=Margins(left=1.75, right=0.9, column_gap=1.0, row_gap=0.75, bottom=0.6),
        )
        rows = figure.subplots(len(contestants), 2, squeeze=False)
        for (left, right), one in zip(rows, contestants, strict=True):
            found = importances_in(comparison, one)
            left.set_title(folded(one.title, 30), fontsize=9, color=one.look.colour, loc="left")
            for axes in (left, right):
                axes.grid(False)
            _bars(left, one, found)
            if found and found.pair and found.is_believable:
                _heat(right, comparison, one, found.pair)
            else:
                right.set_axis_off()
        rows[-1, 0].set_xlabel("share of the variance")
    return figure


def _bars(axes: Axes, contestant: Contestant, found: Importances | None) -> None:
    axes.set_xlim(0, 1)
    if found is None or not found.is_believable:
        why = f"fewer than {LEAST_TO_FIT} trials" if found is None else "no pattern to be told"
        axes.set_yticks([])
        axes.text(0.5, 0.5, why, ha="center", va="center", fontsize=8, color="#777777")
        return
    places = np.arange(len(found.each))[::-1]
    shares = np.array([one.share for one in found.each])
    low, high = (np.array([getattr(one, end) for one in found.each]) for end in ("low", "high"))
    axes.barh(places, shares, color=contestant.look.colour, alpha=0.6, height=0.6)
    axes.errorbar(
        shares, places, xerr=(shares - low, high - shares), fmt="none", ecolor="#333333", capsize=2
    )
    axes.set_yticks(places, [one.name for one in found.each], fontsize=7)


def _heat(axes: Axes, comparison: Comparison, contestant: Contestant, pair: Slice) -> None:
    metric = comparison.metric
    shown = metric.scale * pair.expected
    low, high = float(shown.min()), float(shown.max())
    norm = LogNorm(low, high) if 0 < low < high else Normalize(low, max(high, low + 1e-12))
    image = axes.imshow(
        shown.T, origin="lower", extent=(0, 1, 0, 1), aspect="auto", cmap="cividis", norm=norm
    )
    ended = contestant.ended
    x, y = (
        position(contestant.dimensions[name], contestant.searched(name)[ended.index].to_numpy())
        for name in pair.names
    )
    feasible = ended["feasible"].to_numpy(bool)
    for chosen, marker in ((feasible, "o"), (~feasible, "x")):
        look: dict[str, Any] = {"s": 7, "linewidths": 0.6, "color": "white"}
        edge = {"edgecolors": "black"} if marker == "o" else {}
        axes.scatter(x[chosen], y[chosen], marker=marker, zorder=3, **look | edge)
    for name, axis in zip(pair.names, (axes.xaxis, axes.yaxis), strict=True):
        dimension = contestant.dimensions[name]
        axis.set_ticks([0, 1], [f"{dimension.low:g}", f"{dimension.high:g}"], fontsize=6)
        scale = " (log)" if isinstance(dimension, LogUniform) else ""
        axis.set_label_text(name if isinstance(dimension, Choice) else f"{name}{scale}", fontsize=7)
        axis.labelpad = -4
    bar = axes.figure.colorbar(image, ax=axes, pad=0.03, fraction=0.05)
    bar.ax.tick_params(labelsize=6, which="both")
    ends = [low, high]
    bar.set_ticks(ends, labels=[metric.text(end / metric.scale) for end in ends])
    bar.ax.minorticks_off()


def _importance(comparison: Comparison) -> str:
    """Enough trials of an optimizer in a space that is known."""
    return (
        ""
        if can_tell(comparison)
        else f"no optimizer has {LEAST_TO_FIT} trials from which a pattern can be told"
    )


IMPORTANCE = ReportFigure(
    name="importance",
    section="importance",
    caption="Which hyperparameters matter in the search spaces of {workload}.",
    draw=importance_figure,
    needs=_importance,
)
