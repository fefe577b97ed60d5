"""Tables of text in four forms: for terminals, Markdown, LaTeX and CSV.

A table is a list of rows of equal length, the first one the heading.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

Cells = Sequence[Sequence[str]]

_LATEX_SPECIAL = re.compile(r"[&%$#_{}~^\\]")
_LATEX_WORDS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def format_rows(cells: Cells) -> str:
    """Returns left-aligned columns for a terminal, the heading underlined."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    rule = ["-" * width for width in widths]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in (cells[0], rule, *cells[1:])
    )


def markdown(cells: Cells) -> str:
    """Returns a pipe table."""
    rows = [cells[0], ["---"] * len(cells[0]), *cells[1:]]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows
    )


def latex(cells: Cells, *, long_last: bool = False) -> str:
    r"""Returns a tabular with the rules of the package booktabs.

    Args:
        cells: The table.
        long_last: Whether the last column holds sentences, which break into lines.
    """
    rows = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in cells]
    last = r"p{0.5\linewidth}" if long_last else "r"
    columns = "l" + "r" * (len(cells[0]) - 2) + last
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", rows[0], r"\midrule"]
    return "\n".join([*lines, *rows[1:], r"\bottomrule", r"\end{tabular}"]) + "\n"


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Returns rows of named values as CSV; a name that a row lacks is an empty field."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _escaped(text: str) -> str:
    return _LATEX_SPECIAL.sub(lambda found: _LATEX_WORDS.get(found[0], "\\" + found[0]), text)
