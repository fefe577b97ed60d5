"""The share of each search space that diverges."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.frame import Margins, framed
from tfoptcmp.analysis.figures.report_figure import ReportFigure, feasible_trials
from tfoptcmp.analysis.figures.style import house_style, styles

# Standard normal quantile of 95 %: a two-sided 90 % interval, as the percentiles elsewhere.
_Z = 1.6449


def infeasible_figure(comparison: Comparison) -> Figure:
    """Draws the share of trials that diverged, with their numbers.

    Args:
        comparison: What to draw.
    """
    names = [one.title for one in comparison.contestants]
    with house_style():
        figure = framed(
            comparison,
            "trials that diverged",
            "diverged among diverged and feasible trials; bar: 90 % interval (Wilson); "
            "infeasible trials cost time but count in no statistic",
            panel_inches=(4.2, 0.32 * len(names)),
            shape=(1, 1),
            margins=Margins(left=0.3 + 0.08 * max(map(len, names)), right=0.9),
        )
        axes = figure.subplots()
        draw_infeasible(axes, comparison)
    return figure


def draw_infeasible(axes: Axes, comparison: Comparison) -> None:
    """Draws the share of trials that diverged, one optimizer below the other.

    Args:
        axes: Where to draw.
        comparison: What to draw.
    """
    contestants = comparison.contestants
    for position, (one, style) in enumerate(zip(contestants, styles(comparison), strict=True)):
        diverged = one.num_infeasible
        ended = diverged + one.num_feasible
        if ended:
            low, high = share_interval(diverged, ended)
            axes.hlines(position, 100 * low, 100 * high, color=style.colour, linewidth=2)
            axes.plot(
                100 * diverged / ended,
                position,
                "o",
                color=style.colour,
                markerfacecolor=style.fill,
            )
        axes.annotate(
            f"{diverged} of {ended}",
            xy=(1.02, position),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(contestants)), [one.title for one in contestants])
    axes.set_ylim(len(contestants) - 0.5, -0.5)  # the first on top
    axes.set_xlim(-2, 102)
    axes.grid(True, axis="x")
    axes.set_xlabel("diverged, % of trials")


INFEASIBLE = ReportFigure(
    name="infeasible",
    section="trials",
    caption="The share of trials of {workload} that diverged.",
    draw=infeasible_figure,
    needs=feasible_trials,
)


def share_interval(count: int, total: int) -> tuple[float, float]:
    """Returns Wilson's 90 % interval of a share, in [0, 1].

    Args:
        count: In [0, total].
        total: >= 1.
    """
    share = count / total
    weight = _Z**2 / total
    centre = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return max(0.0, centre - half), min(1.0, centre + half)
