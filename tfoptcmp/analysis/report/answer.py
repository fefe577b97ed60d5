"""The answer in words that a newcomer understands, for terminals and for the report.

First which optimizer to use, then how sure that is and what would make it surer, then whether the
comparison can be trusted: inclusions, boundaries and audit are checks of it.
"""

import math
import textwrap
from collections.abc import Sequence

from tfoptcmp.analysis.audit.findings import SEVERITIES, Finding
from tfoptcmp.analysis.comparison import Comparison, counted
from tfoptcmp.analysis.ranges.boundary import Edge, check_boundaries
from tfoptcmp.analysis.ranges.containment import containments
from tfoptcmp.analysis.report.best import choose_now
from tfoptcmp.analysis.report.commands import without_flags
from tfoptcmp.analysis.report.imitation import containment_sentence
from tfoptcmp.analysis.report.lineage import acceptance, holds_for
from tfoptcmp.analysis.report.tables import format_rows, format_sentences
from tfoptcmp.analysis.statistics.curves import Curve
from tfoptcmp.analysis.statistics.looks import looks_sentences
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.ranking import Place, Ranking, ranking
from tfoptcmp.analysis.statistics.verdicts import (
    LEVEL,
    MOST_NEEDED,
    Judgement,
    Verdict,
    Verdicts,
    inclusion_verdicts,
    margin_text,
    rounded_up,
    tolerance_of,
)
from tfoptcmp.metrics import Metric

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
    "A verdict is about the search spaces that it names and this K: a violation says that the "
    "general rule was not tuned well enough here, not that the rule is bad."
)
"""Ours."""


def answer(found: Ranking) -> str:
    """Returns which optimizer to use, in one sentence."""
    at = f"at K = {found.tuning_budget}"
    if not found.places:
        lacking: dict[str, list[str]] = {}
        for one, reason in found.too_few:
            lacking.setdefault(reason, []).append(one.title)
        told = [f"{_listed(titles)}: {reason}" for reason, titles in lacking.items()]
        if len(lacking) == 1:  # all of them
            told = list(lacking)
        return f"No answer yet: {'; '.join(told) or 'there is no result'}."
    equal = found.all_equal and len(found.group) > 1
    alike, leader = found.group if equal else found.alike, found.places[0]
    names = [place.contestant.title for place in alike]
    metric = found.metric
    if len(found.places) == 1:
        return f"Nothing to compare {leader.contestant.title} with {at}."
    if len(alike) == 1:
        second = found.places[1]
        leads = "is the best" if len(found.group) == 1 else "leads"
        lead = f"{leader.contestant.title} {leads} {at}: ahead of {second.contestant.title}"
        sentence = f"{lead} by {_amount(metric, second)}"
        behind = list(found.places[2:])
    else:
        sentence = (
            f"{_listed(names)} do equally well {at}, to within the margin"
            if equal
            else f"No clear winner {at}: {_listed(names)} cannot be told apart"
        )
        behind = [place for place in found.behind if place not in alike]
    if behind:
        titles = _listed([place.contestant.title for place in behind])
        amounts = _listed([_amount(metric, place) for place in behind])
        is_or_are = "is" if len(behind) == 1 else "are"
        sentence += f"; {titles} {is_or_are} behind by {amounts}"
    return f"{sentence}.{_in_doubt(found)}"


def _in_doubt(found: Ranking) -> str:
    """A sentence on those whose place the ranking should not have given, after a space; or ""."""
    worse: dict[str, list[str]] = {}
    for j in found.pairs:
        if j.verdict is Verdict.VIOLATED:
            worse.setdefault(j.general.title, []).append(j.special.title)
    return "".join(
        f" {general}'s place is in doubt: it did worse than {_listed(specials)}, which it can "
        "imitate."
        for general, specials in worse.items()
    )


def how_sure(comparison: Comparison, found: Ranking) -> list[str]:
    """Returns what the answer rests on, and what would make it surer."""
    if not found.places:
        return _what_is_missing(comparison, found)
    leader, metric = found.places[0], found.metric
    what = f"{STATISTICS[found.statistic].title} {metric.name}"
    which = "Highest" if metric.maximize else "Lowest"
    said = [
        f"{which} mean {what} of the best of K = {found.tuning_budget} trials: "
        f"{leader.contestant.title}, {metric.text(leader.mean)}. "
        + " ".join(
            f"{place.contestant.title}: "
            f"{metric.value_difference_with(place.behind, place.low, place.high)}."
            for place in found.places[1:]
        )
        + (f" {_rule(comparison, found)}" if found.pairs else "")
    ]
    told = [j for j in found.pairs if j.verdict.decided]
    if found.pairs:
        said.append(
            f"{len(told)} of {counted(len(found.pairs), 'pair')} "
            f"{'is' if 1 in (len(told), len(found.pairs)) else 'are'} decided "
            f"({comparison.trials_judged}).{_ahead_alone(found)}"
        )
    if spaces := holds_for(comparison):
        said.append(spaces)
    said += looks_sentences(comparison)
    if near := [place for place in found.behind if place.among_the_best]:
        names = _listed([place.contestant.title for place in near])
        verb = "is" if len(near) == 1 else "are"
        said.append(
            f"{names} {verb} behind, but perhaps by no more than the margin; corrected for "
            f"{counted(len(found.places) - 1, 'rival')}, the best may be "
            f"{_listed(_titles(found.group))}."
        )
    # Which rival of the leader is told from it next; of others it matters less.
    of_leader = [
        j for j in found.open_pairs if leader.contestant.name in (j.special.name, j.general.name)
    ]
    if of_leader:
        first = of_leader[0]
        rival = next(o for o in (first.special, first.general) if o is not leader.contestant)
        pair = f"{leader.contestant.title} against {rival.title}"
        if math.isinf(first.trials_needed):
            said.append(
                f"To be surer: all who may be best are so alike that more than "
                f"{MOST_NEEDED * first.num_trials:,} trials of each would be needed; choose by "
                "cost or by habit."
            )
        else:
            said.append(
                f"To be surer: {first.trials_needed_text} trials of each would probably decide "
                f"{pair}{', and others of its rivals need more' if of_leader[1:] else ''} (a rough "
                "forecast)." + _run(comparison, rounded_up(int(first.trials_needed)))
            )
    said += [f"{one.title} does not take part: {reason}." for one, reason in found.too_few]
    return said


def _rule(comparison: Comparison, found: Ranking) -> str:
    """How it is judged who is behind."""
    margin = tolerance_of(comparison, found.statistic, found.places[0].mean)
    shown = found.metric.difference(margin).lstrip("+")
    examples = comparison.num_examples.get(found.statistic)
    of = f" on {examples:,} examples" if examples and comparison.margin is None else ""
    rivals = counted(len(found.places) - 1, "rival")
    return (
        "In brackets 95 % confidence intervals of the difference. An optimizer counts as behind "
        f"only if it still is after correction for {rivals}, which widens the intervals; the "
        f"margin is {shown}{of}."
    )


def _ahead_alone(found: Ranking) -> str:
    """Who of those who cannot be told apart is ahead of another by itself, after a space; or ""."""
    if found.all_equal:
        return ""
    alike = {place.contestant.name for place in found.alike}
    ahead: dict[str, list[str]] = {}
    for j in found.pairs:
        if not {j.special.name, j.general.name} <= alike:
            continue
        if j.verdict is Verdict.BETTER:
            ahead.setdefault(j.general.title, []).append(j.special.title)
        elif j.verdict in (Verdict.VIOLATED, Verdict.WORSE):
            ahead.setdefault(j.special.title, []).append(j.general.title)
    told = [f"{one} is ahead of {_listed(others)}" for one, others in ahead.items()]
    return f" Each pair taken by itself, {'; '.join(told)}." if told else ""


def _what_is_missing(comparison: Comparison, found: Ranking) -> list[str]:
    if not found.pairs:
        return [f"{one.title}: {reason}." for one, reason in found.too_few]
    needed = max(int(j.trials_needed) for j in found.pairs)
    return [
        f"{needed} feasible trials of each are needed for a verdict at K = {found.tuning_budget}."
        + _run(comparison, needed)
    ]


def _run(comparison: Comparison, num_feasible: int) -> str:
    """The command that runs more trials of our own studies; "" for those of other tools."""
    records = [one.record for one in comparison.contestants if one.record is not None]
    recorded = str(records[0].provenance.get("command", "")) if records else ""
    if not recorded.startswith(("tfoptcmp-tune", "tfoptcmp-reproduce")):
        return ""
    # The plan of looks says how many trials there are to be.
    if comparison.looks is not None or "--until_decided" in recorded:
        return ""
    kept = without_flags(recorded, "num_feasible")
    return " ".join([" Run:", *kept, f"--num_feasible={num_feasible}"])


def trust(
    comparison: Comparison, verdicts: Verdicts, findings: Sequence[Finding] | None = None
) -> list[str]:
    """Returns whether the comparison can be trusted: inclusions, boundaries, audit."""
    said = [f"Inclusions: {conclusion(verdicts)}"]
    checks = [check for one in comparison.contestants for check in check_boundaries(one)]
    if accepted := acceptance(comparison):
        said.append(f"Search spaces: {accepted}")
    elif checks:
        crowded = [f"{check.contestant.title} {check.name}" for check in checks if check.is_crowded]
        inside = sum(check.verdict is Edge.INSIDE for check in checks)
        said.append(
            f"Search spaces: the best trials crowd at an edge of {_listed(crowded)}; a wider range "
            "may hold better ones."
            if crowded
            else "Search spaces: too few trials to say whether the best ones crowd at an edge."
            if not inside
            else f"Search spaces: no best trials crowd at an edge ({inside} of {len(checks)} "
            "ranges could be checked)."
        )
    if outside := containment_sentence(containments(comparison)):
        said.append(outside)
    if findings is not None:
        said.append(f"Audit: {audit_sentence(findings)}")
    return said


def conclusion(verdicts: Verdicts) -> str:
    """Returns the answer to "do the inclusions hold?" in a sentence or two."""
    judged = verdicts.judgements
    if not judged and verdicts.untested:
        return "No inclusion could be tested with these trials; the reasons are below."
    if not judged:
        return "no optimizer here contains another, so there is nothing to test."
    if not verdicts.tested:
        return "no verdict, there are too few trials for this K."
    without = [pair for pair in verdicts.pairs if verdicts.worst(*pair) is Verdict.NO_VERDICT]
    num = len(verdicts.pairs) - len(without)
    pairs = [f"{special.title} <= {general.title}" for special, general in without]
    more = f" No verdict, with too few trials for this K: {', '.join(pairs)}." if without else ""
    violated = [pair for pair in verdicts.pairs if verdicts.worst(*pair) is Verdict.VIOLATED]
    if violated:
        names = ", ".join(
            f"{general.title} than {special.title} "
            f"({_where(verdicts.of(special, general), Verdict.VIOLATED)})"
            for special, general in violated
        )
        return (
            f"{len(violated)} of {num} violated. Worse than their own special "
            f"case: {names}. The likely cause is their search space or too few trials; do not rank "
            f"these by that before it is mended.{more}"
        )
    open_ones = [j for j in judged if j.verdict is Verdict.NOT_DECIDED]
    if open_ones:
        return (
            f"none of {num} is violated; {len(open_ones)} of {len(verdicts.tested)} tests "
            f"are not decided.{more}"
        )
    which = f"all {num} hold" if num > 1 else "the only one holds"
    if without:
        which = f"{num} with a verdict hold{'s' if num == 1 else ''}"
    return f"{which}: no rule did worse than a special case of it.{more}"


def count_line(verdicts: Verdicts) -> str:
    """Returns how many pairs were tested, how they came out and how many false alarms to expect."""
    counts = [
        f"{sum(j.verdict is v for j in verdicts.judgements)} {v}"
        for v in Verdict
        if any(j.verdict is v for j in verdicts.judgements)
    ]
    if not counts:
        return ""
    line = (
        f"{counted(len(verdicts.pairs), 'pair')}, {len(verdicts.judgements)} tests (a pair and a "
        f"statistic each): {', '.join(counts)}."
    )
    if verdicts.tested:
        line += (
            f" If every general rule is worse by exactly the margin, about "
            f"{verdicts.expected_false_alarms:.1f} of these tests come out as violated by chance; "
            f"fewer if it is less."
        )
    violated = [j for j in verdicts.judgements if j.verdict is Verdict.VIOLATED]
    if violated:
        sure = sum(j.survives for j in violated)
        line += (
            f" After correction for the number of pairs {sure} of the violated remain; chance is "
            "an unlikely reason for these."
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
            case Verdict.NO_VERDICT:
                said.setdefault("no verdict, too few trials.", []).append(
                    f"{general} against {special}"
                )
            case Verdict.NOT_DECIDED:
                where = _where(judgements, Verdict.BETTER, Verdict.EQUIVALENT, Verdict.HOLDS)
                text = "not decided" + (f"; no worse in {where}." if where else ".")
                said.setdefault(text, []).append(f"{general} against {special}")
            case _:
                better = _where(judgements, Verdict.BETTER)
                said[
                    f"{general} did no worse than {special}, as it should"
                    + (f"; better in {better}." if better else ".")
                ] = []
    return [f"{', '.join(pairs)}: {text}" if pairs else text for text, pairs in said.items()]


def _where(judgements: Sequence[Judgement], *verdicts: Verdict) -> str:
    return ", ".join(STATISTICS[j.statistic].title for j in judgements if j.verdict in verdicts)


def matrix_cells(verdicts: Verdicts) -> list[list[str]]:
    """Returns the verdicts alone, a pair a row and a statistic a column, with a heading."""
    found = {(j.special.name, j.general.name, j.statistic): j.verdict for j in verdicts.judgements}
    names = [name for name in STATISTICS if any(key[2] == name for key in found)]
    cells = [["special <= general", *(STATISTICS[name].title for name in names)]]
    for special, general in verdicts.pairs:
        row = [str(found.get((special.name, general.name, name), "-")) for name in names]
        cells.append([f"{special.title} <= {general.title}", *row])
    return cells


def ranking_cells(found: Ranking) -> list[list[str]]:
    """Returns for every two optimizers by how much the row beats the column, with a heading.

    Rows and columns by their means, the best first. A cell holds the column's mean minus the row's,
    its 95 % interval, and how often one practitioner gets the better result with the row.
    """
    by_name = {(j.special.name, j.general.name): j for j in found.pairs}
    order = [place.contestant for place in found.places]
    cells = [["row beats column by", *(one.title for one in order)]]
    for row in order:
        line = [row.title]
        for column in order:
            if row is column:
                line.append("")
                continue
            given = by_name.get((row.name, column.name))
            j = given or by_name[column.name, row.name]
            sign = 1 if given else -1  # D of the pair is the column's minus the row's
            low, high = sorted((sign * j.low, sign * j.high))
            better = max(0.0, 1 - j.superiority) if given else j.superiority
            shown = j.metric.difference_with(sign * j.difference, low, high, unit=False)
            line.append(f"{shown}\nP {better:.2f}")
        cells.append(line)
    return cells


def pair_cells(found: Ranking) -> list[list[str]]:
    """Returns every pair with its verdict, decided ones first, with a heading."""
    d = found.metric.worse_by("D")
    cells = [["pair", "verdict on the second", d, "tolerated", "P(better)", "trials needed"]]
    order = sorted(found.pairs, key=lambda j: not j.verdict.decided)
    for j in order:
        cells.append([f"{j.special.title}, {j.general.title}", *_numbers(j)])
    return cells


def curve_cells(curves: Sequence[Curve]) -> list[list[str]]:
    """Returns verdicts and probabilities of superiority at some tuning budgets, a pair a row."""
    known = sorted({p.tuning_budget for _, _, points in curves for p in points})
    largest = max(known, default=0)
    budgets = [k for k in known if k in _BUDGETS_SHOWN or k == largest]
    cells = [["special <= general", *(f"K = {k}" for k in budgets)]]
    for special, general, points in curves:
        at = {p.tuning_budget: f"{p.verdict}, {p.superiority:.2f}" for p in points}
        cells.append([f"{special.title} <= {general.title}", *(at.get(k, "-") for k in budgets)])
    return cells


def verdict_cells(verdicts: Verdicts) -> list[list[str]]:
    """Returns the judgements for people: a heading, then a row each."""
    # The longer heading, if one of the metrics needs it.
    d = max((j.metric.worse_by("D") for j in verdicts.judgements), default="D")
    cells = [
        [
            *("special <= general", "statistic", "verdict", d, "tolerated"),
            *("P(better)", "trials needed"),
        ]
    ]
    for j in verdicts.judgements:
        statistic = STATISTICS[j.statistic].title + ("" if j.primary else " (secondary)")
        cells.append([f"{j.special.title} <= {j.general.title}", statistic, *_numbers(j)])
    return cells


def _numbers(j: Judgement) -> list[str]:
    mark = "" if j.survives or not j.verdict.decided else " *"
    return [
        f"{j.verdict}{mark}",
        j.metric.difference_with(j.difference, j.low, j.high),
        margin_text(j),
        f"{j.superiority:.2f}",
        j.trials_needed_text or "-",
    ]


SURVIVES_NOTE = (
    f"* Only at the level of a single test ({LEVEL:g}): divided by the number of pairs, it would "
    "be another verdict, or not decided."
)
"""What the mark behind a verdict means."""


def format_answer(
    comparison: Comparison, findings: Sequence[Finding] | None = None, called: str = ""
) -> str:
    """Returns the answer, how sure it is, and whether to trust it, as text for a terminal.

    Args:
        comparison: What was compared.
        findings: Of the audit on it; None if there was none.
        called: What to call it; "" for its workload.
    """
    verdicts, found = inclusion_verdicts(comparison), ranking(comparison)
    lines: list[str] = []
    lines += textwrap.wrap(f"{called or comparison.workload}: {answer(found)}", 100)
    lines += [*comparison.warnings]
    for title, sentences in (
        ("If you have to choose now", choose_now(comparison, found)),
        ("How sure?", how_sure(comparison, found)),
        ("Can the comparison be trusted?", trust(comparison, verdicts, findings)),
    ):
        if sentences:
            lines += ["", title, *format_sentences(sentences)]
    return "\n".join(lines) + "\n"


def format_verdicts(comparison: Comparison) -> str:
    """Returns the verdicts on the inclusions as text for a terminal."""
    verdicts = inclusion_verdicts(comparison)
    lines = ["Inclusions:", *filter(None, [count_line(verdicts)])]
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
    return f"{', '.join(told)}; see below." if told else "no fault found."


def _titles(places: Sequence[Place]) -> list[str]:
    return [place.contestant.title for place in places]


def _amount(metric: Metric, place: Place) -> str:
    return metric.difference(place.behind).lstrip("+")


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
