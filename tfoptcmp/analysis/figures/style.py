"""What all figures share: fonts, how optimizers are drawn, axes for optimizers and metrics."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.scale import SymmetricalLogScale
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, measured
from tfoptcmp.analysis.statistics.verdicts import Tone
from tfoptcmp.metrics import Metric

PALE = "#bbbbbb"
WARNING_COLOUR = "#B03000"
_HIDES_THE_REST = 100.0  # times the middle value
_FURTHEST = 1e4  # times the linear part: differences to trials that all but diverged are cut off

MARKS: dict[Tone, tuple[str, str, float]] = {
    "bad": ("X", WARNING_COLOUR, 5.0),
    "good": ("s", "#009E73", 3.0),
    "open": ("o", "#777777", 3.0),
}
"""Marker, colour and size of verdicts.

Shapes too: red and green are the colours that most colour-blind people confuse.
"""

MARKS_NOTE = (
    "red cross: violated or worse; green square: better, equivalent or holds; grey dot: not decided"
)
"""What the shapes and colours of MARKS mean."""

_MOST_SHAPES = 2000
_MOST_WITH_2_AND_5 = 500

# A rule's first signature, its second, ...: the same colour, another line.
_LINES = ("-", "--", ":", "-.")

_SETTINGS = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,  # not 0.1 with a "+1e2" above the axis
    "text.parse_math": False,  # names of workloads and users' texts may contain a "$"
    "svg.hashsalt": "tfoptcmp",  # equal studies give equal files
}


@contextmanager
def house_style() -> Iterator[None]:
    """Sets fonts, grid and the like, for drawing and for saving."""
    with matplotlib.rc_context(_SETTINGS):
        yield


@dataclass(frozen=True, kw_only=True)
class Style:
    """How one optimizer is drawn in one comparison.

    Attributes:
        colour: Of its rule.
        marker: Of its rule.
        line: Solid for the first signature of a rule.
        fill: Colour inside of points: white for signatures that are not the rule's plain one.
    """

    colour: str
    marker: str
    line: str
    fill: str


def styles(comparison: Comparison) -> list[Style]:
    """Returns each contestant's style: that of its rule, plain signatures filled and solid."""
    drawn = []
    for i, one in enumerate(comparison.contestants):
        before = comparison.contestants[:i]
        earlier = sum(one.rule is not None and other.rule == one.rule for other in before)
        # Results of other tools name no plain signature: there it is the rule's first one.
        plain = one.is_plain or (one.record is None and not earlier)
        drawn.append(
            Style(
                colour=one.look.colour,
                marker=one.look.marker,
                line=_LINES[earlier % len(_LINES)],
                fill=one.look.colour if plain else "white",
            )
        )
    return drawn


def style_of(comparison: Comparison, contestant: Contestant) -> Style:
    """Returns how one of its contestants is drawn."""
    drawn = zip(comparison.contestants, styles(comparison), strict=True)
    return next(style for one, style in drawn if one is contestant)


def as_pixels(num_shapes: int) -> bool:
    """Returns whether so many points or lines of one axes are pixels in SVG and PDF files too.

    There each shape takes some 70 bytes: those of 10,000 trials made a report of 13 MB.
    """
    return num_shapes > _MOST_SHAPES


def optimizer_axis(axes: Axes, contestants: Sequence[Contestant]) -> None:
    """Names the optimizers along x, in their order, from 0; takes `names_inches` below the axis."""
    axes.set_xlim(-0.6, len(contestants) - 0.4)
    names = [folded(one.title) for one in contestants]
    if _are_long(contestants):
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    else:
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")


def names_inches(contestants: Sequence[Contestant]) -> float:
    """Returns the height of what `optimizer_axis` writes."""
    return 1.4 if _are_long(contestants) else 0.5


def _are_long(contestants: Sequence[Contestant]) -> bool:
    return any(len(one.title) > 12 for one in contestants)


def why_no_value(contestant: Contestant, statistic: str) -> str:
    """Says in a few words why there is nothing to draw."""
    if not contestant.num_feasible:
        return "no feasible trial"
    title = STATISTICS[statistic].title
    if measured(contestant, statistic):
        return "no value"
    if contestant.reports(STATISTICS[statistic].value):
        return f"{title} of some trials only"
    return f"no {title} data"


def why_no_pair(comparison: Comparison, statistic: str | None = None) -> str:
    """Says why no two optimizers can be compared by a statistic, the main one by default.

    Returns:
        "" if two can.
    """
    statistic = statistic or main_statistic(comparison)
    if sum(measured(one, statistic) for one in comparison.contestants) > 1:
        return ""
    return f"fewer than two optimizers have results: {STATISTICS[statistic].title}"


def no_value(axes: Axes, position: float, text: str) -> None:
    """Says, upright at x = position, that there is nothing to draw."""
    axes.annotate(
        text,
        xy=(position, 0.5),
        xycoords=("data", "axes fraction"),
        rotation=90,
        ha="center",
        va="center",
        color="#777777",
        fontsize=8,
    )


def folded(name: str, width: int = 18) -> str:
    """Breaks a long name into lines after its underscores, hyphens and spaces."""
    lines = [""]
    for part in re.findall(r"[^ _-]*[ _-]|[^ _-]+", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def highest_shown(values: Sequence[float] | FloatArray) -> float:
    """Returns the upper limit of the axis: trials that almost diverged would hide the rest.

    Args:
        values: The values to draw; may contain infinities.
    """
    known = np.sort(np.asarray(values, dtype=np.float64))
    middle = float(known[len(known) // 2]) if len(known) else 0.0
    return _HIDES_THE_REST * middle if middle > 0 else math.inf


def value_axis(axes: Axes, shown: Sequence[float] | FloatArray) -> None:
    """Makes y logarithmic where the values are positive and span more than a factor of 4.

    Best results are a few percent and diverging ones near chance: a linear axis would show chance.

    Args:
        axes: Whose y axis.
        shown: Finite values that are drawn.
    """
    values = np.asarray(shown, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size or values.min() <= 0 or values.max() / values.min() <= 4:
        return
    axes.set_yscale("log")
    ratio = values.max() / values.min()
    subs = (1.0, 2.0, 3.0, 5.0, 7.0) if ratio < 10 else (1.0, 2.0, 5.0) if ratio < 1e3 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def budget_ticks(most: int) -> list[int]:
    """Returns the tuning budgets to name on a logarithmic axis of a panel, from 1 to `most`."""
    multiples = (1, 2, 5) if most <= _MOST_WITH_2_AND_5 else (1,)
    decades = [10**e for e in range(len(str(most)))]
    return [k for decade in decades for m in multiples if (k := m * decade) <= most]


def below(axes: Axes, x: float, text: str, points: float, size: float) -> None:
    """Writes a text below an axis.

    Args:
        axes: Whose axis.
        x: Where the text's middle is, in the data's unit.
        text: What to write.
        points: From the axis down to the text.
        size: Of the text, points.
    """
    axes.annotate(
        text,
        xy=(x, 0),
        xycoords=("data", "axes fraction"),
        xytext=(0, -points),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=size,
    )


def metric_axis(axes: Axes, metric: Metric) -> None:
    """Labels the y axis of errors with the values that users know; higher ones are above.

    To be called when all is drawn.

    Args:
        axes: What it shows are errors, in the unit shown.
        metric: Whose errors.
    """
    if not metric.maximize:
        return
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda shown, _: f"{metric.scale * metric.value(shown / metric.scale):.6g}")
    )
    low, high = sorted(axes.get_ylim())
    axes.set_ylim(high, low)


def linear_part(scale: float, margins: Iterable[float]) -> float:
    """Returns up to which difference a `symmetric_axis` is linear: four times the widest margin."""
    return 4 * scale * max(margins)


def symmetric_axis_note(near: float) -> str:
    """Says what a `symmetric_axis` is, which may end before `near`."""
    return f"axis of differences: logarithmic beyond {float(f'{near:.2g}'):g}"


def symmetric_axis(axes: Axes, which: str, near: float, ends: tuple[float, float]) -> None:
    """Makes an axis of differences linear near 0, where verdicts are made, logarithmic beyond.

    Args:
        axes: Whose axis.
        which: "x" or "y".
        near: Up to where it is linear, see `linear_part`; > 0.
        ends: What it is to show; far beyond `near` it is cut off.
    """
    low, high = (float(np.clip(end, -_FURTHEST * near, _FURTHEST * near)) for end in ends)
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}lim": (1.05 * low, 1.05 * high)})
    if max(-low, high) <= near:
        axis.set_major_locator(MaxNLocator(nbins=6))
    else:
        axes.set(**{f"{which}scale": SymmetricalLogScale(axis, linthresh=near, linscale=1.0)})
        axis.set_major_locator(FixedLocator(_ticks(near, 1.05 * low, 1.05 * high)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    axis.set_minor_locator(NullLocator())


def _ticks(near: float, low: float, high: float) -> list[float]:
    """0 and round numbers on both sides, from the linear part outwards."""
    first = math.floor(math.log10(near))
    decades = math.log10(max(-low, high, near) / near)
    multiples = (1, 4) if decades < 1.5 else (1,)
    step = 1 if decades < 3 else 2
    sizes = [m * 10.0**e for e in range(first, first + 7, step) for m in multiples]
    sizes = [size for size in sizes if size > 0.3 * near]  # others would crowd around 0
    return [t for t in (*(-size for size in sizes), 0.0, *sizes) if low <= t <= high]
