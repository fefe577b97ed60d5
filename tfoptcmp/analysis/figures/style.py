"""What all figures share: a fixed colour for each rule, what must stand on the face, saving."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparisons import Comparison

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


@contextmanager
def house_style() -> Iterator[None]:
    """Sets fonts, grid and the like, for drawing and for saving."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def face_title(axes: Axes, comparison: Comparison, width_inches: float) -> None:
    """Puts workload, scale, N, K and all warnings above the axes, warnings in colour.

    Args:
        axes: The topmost axes of the comparison.
        comparison: What is drawn.
        width_inches: Of the comparison's column; lines break there.
    """
    # Characters of 8 point type that fit into an inch: 11 bold ones, 14 plain ones.
    warnings = _wrapped(comparison.warnings, round(11 * width_inches))
    headline = _wrapped([comparison.spent, comparison.sample_sizes], round(14 * width_inches))
    lines: list[tuple[str, dict[str, Any]]] = [
        (comparison.workload, {"weight": "bold", "size": 10}),
        *((line, {"size": 8}) for line in headline),
        *((line, {"size": 8, "color": WARNING_COLOUR, "weight": "bold"}) for line in warnings),
    ]
    for from_bottom, (text, look) in enumerate(reversed(lines)):
        axes.annotate(
            text,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 8 + 12 * from_bottom),
            textcoords="offset points",
            **look,
        )


def save(figure: Figure, path: Path) -> list[Path]:
    """Writes `<path>.png` and `<path>.svg`; the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: Where to, without suffix; its directory exists.

    Returns:
        The two files.
    """
    png, svg = path.with_suffix(".png"), path.with_suffix(".svg")
    with house_style():
        figure.savefig(png, dpi=150, bbox_inches="tight", metadata={"Software": None})
        figure.savefig(svg, bbox_inches="tight", metadata={"Date": None})
    return [png, svg]


def _wrapped(lines: Sequence[str], width_characters: int) -> list[str]:
    return [part for line in lines for part in textwrap.wrap(line, width_characters)]
