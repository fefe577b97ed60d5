"""What all figures share: colours, what must stand on the face, axes for optimizers and metrics."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from tfoptcmp.analysis.comparisons import Comparison
from tfoptcmp.analysis.distributions import FloatArray
from tfoptcmp.analysis.studies import StudyResults

# Okabe and Ito's palette, which colour-blind people can tell apart (jfly.uni-koeln.de/color).
COLOURS: dict[str, str] = {
    "sgd": "#000000",
    "momentum": "#E69F00",
    "nesterov": "#56B4E9",
    "rmsprop": "#009E73",
    "adam": "#0072B2",
    "nadam": "#CC79A7",
}
WARNING_COLOUR = "#B03000"
NOTE_COLOUR = "#555555"
PALE = "#bbbbbb"

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
    "text.parse_math": False,  # names of workloads and people's own words may hold a "$"
    "svg.hashsalt": "tfoptcmp",  # equal studies give equal files
}

_DOTS_PER_INCH = 150
_LINE_INCHES = 12 / 72  # of text on the face
_NOTE_SIZE = 7
_NOTE_INCHES = 0.125

Format = Literal["png", "svg", "pdf"]


@contextmanager
def house_style() -> Iterator[None]:
    """Sets fonts, grid and the like, for drawing and for saving."""
    with matplotlib.rc_context(_SETTINGS):
        yield


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
                colour=COLOURS[rule],
                line=_LINES[earlier % len(_LINES)],
                marker=_MARKERS[rule],
                fill=COLOURS[rule] if results.name == rule else "white",
            )
        )
    return drawn


@dataclass(frozen=True, kw_only=True)
class Margins:
    """Room around and between panels, in inches."""

    top: float = 0.35
    left: float = 0.75
    right: float = 0.2
    bottom: float = 0.5
    column_gap: float = 0.2
    row_gap: float = 0.35


def framed(
    comparison: Comparison,
    subject: str,
    note: str,
    *,
    panel_inches: tuple[float, float],
    shape: tuple[int, int],
    margins: Margins,
) -> Figure:
    """Makes a figure of one comparison: the face above the panels, a note on how to read it below.

    Everything has its place in inches: matplotlib's own layout would draw the figure twice more.

    Args:
        comparison: What is drawn.
        subject: What the figure shows, in a few words.
        note: How to read it.
        panel_inches: Width and height of a panel.
        shape: Rows and columns of panels.
        margins: Around and between them.
    """
    rows, columns = shape
    inner_width = columns * panel_inches[0] + (columns - 1) * margins.column_gap
    inner_height = rows * panel_inches[1] + (rows - 1) * margins.row_gap
    width = margins.left + inner_width + margins.right
    lines = _face_lines(comparison, width - 0.2, f"{comparison.workload}: {subject}")
    notes = textwrap.wrap(note, round(15 * (width - 0.2)))
    top = margins.top + _LINE_INCHES * len(lines)
    bottom = margins.bottom + 0.1 + _NOTE_INCHES * len(notes)
    height = top + inner_height + bottom
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=margins.left / width,
        right=1 - margins.right / width,
        bottom=bottom / height,
        top=1 - top / height,
        wspace=margins.column_gap / panel_inches[0],
        hspace=margins.row_gap / panel_inches[1],
    )
    for number, (text, look) in enumerate(lines, start=1):
        figure.text(0.1 / width, 1 - (0.05 + _LINE_INCHES * number) / height, text, **look)
    look = {"size": _NOTE_SIZE, "color": NOTE_COLOUR, "va": "bottom"}
    figure.text(0.1 / width, 0.05 / height, "\n".join(notes), **look)
    return figure


def face_inches(comparison: Comparison, width_inches: float, title: str = "") -> float:
    """Returns the height of what `face_title` writes."""
    return _LINE_INCHES * len(_face_lines(comparison, width_inches, title))


def face_title(axes: Axes, comparison: Comparison, width_inches: float, title: str = "") -> None:
    """Puts workload, scale, N, K and all warnings above the axes, warnings in colour.

    Args:
        axes: The topmost axes of the comparison.
        comparison: What is drawn.
        width_inches: Of the comparison's column; lines break there.
        title: What the column shows, above the workload.
    """
    lines = _face_lines(comparison, width_inches, title)
    for from_bottom, (text, look) in enumerate(reversed(lines)):
        axes.annotate(
            text,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 8 + 12 * from_bottom),
            textcoords="offset points",
            **look,
        )


def _face_lines(
    comparison: Comparison, width_inches: float, title: str
) -> list[tuple[str, dict[str, Any]]]:
    # Characters that fit into an inch: 9 bold ones of 10 points, 11 of 8 points, 14 plain ones.
    told = [comparison.spent, comparison.sample_sizes]
    if title and comparison.workload not in title:
        told[0] = f"{comparison.workload}, {told[0]}"
    titles = _wrapped([title or comparison.workload], 9 * width_inches)
    headline = _wrapped(told, 14 * width_inches)
    warnings = _wrapped(comparison.warnings, 11 * width_inches)
    return [
        *((line, {"weight": "bold", "size": 10}) for line in titles),
        *((line, {"size": 8}) for line in headline),
        *((line, {"size": 8, "color": WARNING_COLOUR, "weight": "bold"}) for line in warnings),
    ]


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


def reading_note(figure: Figure, text: str) -> None:
    """Says below a figure of several comparisons how to read it."""
    lines = textwrap.wrap(text, round(15 * figure.get_size_inches()[0]))
    figure.supxlabel("\n".join(lines), fontsize=_NOTE_SIZE, color=NOTE_COLOUR)


def no_value(axes: Axes, position: float, text: str = "no value") -> None:
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


def value_axis(axes: Axes, shown: Sequence[float] | FloatArray) -> None:
    """Makes y logarithmic where the values are positive and span more than a factor of 8.

    Best results are a few percent and diverging ones near chance: a linear axis would show chance.

    Args:
        axes: Whose y axis.
        shown: Finite values that are drawn.
    """
    values = np.asarray(shown, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size or values.min() <= 0 or values.max() / values.min() <= 8:
        return
    axes.set_yscale("log")
    subs = (1.0, 2.0, 5.0) if values.max() / values.min() < 1e3 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def save(figure: Figure, path: Path, formats: Sequence[Format] = ("png", "svg")) -> list[Path]:
    """Writes `<path>.<format>` for each format; the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: Where to, without suffix; its directory exists.
        formats: What to write.

    Returns:
        The files, in the order of the formats.
    """
    with house_style():
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # or it would run again for each format
        files = []
        for form in formats:
            files.append(path.with_name(f"{path.name}.{form}"))
            # Not `savefig`, which draws everything twice.
            match form:
                case "png":
                    figure.set_dpi(_DOTS_PER_INCH)
                    FigureCanvasAgg(figure).print_png(files[-1], metadata={"Software": None})
                case "svg":
                    FigureCanvasSVG(figure).print_svg(files[-1], metadata={"Date": None})
                case "pdf":
                    FigureCanvasPdf(figure).print_pdf(files[-1], metadata={"CreationDate": None})
    return files


def _wrapped(lines: Sequence[str], width_characters: float) -> list[str]:
    return [part for line in lines for part in textwrap.wrap(line, round(width_characters))]
