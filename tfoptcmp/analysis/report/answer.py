"""Verdicts in words that a newcomer understands, for terminals and for the report."""

import textwrap
from collections.abc import Sequence

from tfoptcmp.analysis.audit.findings import SEVERITIES, Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.report.tables import format_rows
from tfoptcmp.analysis.statistics.best_of_k import difference, superiority
from tfoptcmp.analysis.statistics.curves import Curve
from tfoptcmp.analysis.statistics.quantities import STATISTICS, best_of_k, main_statistic
from tfoptcmp.analysis.statistics.verdicts import Judgement, Verdict, Verdicts, inclusion_verdicts

WHAT_IS_TESTED = (
    "A general update rule can imitate its special cases (Adam can act as Momentum, Momentum as "
    "SGD), so with enough tuning it should do no worse than they do."
)

_BUDGETS_SHOWN = (1, 2, 5, 10, 20, 50, 100, 200)

LIMITS_OF_THE_PAPER = (
    "The batch size was not varied.",
    "Results hold for tens to hundreds of quasi-random trials.",
    "Results hold for search spaces that are boxes, and for this learning-rate schedule.",
)
"""What Choi et al. (2019) state of their own results; it holds here likewise."""

LIMIT_OF_VERDICTS = (
    "A verdict is about these search spaces and this number of trials: a violation says that the "
    "general rule was not tuned well enough here, not that the rule is bad."
)
"""Ours."""


def conclusion(verdicts: Verdicts) -> str:
    """Returns the answer to "do the inclusions hold?" in a sentence or two."""
    judged = verdicts.judgements
    if not judged and verdicts.untested:
        return "No inclusion could be tested with these studies; the reasons are below."
    if not judged:
        return "No pair of these optimizers contains one another, so there is nothing to test."
    if not verdicts.tested:
        return (
            "No verdicts: K is more than half of the number of trials, so the numbers describe "
            "these trials only. Run more trials or choose a smaller tuning budget."
        )
    counts = {v: sum(j.verdict is v for j in judged) for v in Verdict}
    violated = [pair for pair in verdicts.pairs if verdicts.worst(*pair) is Verdict.VIOLATED]
    if violated:
        names = ", ".join(f"{general.title} than {special.title}" for special, general in violated)
        answer = (
            f"Some rules did worse than their own special cases: {names}. The likely cause is "
            "their search space or too few trials; do not rank these optimizers yet."
        )
    elif counts[Verdict.UNDETERMINED]:
        where = "everywhere" if counts[Verdict.CONSISTENT] else "anywhere"
        answer = (
            "No rule was caught doing worse than a special case of it, but results of "
            f"K = {judged[0].tuning_budget} trials vary too much to tell {where}. More trials "
            "allow a larger K, with which they vary less."
        )
    else:
        answer = "No rule did worse than a special case of it: the inclusions hold here."
    return answer


def leader(comparison: Comparison) -> str:
    """Returns which optimizer did best and which others may be as good; "" if none has a result.

    By the test metric, or the validation metric where there is no test split. Another may be as
    good if it gets the better result with probability 0.05 or more.
    """
    statistic, metric = main_statistic(comparison), comparison.metric
    known = [
        (one, found)
        for one in comparison.contestants
        if (found := best_of_k(one, statistic, comparison.tuning_budget)) is not None
    ]
    if not known:
        return ""
    best, at_best = min(known, key=lambda pair: pair[1].mean())
    mean, low, high = map(metric.text, (at_best.mean(), *at_best.percentiles(5, 95)))
    text = (
        f"Lowest {statistic} {metric.name} after tuning with K = "
        f"{comparison.tuning_budget} trials: {best.title}, {mean} [{low}, {high}]."
    )
    close = [
        one.title
        for one, found in known
        if one is not best and superiority(difference(found, at_best)) >= 0.05
    ]
    if close and not comparison.descriptive_only:
        text += f" Too close to it to tell apart: {', '.join(close)}."
    return text


def count_line(verdicts: Verdicts) -> str:
    """Returns how many pairs were tested, how they came out and how many false alarms to expect."""
    counts = [
        f"{sum(j.verdict is v for j in verdicts.judgements)} {v}"
        for v in Verdict
        if any(j.verdict is v for j in verdicts.judgements)
    ]
    if not counts:
        return ""
    pairs = "1 pair" if len(verdicts.pairs) == 1 else f"{len(verdicts.pairs)} pairs"
    line = (
        f"{pairs}, {len(verdicts.judgements)} tests (a pair and a statistic "
        f"each): {', '.join(counts)}."
    )
    if verdicts.tested:
        line += (
            f" If every inclusion holds, at most {verdicts.expected_false_alarms:.1f} of these "
            f"tests should come out as violated by chance."
        )
    return line


def pair_sentences(verdicts: Verdicts) -> list[str]:
    """Returns what the judgements of each pair say together; alike pairs share a sentence."""
    said: dict[str, list[str]] = {}
    for pair in verdicts.pairs:
        judgements = verdicts.of(*pair)
        special, general = (one.title for one in pair)
        match verdicts.worst(*pair):
            case Verdict.VIOLATED:
                where = _where(judgements, Verdict.VIOLATED)
                said[f"{general} did worse than {special}, which it can imitate ({where})."] = []
            case Verdict.CONSISTENT:
                said[f"{general} did no worse than {special}, as it should."] = []
            case verdict:
                said.setdefault(_open(judgements, verdict), []).append(
                    f"{general} against {special}"
                )
    return [f"{', '.join(pairs)}: {text}" if pairs else text for text, pairs in said.items()]


def _open(judgements: Sequence[Judgement], verdict: Verdict) -> str:
    """What is said of a pair on which there is no verdict."""
    if verdict is Verdict.DESCRIPTIVE_ONLY:
        return "no verdict, K is more than half of the trials."
    where = _where(judgements, Verdict.CONSISTENT)
    return f"undetermined, results of K = {judgements[0].tuning_budget} trials overlap too much" + (
        f"; no worse in {where}." if where else "."
    )


def _where(judgements: Sequence[Judgement], verdict: Verdict) -> str:
    return ", ".join(STATISTICS[j.statistic].title for j in judgements if j.verdict is verdict)


def matrix_cells(verdicts: Verdicts) -> list[list[str]]:
    """Returns the verdicts alone, a pair a row and a statistic a column, with a heading."""
    found = {(j.special.name, j.general.name, j.statistic): j.verdict for j in verdicts.judgements}
    names = [name for name in STATISTICS if any(key[2] == name for key in found)]
    cells = [["special <= general", *(STATISTICS[name].title for name in names)]]
    for special, general in verdicts.pairs:
        row = [str(found.get((special.name, general.name, name), "-")) for name in names]
        cells.append([f"{special.title} <= {general.title}", *row])
    return cells


def curve_cells(curves: Sequence[Curve]) -> list[list[str]]:
    """Returns verdicts and probabilities of superiority at some tuning budgets, a pair a row."""
    largest = max((len(points) for _, _, points in curves), default=0)
    budgets = [k for k in _BUDGETS_SHOWN if k < largest] + [largest]
    cells = [["special <= general", *(f"K = {k}" for k in budgets)]]
    for special, general, points in curves:
        row = [
            f"{points[k - 1].verdict}, {points[k - 1].superiority:.2f}" if k <= len(points) else "-"
            for k in budgets
        ]
        cells.append([f"{special.title} <= {general.title}", *row])
    return cells


def verdict_cells(verdicts: Verdicts) -> list[list[str]]:
    """Returns the judgements for people: a heading, then a row each."""
    cells = [["special <= general", "statistic", "verdict", "difference", "tolerated", "P(better)"]]
    for j in verdicts.judgements:
        cells.append(
            [
                f"{j.special.title} <= {j.general.title}",
                STATISTICS[j.statistic].title,
                str(j.verdict),
                f"[{j.metric.difference(j.low)}, {j.metric.difference(j.high)}]",
                j.metric.difference(j.delta).lstrip("+"),
                f"{j.superiority:.2f}",
            ]
        )
    return cells


def format_verdicts(comparison: Comparison) -> str:
    """Returns the verdicts on the inclusions as text for a terminal."""
    verdicts = inclusion_verdicts(comparison)
    lines = [leader(comparison), "", WHAT_IS_TESTED, conclusion(verdicts), count_line(verdicts), ""]
    for sentence in [*pair_sentences(verdicts), *untested_sentences(verdicts)]:
        lines += textwrap.wrap(sentence, 100, initial_indent="  ", subsequent_indent="    ")
    if verdicts.judgements:
        lines += ["", format_rows(matrix_cells(verdicts))]
    return "\n".join(lines) + "\n"


def untested_sentences(verdicts: Verdicts) -> list[str]:
    """Returns which pairs could not be tested, and why."""
    return [
        f"{u.general.title} against {u.special.title}: not tested, {u.reason}."
        for u in verdicts.untested
    ]


def audit_sentence(findings: Sequence[Finding]) -> str:
    """Returns how many findings of the audit there are."""
    counts = {severity: sum(f.severity == severity for f in findings) for severity in SEVERITIES}
    told = [f"{n} {severity}{'s' if n > 1 else ''}" for severity, n in counts.items() if n]
    return f"The audit has {', '.join(told)}; see below." if told else "The audit found no fault."
