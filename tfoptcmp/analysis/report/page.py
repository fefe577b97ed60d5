"""The report as one HTML document: what stands in `page.html.jinja`, and how it is filled in.

The environment escapes every text and is sandboxed: workloads, optimizers and hyperparameters have
whatever names people gave them.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2.sandbox
from markupsafe import Markup

from tfoptcmp.analysis.audit.findings import Finding, worst_first
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.report_figure import Section
from tfoptcmp.analysis.report.answer import (
    LIMIT_OF_VERDICTS,
    LIMITS_OF_THE_PAPER,
    WHAT_IS_TESTED,
    audit_sentence,
    conclusion,
    count_line,
    curve_cells,
    leader,
    matrix_cells,
    pair_sentences,
    untested_sentences,
    verdict_cells,
)
from tfoptcmp.analysis.report.methods import (
    boundary_cells,
    cost_cells,
    provenance_cells,
    space_cells,
    spent,
)
from tfoptcmp.analysis.report.tables import (
    Cells,
    best_cells,
    caption,
    hyperparameter_cells,
    rerun_cells,
)
from tfoptcmp.analysis.statistics.curves import inclusion_curves
from tfoptcmp.analysis.statistics.quantities import main_statistic
from tfoptcmp.analysis.statistics.verdicts import HOW_TO_READ, Verdict, inclusion_verdicts

# Wider figures scroll sideways on small screens; below this much of the page's unit an inch their
# text is too small to read. 14.4 inches, the widest, fill a desktop's page.
_WIDE_INCHES = 6.5
_REM_AN_INCH = 4.1


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure in the page.

    Attributes:
        section: As in `ReportFigure`.
        caption: What it shows; stands below it, and in its place for who cannot see it.
        source: The SVG file as a data URI: as an image it can run no script and load nothing.
        min_width_rem: The width that it needs to be readable; "" if that of a phone will do.
    """

    section: Section
    caption: str
    source: str
    min_width_rem: str


def picture(section: Section, caption: str, svg: bytes, width_inches: float) -> Picture:
    """Returns a figure for the page.

    Args:
        section: In which part of the report it stands.
        caption: What it shows, in a sentence.
        svg: The file.
        width_inches: Its width.
    """
    wide = f"{round(_REM_AN_INCH * width_inches, 1):g}" if width_inches > _WIDE_INCHES else ""
    data = base64.b64encode(svg).decode("ascii")
    source = f"data:image/svg+xml;base64,{data}"
    return Picture(section=section, caption=caption, source=source, min_width_rem=wide)


def part(
    comparison: Comparison,
    pictures: Sequence[Picture],
    *,
    has_spaces: bool,
    left_out: Sequence[str],
) -> dict[str, Any]:
    """Returns what the page says of one comparison, by the names that the template has for it.

    Tables with nothing but a heading are left out there.

    Args:
        comparison: The comparison.
        pictures: Its figures, in the report's order.
        has_spaces: Whether search spaces lie beside the report.
        left_out: Figures that it could not have, and why.
    """
    contestants = comparison.contestants
    verdicts = inclusion_verdicts(comparison)
    statistic = main_statistic(comparison)
    boundaries, spaces = boundary_cells(contestants), space_cells(contestants)
    provenance = provenance_cells(contestants)
    missing = {
        "boundary check: no hyperparameter is reported with its values and its range": boundaries,
        "search spaces: none is reported": spaces,
        "provenance: nothing is on record": provenance,
    }
    return dict(
        comparison=comparison,
        pictures=pictures,
        has_spaces=has_spaces,
        left_out=[*left_out, *(reason for reason, cells in missing.items() if len(cells) == 1)],
        answer=[
            f"{comparison.workload}: {conclusion(verdicts)}",
            *filter(None, [leader(comparison)]),
        ],
        caption=caption(comparison),
        sentences=pair_sentences(verdicts) + untested_sentences(verdicts),
        count=count_line(verdicts) or conclusion(verdicts),
        statistic=statistic,
        spent=spent(contestants),
        results=best_cells(comparison),
        matrix=matrix_cells(verdicts),
        verdicts=verdict_cells(verdicts),
        curves=curve_cells(inclusion_curves(comparison, statistic)),
        best_trials=hyperparameter_cells(comparison),
        reruns=rerun_cells(comparison),
        boundaries=boundaries,
        spaces=spaces,
        cost=cost_cells(contestants),
        provenance=provenance,
    )


def render(parts: Sequence[dict[str, Any]], findings: Sequence[Finding] | None) -> str:
    """Returns the report as one HTML document.

    Args:
        parts: What `part` returns, for each comparison.
        findings: What the audit found; None if there was no audit.
    """
    environment = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.PackageLoader(__package__, ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = environment.get_template("sort.js").render()
    return environment.get_template("page.html.jinja").render(
        parts=parts,
        what_is_tested=WHAT_IS_TESTED,
        how_to_read=HOW_TO_READ,
        verdict_kinds={str(v): v.tone for v in Verdict if v.tone != "open"},
        findings=None if findings is None else _finding_cells(findings),
        audit_sentence=audit_sentence(findings or ()),
        grave=any(finding.severity == "error" for finding in findings or ()),
        limits=[
            "Choi et al. (2019) state these limits of their method, which is used here:",
            *LIMITS_OF_THE_PAPER,
            f"We add: {LIMIT_OF_VERDICTS[0].lower()}{LIMIT_OF_VERDICTS[1:]}",
        ],
        script=Markup(script),
        policy=_policy(script),
    )


def _finding_cells(findings: Sequence[Finding]) -> Cells:
    cells = [["severity", "of", "finding", "evidence", "what to do next"]]
    return [
        *cells,
        *([f.severity, f.subject, f.title, f.evidence, f.next_step] for f in worst_first(findings)),
    ]


def _policy(script: str) -> str:
    """Lets no other script run than this one, and nothing be loaded."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    sources = f"img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {sources}"
