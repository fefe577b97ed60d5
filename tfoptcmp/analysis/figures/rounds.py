"""Each range by round, from the wide space to the final one, with the good trials in it."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison, short
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.figures.frame import Margins, framed
from tfoptcmp.analysis.figures.report_figure import ReportFigure, refined
from tfoptcmp.analysis.figures.style import Style, below, folded, house_style, style_of, styles
from tfoptcmp.analysis.ranges.boundary import good_trials
from tfoptcmp.spaces import LogUniform

_INCHES = 1.85  # of a hyperparameter's part of a row
_ROUND_INCHES = 0.19
_RANGE = 0.66  # of its width is the widest range; the names of the ends stand beside it
_BAR = 0.62  # of a round's height
_POINTS = 7.0
_HOW_TO_READ = (
    "a bar: the range of a hyperparameter in a round, round 0 at the top, each on the scale of all "
    "rounds; ticks in it: good trials of that round (the best 10 %, or 5 of at least 15); the "
    "lowest bar, framed: the range that is judged"
)


def rounds_figure(comparison: Comparison) -> Figure:
    """Draws the logarithmic ranges by round, one row per optimizer.

    The hyperparameters of a row are side by side in one axes, as in `boundaries_figure`.

    Args:
        comparison: What to draw; of the last round.
    """
    contestants = comparison.contestants
    most = max(1, *(len(_names(one)) for one in contestants))
    height = max(len(one.rounds) for one in contestants)
    lines = max(folded(one.title).count("\n") for one in contestants)
    with house_style():
        figure = framed(
            comparison,
            "search spaces by round",
            _HOW_TO_READ,
            panel_inches=(max(3.5, _INCHES * most), max(0.4, _ROUND_INCHES * height)),
            shape=(len(contestants), 1),
            margins=Margins(top=0.2, left=0.6 + 0.14 * lines, bottom=0.3, row_gap=0.33),
        )
        rows = figure.subplots(len(contestants), 1, squeeze=False, sharex=True)[:, 0]
        for axes, one, style in zip(rows, contestants, styles(comparison), strict=True):
            _row(axes, one, style, most, height)
    return figure


def draw_rounds(axes: Axes, comparison: Comparison, contestant: Contestant) -> None:
    """Draws the logarithmic ranges of one optimizer by round.

    Args:
        axes: Where to draw; the hyperparameters are side by side.
        comparison: For the optimizers' styles.
        contestant: One of its optimizers.
    """
    style = style_of(comparison, contestant)
    _row(axes, contestant, style, len(_names(contestant)), len(contestant.rounds))


def _names(contestant: Contestant) -> list[str]:
    """Names whose range is logarithmic in every round."""
    return [
        name
        for name in contestant.free
        if all(isinstance(one.dimensions.get(name), LogUniform) for one in contestant.rounds)
    ]


def _row(axes: Axes, contestant: Contestant, style: Style, most: int, height: int) -> None:
    rounds, names = contestant.rounds, _names(contestant)
    axes.grid(visible=False)
    axes.set(xlim=(0, max(1, most)), ylim=(height - 0.5, -0.5), xticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0, labelsize=_POINTS, pad=1)
    axes.set_yticks(range(len(rounds)), [str(number) for number in range(len(rounds))])
    axes.set_ylabel(folded(contestant.title), color=style.colour)
    ticks: list[tuple[float, int]] = []
    good = [good_trials(one) for one in rounds]
    for i, name in enumerate(names):
        ranges = [np.log10([d.low, d.high]) for d in (one.dimensions[name] for one in rounds)]
        low, width = min(r[0] for r in ranges), np.ptp(np.concatenate(ranges))
        left, scale = i + (1 - _RANGE) / 2, _RANGE / width
        for number, (one, ends) in enumerate(zip(rounds, ranges, strict=True)):
            last = number == len(rounds) - 1
            start, end = left + scale * (ends - low)
            axes.barh(
                number,
                end - start,
                left=start,
                height=_BAR,
                color=(style.colour, 0.3 if last else 0.18),
                edgecolor=style.colour if last else "none",
                linewidth=0.8,
            )
            dimension = one.dimensions[name]
            for x, value, side in ((start, dimension.low, -1), (end, dimension.high, 1)):
                axes.annotate(
                    short(value),
                    xy=(x, number),
                    xytext=(2 * side, 0),
                    textcoords="offset points",
                    ha="right" if side < 0 else "left",
                    va="center",
                    fontsize=_POINTS,
                )
            values = one.searched(name)[good[number].index].to_numpy(dtype=np.float64)
            ticks += [
                (left + scale * (math.log10(value) - low), number)
                for value in values
                if math.isfinite(value)
            ]
        below(axes, i + 0.5, name, 2, 8.0)
    if ticks:
        x, y = np.array(ticks).T
        axes.vlines(x, y - _BAR / 2, y + _BAR / 2, color=style.colour, linewidth=1.0)


ROUNDS = ReportFigure(
    name="rounds",
    section="lineage",
    caption="Search spaces of {workload} by round, and where the good trials lay.",
    draw=rounds_figure,
    needs=refined,
    told_if_missing=False,
)
