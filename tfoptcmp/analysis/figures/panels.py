"""Small multiples: a panel for each optimizer on common axes, the others' lines in grey behind."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.faces import (
    Margins,
    framed,
)
from tfoptcmp.analysis.figures.style import (
    PALE,
    folded,
    looks,
)

_PANELS_A_ROW = 3
_TITLE_CHARACTERS = 30


def panel_for_each(
    comparison: Comparison,
    subject: str,
    note: str,
    lines: Sequence["pd.Series[float]"],
    x_label: str,
    y_label: str,
) -> tuple[Figure, list[Axes]]:
    """Makes a titled panel for each study, with everyone else's line in it.

    Args:
        comparison: What is drawn.
        subject: What the figure shows, in a few words.
        note: How to read it.
        lines: For each study y indexed by x; empty if it has none.
        x_label: Below the lowest panel of each column.
        y_label: Left of each row.

    Returns:
        The figure and the panels, in the order of the studies.
    """
    studies = comparison.studies
    columns = min(_PANELS_A_ROW, len(studies))
    rows = -(-len(studies) // columns)
    title = 0.15 * max(folded(s.title, _TITLE_CHARACTERS).count("\n") for s in studies)
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
            row_gap=title + (0.65 if len(studies) % columns else 0.45),
        ),
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    panels = list(grid.ravel())
    for i, (results, look) in enumerate(zip(studies, looks(comparison), strict=True)):
        for other in (*lines[:i], *lines[i + 1 :]):
            panels[i].plot(other.index, other, color=PALE, linewidth=0.7)
        panels[i].set_title(folded(results.title, _TITLE_CHARACTERS), fontsize=9, color=look.colour)
    for axes in panels[len(studies) :]:
        axes.set_axis_off()
    for axes in panels[len(studies) - columns : len(studies)]:
        axes.set_xlabel(x_label)
        axes.tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel(y_label)
    return figure, panels[: len(studies)]
