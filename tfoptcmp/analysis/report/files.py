"""The report on one or several comparisons: an HTML file, figures, tables, suggested spaces.

The HTML file stands alone. It begins with the answer and ends with what the answer does not cover.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures import Format, save
from tfoptcmp.analysis.ranges.boundary import suggested_spaces, write_spaces
from tfoptcmp.analysis.ranges.narrowing import final_spaces
from tfoptcmp.analysis.report import html, sections
from tfoptcmp.analysis.report.answer import WHAT_IS_TESTED
from tfoptcmp.analysis.report.formats import csv_text
from tfoptcmp.analysis.report.pictures import Curve, inclusion_curves, pictures
from tfoptcmp.analysis.report.tables import best_rows, format_table
from tfoptcmp.analysis.statistics.verdicts import Verdicts, inclusion_verdicts
from tfoptcmp.study.schema import StudyError


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """Where the parts of a report are.

    Attributes:
        html: The report itself; needs none of the others.
        figures: SVG files, and those of the other formats asked for.
        tables: `results.csv` (numbers, unrounded), `results.md`, `results.tex`.
        spaces: Search spaces to go on with, one or two files for each comparison.
    """

    html: Path
    figures: tuple[Path, ...]
    tables: tuple[Path, ...]
    spaces: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What the report says of one comparison.

    Attributes:
        comparison: The comparison.
        verdicts: On its inclusions.
        curves: The verdicts at every tuning budget, as `inclusion_curves` returns them.
        figures: Name of a figure to its HTML.
    """

    comparison: Comparison
    verdicts: Verdicts
    curves: Sequence[Curve]
    figures: Mapping[str, str]


def write_report(
    comparisons: Sequence[Comparison],
    output_dir: Path | str,
    *,
    findings: Sequence[Finding] | None = None,
    formats: Sequence[Format] = ("png",),
) -> ReportFiles:
    """Writes the report, over an older one if there is one.

    Args:
        comparisons: At least one, see `compare`.
        output_dir: Where to; made if needed.
        findings: What the audit found; None if there was no audit.
        formats: Of the figures, beside SVG.

    Raises:
        StudyError: If output_dir cannot be written.
    """
    output = Path(output_dir)
    try:
        output.mkdir(parents=True, exist_ok=True)
        return _write(comparisons, output, findings, list(dict.fromkeys(["svg", *formats])))
    except OSError as error:
        raise StudyError(f"cannot write the report to {output}: {error.strerror}") from error


def _write(
    comparisons: Sequence[Comparison],
    output: Path,
    findings: Sequence[Finding] | None,
    formats: Sequence[Format],
) -> ReportFiles:
    figures: list[Path] = []
    spaces: list[Path] = []
    parts: list[Part] = []
    for number, comparison in enumerate(comparisons, start=1):
        # Numbered: one workload can have been studied at two budgets.
        which = f"{number}-{re.sub(r'[^A-Za-z0-9_-]', '_', comparison.workload)}"
        verdicts = inclusion_verdicts(comparison)
        curves = inclusion_curves(comparison, verdicts)
        embedded = {}
        for picture in pictures(comparison, curves):
            files = save(picture.figure, output / f"{picture.name}-{which}", formats)
            figures += files
            embedded[picture.name] = sections.picture(picture, files[0].read_bytes())
        parts.append(
            Part(comparison=comparison, verdicts=verdicts, curves=curves, figures=embedded)
        )
        suffix = f"-{which}.json" if len(comparisons) > 1 else ".json"
        for kind, found in (
            ("suggestion", suggested_spaces(comparison.studies)),
            ("final", final_spaces(comparison.studies)),
        ):
            if found:
                spaces.append(write_spaces(found, output / f"space_{kind}{suffix}"))
    report = output / "report.html"
    report.write_text(render(parts, findings), encoding="utf-8")
    tables = [output / f"results.{suffix}" for suffix in ("csv", "md", "tex")]
    rows = [row for comparison in comparisons for row in best_rows(comparison)]
    tables[0].write_text(csv_text(rows), encoding="utf-8")
    for path, style in zip(tables[1:], ("markdown", "latex"), strict=True):
        text = "\n".join(format_table(comparison, style) for comparison in comparisons)
        path.write_text(text, encoding="utf-8")
    return ReportFiles(
        html=report, figures=tuple(figures), tables=tuple(tables), spaces=tuple(spaces)
    )


def render(parts: Sequence[Part], findings: Sequence[Finding] | None) -> str:
    """Returns the report as one HTML document.

    Args:
        parts: What to report, a part for each comparison.
        findings: What the audit found; None if there was no audit.
    """
    body = [html.heading(1, "Comparison of optimizers"), html.paragraph(WHAT_IS_TESTED)]
    for part in parts:
        body += sections.answer(part.comparison, part.verdicts)
    if findings is not None:
        body += sections.findings_line(findings)
    for part in parts:
        body += sections.results(part.comparison, part.verdicts, part.figures, part.curves)
        body += sections.trials(part.comparison, part.figures)
        body += sections.methods(part.comparison)
    if findings is not None:
        body += sections.audit(findings)
    return html.page("Comparison of optimizers", [*body, *sections.limits()])
