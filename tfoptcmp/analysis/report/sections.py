"""The parts of the HTML report, each a list of pieces of HTML."""

from collections.abc import Mapping, Sequence

from tfoptcmp.analysis.audit.findings import SEVERITIES, Finding, worst_first
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.report import html
from tfoptcmp.analysis.report.answer import (
    HOW_TO_READ,
    LIMIT_OF_VERDICTS,
    LIMITS_OF_THE_PAPER,
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
from tfoptcmp.analysis.report.pictures import Curve, Picture, main_statistic
from tfoptcmp.analysis.report.tables import (
    best_cells,
    caption,
    hyperparameter_cells,
    rerun_cells,
)
from tfoptcmp.analysis.statistics.verdicts import Verdict, Verdicts

_VERDICT_KINDS = {str(v): str(v) for v in (Verdict.VIOLATED, Verdict.CONSISTENT)}


def answer(comparison: Comparison, verdicts: Verdicts) -> list[str]:
    """The answer in a few sentences, and what must not be overlooked."""
    texts = [f"{comparison.workload}: {conclusion(verdicts)}", leader(comparison)]
    return [html.box([text for text in texts if text]), html.box(comparison.warnings, "warning")]


def findings_line(findings: Sequence[Finding]) -> list[str]:
    """How many findings of the audit there are, for the top of the page."""
    counts = {severity: 0 for severity in SEVERITIES}
    for finding in findings:
        counts[finding.severity] += 1
    told = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts.items() if n]
    worst = next((severity for severity in SEVERITIES if counts[severity]), "note")
    text = f"The audit has {', '.join(told)}; see below." if told else "The audit found no fault."
    return [html.box([text], "warning" if worst == "error" else "")]


def audit(findings: Sequence[Finding]) -> list[str]:
    """The findings, the worst first."""
    if not findings:
        return [html.heading(2, "Audit"), html.paragraph("No fault was found.")]
    cells = [["severity", "of", "finding", "evidence", "what to do next"]]
    cells += [
        [f.severity, f.subject, f.title, f.evidence, f.next_step] for f in worst_first(findings)
    ]
    return [html.heading(2, "Audit"), html.table(cells, {"error": "error"})]


def results(
    comparison: Comparison, verdicts: Verdicts, pictures: Mapping[str, str], curves: Sequence[Curve]
) -> list[str]:
    """Tables and figures of results, and whether the inclusions hold.

    Args:
        comparison: What to report.
        verdicts: Its verdicts.
        pictures: Name to HTML of the figures.
        curves: As `pictures.inclusion_curves` returns them.
    """
    share = comparison.config.metric_unit == "share"
    parts = [
        html.heading(2, comparison.workload),
        html.paragraph(comparison.headline),
        html.box(comparison.warnings, "warning"),
        pictures["results"],
        html.heading(3, "Results"),
        html.paragraph(caption(comparison), "small"),
        html.table(best_cells(comparison)),
        html.items(comparison.notes),
        *_shown(pictures, "steps", "other_targets", "training_loss"),
        html.heading(3, "Do the inclusions hold?"),
        html.items(pair_sentences(verdicts) + untested_sentences(verdicts)),
        html.paragraph(count_line(verdicts) or conclusion(verdicts)),
    ]
    if verdicts.judgements:
        parts += [
            html.table(matrix_cells(verdicts), _VERDICT_KINDS),
            html.heading(3, "The verdicts in numbers"),
            html.paragraph(HOW_TO_READ, "small"),
            html.table(verdict_cells(verdicts, share=share), _VERDICT_KINDS),
        ]
    if curves:
        parts += [
            html.heading(3, "The verdicts at other tuning budgets"),
            html.paragraph(
                f"By the {main_statistic(comparison)} result, up to K = N/2: verdict and "
                "P(better). To choose K by its verdict is to choose the verdict.",
                "small",
            ),
            html.table(curve_cells([((a, b), points) for a, b, points in curves])),
            pictures["inclusions"],
        ]
    return parts


def trials(comparison: Comparison, pictures: Mapping[str, str]) -> list[str]:
    """The best trials, how tuning went, and the boundary check."""
    again = rerun_cells(comparison)
    parts = [
        html.heading(3, "Best trial of each optimizer"),
        html.table(hyperparameter_cells(comparison)),
    ]
    if len(again) > 1:
        parts += [html.heading(3, "The winners run again with other seeds"), html.table(again)]
    curves = _shown(pictures, "tuning", "training")
    parts += [html.heading(3, "Tuning and training"), *curves] if curves else []
    return [
        *parts,
        html.heading(3, "Search spaces: do the best trials lie inside?"),
        *_shown(pictures, "boundaries"),
        html.table(boundary_cells(comparison.studies), {"inside": "consistent"}),
        html.paragraph(
            "Good trials: the best 10 %, or 5 of at least 15. Beside this report, for "
            "tfoptcmp-tune --space_file: space_suggestion.json, with crowded edges moved, and "
            "space_final.json, narrowed to the good trials. A space is final only if a study in "
            "it finds its best trials inside.",
            "small",
        ),
        *_shown(pictures, "parallel", "infeasible"),
    ]


def methods(comparison: Comparison) -> list[str]:
    """Search spaces, what was spent, provenance."""
    return [
        html.heading(3, "Search spaces and where they come from"),
        html.table(space_cells(comparison.studies)),
        html.heading(3, "Trials, time and memory"),
        html.table(cost_cells(comparison.studies)),
        html.paragraph(spent(comparison.studies), "small"),
        html.heading(3, "Provenance"),
        html.table(provenance_cells(comparison.studies)),
    ]


def limits() -> list[str]:
    """What the paper says of its own results, and what we add."""
    return [
        html.heading(2, "What this does not tell"),
        html.box(
            [
                "Choi et al. (2019) state these limits of their method, which is used here:",
                *LIMITS_OF_THE_PAPER,
                f"We add: {LIMIT_OF_VERDICTS[0].lower()}{LIMIT_OF_VERDICTS[1:]}",
            ]
        ),
    ]


def _shown(pictures: Mapping[str, str], *names: str) -> list[str]:
    return [pictures[name] for name in names if name in pictures]


def picture(drawn: Picture, svg: bytes) -> str:
    """One figure."""
    return html.picture(svg, drawn.description, min_width_rem=drawn.min_width_rem)
