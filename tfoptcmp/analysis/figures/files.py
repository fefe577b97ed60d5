"""Figures as files."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tfoptcmp.analysis.figures.style import house_style

Format = Literal["png", "svg", "pdf"]

_DOTS_PER_INCH = 150


def save(figure: Figure, path: Path, formats: Sequence[Format] = ("png", "svg")) -> list[Path]:
    """Writes `<path>.<format>` for each format; the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: Where to write, without suffix; its directory exists.
        formats: What to write.

    Returns:
        The files, in the order of the formats.
    """
    with house_style(), warnings.catch_warnings():
        # A name in letters that the font lacks is drawn as boxes; its text is in the report.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # or it would run again for each format
        figure.set_dpi(_DOTS_PER_INCH)  # in SVG and PDF of what is pixels
        files = []
        for form in formats:
            files.append(path.with_name(f"{path.name}.{form}"))
            # Not `savefig`, which draws everything twice.
            match form:
                case "png":
                    FigureCanvasAgg(figure).print_png(
                        files[-1],
                        metadata={"Software": None},
                        pil_kwargs={"compress_level": 3},  # twice as fast, little larger
                    )
                case "svg":
                    FigureCanvasSVG(figure).print_svg(files[-1], metadata={"Date": None})
                case "pdf":
                    FigureCanvasPdf(figure).print_pdf(files[-1], metadata={"CreationDate": None})
    return files
