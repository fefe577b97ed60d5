"""What all figures share: colours, fonts, axes for optimizers and for metrics."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.analysis.statistics.quantities import measured

# Okabe and Ito's palette, which colour-blind people can tell apart (jfly.uni-koeln.de/color).
COLOURS: dict[str, str] = {
    "sgd": "#000000",
    "momentum": "#E69F00",
    "nesterov": "#56B4E9",
    "rmsprop": "#009E73",
    "adam": "#0072B2",
    "nadam": "#CC79A7",
}
_ELSEWHERE = "#D55E00"  # rules that are not ours share the palette's last strong colour
PALE = "#bbbbbb"
_HIDES_THE_REST = 100.0  # times the middle value

# A rule's first signature, its second, ...: the same colour, another line.
_LINES = ("-", "--", ":", "-.")
_MARKERS = {"sgd": "o", "momentum": "s", "nesterov": "D", "rmsprop": "^", "adam": "v", "nadam": "P"}

_SETTINGS = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,  # not 0.1 with a "+1e2" above the axis
    "text.parse_math": False,  # names of workloads and people's own words may hold a "$"
    "svg.hashsalt": "tfoptcmp",  # equal studies give equal files
}


@contextmanager
def house_style() -> Iterator[None]:
    """Sets fonts, grid and the like, for drawing and for saving."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def colour(rule: str) -> str:
    """Returns the colour of a rule."""
    return COLOURS.get(rule, _ELSEWHERE)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How an optimizer is drawn."""

    colour: str
    line: str
    marker: str
    fill: str


def looks(comparison: Comparison) -> list[Look]:
    """Returns how each study is drawn: the rule's colour, plain signatures filled and solid."""
    drawn = []
    for i, results in enumerate(comparison.studies):
        rule = results.signature.rule.name
        earlier = sum(s.signature.rule.name == rule for s in comparison.studies[:i])
        drawn.append(
            Look(
                colour=colour(rule),
                line=_LINES[earlier % len(_LINES)],
                marker=_MARKERS.get(rule, "X"),
                fill=colour(rule) if results.name == rule else "white",
            )
        )
    return drawn


def optimizer_axis(axes: Axes, studies: Sequence[StudyResults]) -> None:
    """Names the optimizers along x, in their order, from 0; takes `names_inches` below the axis."""
    axes.set_xlim(-0.6, len(studies) - 0.4)
    names = [folded(results.title) for results in studies]
    if _are_long(studies):
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    else:
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")


def names_inches(studies: Sequence[StudyResults]) -> float:
    """Returns the height of what `optimizer_axis` writes."""
    return 1.4 if _are_long(studies) else 0.5


def _are_long(studies: Sequence[StudyResults]) -> bool:
    return any(len(results.title) > 12 for results in studies)


def why_no_value(results: StudyResults, statistic: str) -> str:
    """Says in a few words why there is nothing to draw."""
    if not results.num_feasible:
        return "no feasible trial"
    return "no value" if measured(results, statistic) else "no test data"


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


def metric_unit(comparison: Comparison) -> tuple[float, str]:
    """Returns the factor from the metric's unit to the one shown, and that unit's name."""
    share = comparison.config.metric_unit == "share"
    return (100.0, "%") if share else (1.0, comparison.config.metric_unit)


def highest_shown(values: Sequence[float] | FloatArray) -> float:
    """Returns up to where to draw: losses of trials that all but diverged would hide the rest.

    Args:
        values: What there is to draw; may hold infinities.
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
