"""The frame of a figure: the header above, the panels, the note on how to read them below."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.style import PALE, WARNING_COLOUR, folded

NOTE_COLOUR = "#555555"

_LINE_INCHES = 12 / 72  # of text in the header
_NOTE_SIZE = 7
_NOTE_INCHES = 0.125

_PANELS_A_ROW = 3
_TITLE_CHARACTERS = 30


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
    """Makes a figure of one comparison: a header above the panels, a note on how to read it below.

    All positions are in inches: matplotlib's own layout would draw the figure twice more.

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


def panel_for_each(
    comparison: Comparison,
    subject: str,
    note: str,
    lines: Sequence["pd.Series[float]"],
    x_label: str,
    y_label: str,
) -> tuple[Figure, list[Axes]]:
    """Makes a titled panel for each contestant, with everyone else's line in it.

    Args:
        comparison: What is drawn.
        subject: What the figure shows, in a few words.
        note: How to read it.
        lines: For each contestant y indexed by x; empty if it has none.
        x_label: Below the lowest panel of each column.
        y_label: Left of each row.

    Returns:
        The figure and the panels, in the order of the contestants.
    """
    contestants = comparison.contestants
    columns = min(_PANELS_A_ROW, len(contestants))
    rows = -(-len(contestants) // columns)
    title = 0.15 * max(folded(one.title, _TITLE_CHARACTERS).count("\n") for one in contestants)
    figure = framed(
        comparison,
        subject,
        note,
        panel_inches=(max(2.4, 4.2 / columns), 1.6),
        shape=(rows, columns),
        # An incomplete last row leaves axis labels above its gap.
        margins=Margins(
            top=0.35 + title,
            column_gap=0.3,
            row_gap=title + (0.65 if len(contestants) % columns else 0.45),
        ),
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    panels = list(grid.ravel())
    for i, one in enumerate(contestants):
        for other in (*lines[:i], *lines[i + 1 :]):
            panels[i].plot(other.index, other, color=PALE, linewidth=0.7)
        panels[i].set_title(folded(one.title, _TITLE_CHARACTERS), fontsize=9, color=one.look.colour)
    for axes in panels[len(contestants) :]:
        axes.set_axis_off()
    for axes in panels[len(contestants) - columns : len(contestants)]:
        axes.set_xlabel(x_label)
        axes.tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel(y_label)
    return figure, panels[: len(contestants)]


def face_inches(comparison: Comparison, width_inches: float, title: str = "") -> float:
    """Returns the height of what `face_title` writes."""
    return _LINE_INCHES * len(_face_lines(comparison, width_inches, title))


def face_title(
    axes: Axes,
    comparison: Comparison,
    width_inches: float,
    title: str = "",
    height_inches: float = 0.0,
) -> None:
    """Puts workload, scale, N, K and all warnings above the axes, warnings in colour.

    Args:
        axes: The topmost axes of the comparison.
        comparison: What is drawn.
        width_inches: Of the comparison's column; lines break there.
        title: What the column shows, above the workload.
        height_inches: Of the tallest header beside it, so that all begin at one height.
    """
    lines = _face_lines(comparison, width_inches, title)
    num_lines = max(len(lines), round(height_inches / _LINE_INCHES))
    for from_top, (text, look) in reversed(list(enumerate(lines, start=1))):
        axes.annotate(
            text,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 8 + 72 * _LINE_INCHES * (num_lines - from_top)),
            textcoords="offset points",
            **look,
        )


def _face_lines(
    comparison: Comparison, width_inches: float, title: str
) -> list[tuple[str, dict[str, Any]]]:
    # Characters that fit into an inch: 9 bold ones of 10 points, 11 of 8 points, 13 plain ones.
    told = [comparison.spent, comparison.sample_sizes]
    if title and comparison.workload not in title:
        told[0] = f"{comparison.workload}, {told[0]}"
    titles = _wrapped([title or comparison.workload], 9 * width_inches)
    headline = _wrapped(told, 13 * width_inches)
    warnings = _wrapped(comparison.warnings, 11 * width_inches)
    return [
        *((line, {"weight": "bold", "size": 10}) for line in titles),
        *((line, {"size": 8}) for line in headline),
        *((line, {"size": 8, "color": WARNING_COLOUR, "weight": "bold"}) for line in warnings),
    ]


def reading_note(figure: Figure, text: str) -> None:
    """Says below a figure of several comparisons how to read it."""
    lines = textwrap.wrap(text, round(15 * figure.get_size_inches()[0]))
    figure.supxlabel("\n".join(lines), fontsize=_NOTE_SIZE, color=NOTE_COLOUR)


def _wrapped(lines: Sequence[str], width_characters: float) -> list[str]:
    """Lines of at most so many characters, "K = 10" in one piece."""
    kept = [line.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}") for line in lines]
    parts = [part for line in kept for part in textwrap.wrap(line, round(width_characters))]
    return [part.replace("\N{NO-BREAK SPACE}", " ") for part in parts]
