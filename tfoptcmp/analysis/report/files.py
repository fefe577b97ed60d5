"""The report on one or several comparisons: an HTML file, figures, tables, suggested spaces.

The HTML file needs no other file. It begins with the answer and ends with what the answer does not
cover.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures import FIGURES, Format, profiles_figure, save
from tfoptcmp.analysis.figures.profiles import PROFILES_CAPTION
from tfoptcmp.analysis.ranges.boundary import suggested_spaces, write_spaces
from tfoptcmp.analysis.report.page import Picture, part, picture, render
from tfoptcmp.analysis.report.restrictions import Section, sections
from tfoptcmp.analysis.report.tables import best_rows, csv_text, format_table
from tfoptcmp.analysis.statistics.across import across
from tfoptcmp.study.schema import StudyError


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """Where the parts of a report are.

    Attributes:
        html: The report itself; needs none of the others.
        figures: SVG files, and files of the other requested formats.
        tables: `results.csv` (numbers, unrounded), `results.md`, `results.tex`.
        spaces: Search spaces for further studies: one file per comparison of our own studies, and
            one for each restriction.
    """

    html: Path
    figures: tuple[Path, ...]
    tables: tuple[Path, ...]
    spaces: tuple[Path, ...]


def write_report(
    comparisons: Sequence[Comparison],
    output_dir: Path | str,
    *,
    findings: Sequence[Finding] | None = None,
    formats: Sequence[Format] = ("png",),
) -> ReportFiles:
    """Writes the report, over an older one if there is one.

    Args:
        comparisons: At least one.
        output_dir: Where to write; created if needed.
        findings: What the audit found; None if there was no audit.
        formats: Of the figures, in addition to SVG.

    Raises:
        StudyError: If output_dir cannot be written.
    """
    output = Path(output_dir)
    try:
        output.mkdir(parents=True, exist_ok=True)
        return _write(comparisons, output, findings, list(dict.fromkeys(["svg", *formats])))
    except OSError as error:
        raise StudyError(f"cannot write the report to {output}: {error.strerror}") from error


def restriction_sections(
    comparisons: Sequence[Comparison], output_dir: Path | str
) -> list[list[Section]]:
    """Returns for each comparison what its boxes change, as `write_report` will say it."""
    return [
        sections(one, Path(output_dir), _suffix(comparisons, number))
        for number, one in enumerate(comparisons, start=1)
    ]


def _which(comparison: Comparison, number: int) -> str:
    # Numbered: one workload can have been studied at two budgets.
    return f"{number}-{re.sub(r'[^A-Za-z0-9_-]', '_', comparison.workload)}"


def space_path(kind: str, comparisons: Sequence[Comparison], number: int) -> str:
    """Returns the name of a file of search spaces of one of several comparisons, from 1."""
    return f"space_{kind}{_suffix(comparisons, number)}"


def _suffix(comparisons: Sequence[Comparison], number: int) -> str:
    """What names of files of search spaces end with."""
    which = _which(comparisons[number - 1], number)
    return f"-{which}.json" if len(comparisons) > 1 else ".json"


def _write(
    comparisons: Sequence[Comparison],
    output: Path,
    findings: Sequence[Finding] | None,
    formats: Sequence[Format],
) -> ReportFiles:
    figures: list[Path] = []
    spaces: list[Path] = []
    parts = []
    for number, comparison in enumerate(comparisons, start=1):
        which = _which(comparison, number)
        pictures: list[Picture] = []
        left_out = []
        for one in FIGURES:
            if reason := one.needs(comparison):
                if one.told_if_missing:
                    left_out.append(f"figure of {one.name.replace('_', ' ')}: {reason}")
                continue
            figure = one.draw(comparison)
            files = save(figure, output / f"{one.name}-{which}", formats)
            figures += files
            svg, width = files[0].read_bytes(), figure.get_size_inches()[0]
            pictures.append(picture(one.section, one.caption_of(comparison), svg, width))
        suffix = _suffix(comparisons, number)
        if suggested := suggested_spaces(comparison):
            spaces.append(
                write_spaces(suggested, output / space_path("suggestion", comparisons, number))
            )
        restricted = sections(comparison, output, suffix)
        spaces += [write_spaces(one.spaces, one.path) for one in restricted if one.spaces]
        parts.append(
            part(
                comparison,
                pictures,
                has_spaces=bool(suggested),
                left_out=left_out,
                findings=findings,
                restrictions=restricted,
            )
        )
    everywhere, profiles = across(comparisons), None
    if everywhere is not None and everywhere.has_profiles:
        figure = profiles_figure(everywhere)
        files = save(figure, output / "profiles", formats)
        figures += files
        profiles = picture(
            "answer", PROFILES_CAPTION, files[0].read_bytes(), figure.get_size_inches()[0]
        )
    report = output / "report.html"
    report.write_text(render(parts, findings, everywhere, profiles), encoding="utf-8")
    tables = [output / f"results.{suffix}" for suffix in ("csv", "md", "tex")]
    rows = [row for comparison in comparisons for row in best_rows(comparison)]
    tables[0].write_text(csv_text(rows), encoding="utf-8")
    for path, style in zip(tables[1:], ("markdown", "latex"), strict=True):
        text = "\n".join(format_table(comparison, style) for comparison in comparisons)
        path.write_text(text, encoding="utf-8")
    return ReportFiles(
        html=report, figures=tuple(figures), tables=tuple(tables), spaces=tuple(spaces)
    )
