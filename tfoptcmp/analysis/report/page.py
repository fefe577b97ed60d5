"""The report as one HTML document: the contents of `page.html.jinja`, and how it is filled in.

The environment escapes every text and is sandboxed: users may give workloads, optimizers and
hyperparameters any names.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2.sandbox
from markupsafe import Markup, escape

from tfoptcmp.analysis.audit.findings import Finding, findings_on, worst_first
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.report_figure import Section
from tfoptcmp.analysis.ranges.containment import containments
from tfoptcmp.analysis.report import across as of_all
from tfoptcmp.analysis.report import imitation, importance
from tfoptcmp.analysis.report.answer import answer, how_sure, trust
from tfoptcmp.analysis.report.best import best_trials, choose_now
from tfoptcmp.analysis.report.explorer import explorer_data
from tfoptcmp.analysis.report.importance import importance_cells
from tfoptcmp.analysis.report.inclusions import (
    LIMIT_OF_VERDICTS,
    LIMITS_OF_THE_PAPER,
    WHAT_IS_TESTED,
    count_line,
    pair_sentences,
    untested_sentences,
)
from tfoptcmp.analysis.report.lineage import HOW_TO_READ_LINEAGE, holds_for, lineage_cells
from tfoptcmp.analysis.report.methods import (
    boundary_cells,
    cost_cells,
    provenance_cells,
    space_cells,
    spent,
)
from tfoptcmp.analysis.report.restrictions import HOW_TO_READ_BOXES, QUESTION
from tfoptcmp.analysis.report.restrictions import Section as BoxSection
from tfoptcmp.analysis.report.tables import (
    Cells,
    best_cells,
    caption,
    hyperparameter_cells,
    rerun_cells,
)
from tfoptcmp.analysis.report.verdict_tables import (
    SURVIVES_NOTE,
    curve_cells,
    matrix_cells,
    pair_cells,
    ranking_cells,
    verdict_cells,
)
from tfoptcmp.analysis.statistics.across import Across
from tfoptcmp.analysis.statistics.curves import inclusion_curves
from tfoptcmp.analysis.statistics.quantities import main_statistic
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import HOW_TO_READ, Verdict, inclusion_verdicts

# Wider figures scroll sideways on small screens; below this much of the page's unit an inch their
# text is too small to read. 14.4 inches, the widest, fill a desktop's page.
_WIDE_INCHES = 6.5
_REM_AN_INCH = 4.1


TERMS = {
    "N": "feasible trials that were run of an optimizer",
    "K": "trials that a practitioner has for tuning; the best of them, by validation, is kept",
    "feasible": "a trial whose training loss stayed finite to the end",
    "margin": "a difference that no one should quarrel about: one standard error of the evaluation "
    "set for metrics, one measurement interval for steps, 0.01 nats for losses",
    "D": "by how much the mean of the best of K of the second optimizer is worse than that of the "
    "first; below 0 it is better",
    "pp": "percentage points",
    "inclusion": "a general update rule that can imitate a special one, as Adam can Momentum",
    "interval": "95 % confidence interval: how sure the mean is; it shrinks as trials are added",
}
"""What a report's words mean."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure in the page.

    Attributes:
        section: As in `ReportFigure`.
        caption: What it shows; printed below it, and used as its alternative text.
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
        section: The part of the report that it belongs to.
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
    findings: Sequence[Finding] | None,
    restrictions: Sequence[BoxSection] = (),
) -> dict[str, Any]:
    """Returns what the page says of one comparison, under the names that the template uses.

    The template leaves out tables that have only a heading.

    Args:
        comparison: The comparison.
        pictures: Its figures, in the report's order.
        has_spaces: Whether there are search spaces beside the report.
        left_out: Figures that it could not have, and why.
        findings: What the audit found on all comparisons; None if there was no audit.
        restrictions: What its boxes change.
    """
    contestants = comparison.contestants
    verdicts, ranked = inclusion_verdicts(comparison), ranking(comparison)
    statistic = main_statistic(comparison)
    boundaries, spaces = boundary_cells(contestants), space_cells(contestants)
    provenance, best = provenance_cells(contestants), best_trials(comparison)
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
        answer=answer(ranked),
        how_sure=how_sure(comparison, ranked),
        choose_now=choose_now(comparison, ranked),
        trust=trust(
            comparison,
            verdicts,
            None if findings is None else findings_on(findings, comparison.workload),
        ),
        ranking=ranking_cells(ranked),
        pairs=pair_cells(ranked),
        restrictions=restrictions,
        caption=caption(comparison),
        sentences=pair_sentences(verdicts) + untested_sentences(verdicts),
        count=count_line(verdicts),
        statistic=statistic,
        spent=spent(contestants),
        results=best_cells(comparison),
        matrix=matrix_cells(verdicts),
        verdicts=verdict_cells(verdicts),
        curves=curve_cells(inclusion_curves(comparison, statistic)),
        best_trials=hyperparameter_cells(comparison),
        best_codes=[one for one in best if one.code],
        acts_as=[f"{one.title}: {one.acts_as}" for one in best if one.acts_as],
        reruns=rerun_cells(comparison),
        importances=importance_cells(comparison),
        explorer=explorer_data(comparison),
        holds_for=holds_for(comparison),
        lineage=lineage_cells(comparison),
        containments=imitation.containment_cells(containments(comparison)),
        boundaries=boundaries,
        spaces=spaces,
        cost=cost_cells(comparison),
        provenance=provenance,
    )


def render(
    parts: Sequence[dict[str, Any]],
    findings: Sequence[Finding] | None,
    everywhere: Across | None = None,
    profiles: Picture | None = None,
) -> str:
    """Returns the report as one HTML document.

    Args:
        parts: What `part` returns, for each comparison.
        findings: What the audit found; None if there was no audit.
        everywhere: What can be said of all workloads together.
        profiles: Its figure.
    """
    environment = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.PackageLoader(__package__, ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    scripts = [environment.get_template(name).render() for name in ("sort.js", "explorer.js")]
    environment.filters["explained"] = _explained
    return environment.get_template("page.html.jinja").render(
        parts=parts,
        across=_across(everywhere, profiles),
        terms=TERMS,
        what_is_tested=WHAT_IS_TESTED,
        survives_note=SURVIVES_NOTE,
        how_to_read_lineage=HOW_TO_READ_LINEAGE,
        importance_question=importance.QUESTION,
        how_to_read_importances=importance.HOW_TO_READ,
        containment_question=imitation.QUESTION,
        how_to_read_containments=imitation.HOW_TO_READ,
        how_to_read=HOW_TO_READ,
        would_another_space=QUESTION,
        how_to_read_boxes=HOW_TO_READ_BOXES,
        verdict_kinds={str(v): v.tone for v in Verdict if v.tone != "open"},
        findings=None if findings is None else _finding_cells(findings),
        limits=[
            "Choi et al. (2019) state these limits of their method, which is used here:",
            *LIMITS_OF_THE_PAPER,
            f"We add: {LIMIT_OF_VERDICTS[0].lower()}{LIMIT_OF_VERDICTS[1:]}",
        ],
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
    )


def _across(found: Across | None, picture: Picture | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "title": of_all.QUESTION,
        "sentences": of_all.across_sentences(found),
        "ranks": of_all.across_cells(found),
        "profiles": of_all.profile_cells(found),
        "picture": picture,
        "how_to_read": of_all.HOW_TO_READ,
    }


def _explained(text: str) -> Markup:
    """Gives the words of TERMS a tooltip, each where it stands first."""
    marked = str(escape(text))
    for word, meaning in TERMS.items():
        symbol = r"(?= =)" if len(word) == 1 else ""  # a name may hold a K
        tooltip = f'<abbr title="{escape(meaning)}">{word}</abbr>'
        # A tooltip's own text is not searched.
        marked = re.sub(
            rf"(?<![\w<>\"])({word}){symbol}(?!\w)(?![^<]*\">)(?![^<]*</abbr>)",
            tooltip,
            marked,
            count=1,
        )
    return Markup(marked)


def _finding_cells(findings: Sequence[Finding]) -> Cells:
    cells = [["severity", "of", "finding", "evidence", "what to do next"]]
    return [
        *cells,
        *([f.severity, f.subject, f.title, f.evidence, f.next_step] for f in worst_first(findings)),
    ]


def _policy(scripts: Sequence[str]) -> str:
    """Allows no script other than these, and nothing to be loaded."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(d).decode('ascii')}'" for d in digests)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
