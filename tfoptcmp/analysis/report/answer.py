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
from tfoptcmp.analysis.report.inclusions import conclusion
from tfoptcmp.analysis.report.lineage import acceptance, holds_for
from tfoptcmp.analysis.report.tables import format_sentences
from tfoptcmp.analysis.statistics.looks import looks_sentences
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.ranking import Place, Ranking, ranking
from tfoptcmp.analysis.statistics.verdicts import (
    MOST_NEEDED,
    Verdict,
    Verdicts,
    inclusion_verdicts,
    rounded_up,
    tolerance_of,
)
from tfoptcmp.metrics import Metric


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
