"""Rules that did worse than their own special cases, and search spaces that caused it.

A result in which an optimizer does worse than its own special case is to be distrusted (Choi et al.
2019): the general rule could have imitated the special one. `cannot_imitate` says where its search
space did not allow this.
"""

from collections import Counter
from collections.abc import Iterator

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.containment import acts_as, misses_of
from tfoptcmp.analysis.statistics.pairs import fixed_beyond, inclusion_pairs
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.verdicts import LEVEL, Judgement, Verdict, judgements_of
from tfoptcmp.rules import RULES

_NEARLY_ALL = 0.9
_CHANCE = 1 / 1000
"""How often chance alone may raise an alarm in a test of rules that are equal.

An audit is run on many comparisons; with reports' 1 / 40 it would warn of 7 in 140 clean ones, each
of two statistics (those of `tests/analysis/sources/test_optuna.py`).
"""


def violated(comparison: Comparison) -> Iterator[Finding]:
    """Finds general rules that did worse than their special cases; one finding per pair.

    An error if, as far as is known, all of the general rule was tuned. A warning if something was
    fixed or its schedule differs, which is the likely reason. A note if chance brings it more often
    than `_CHANCE`. No finding for a signature that fixes something beside another signature of its
    rule: that is a deliberate comparison.
    """
    for special, general in inclusion_pairs(comparison):
        fixed = ", ".join(map(general.argument, fixed_beyond(special, general)))
        alone = sum(other.rule == general.rule for other in comparison.contestants) == 1
        worse = _violations(comparison, special, general)
        if not worse or (fixed and not alone):
            continue
        reason, cure = "", f"check {general.title}'s search space, then run more trials of it"
        if fixed:
            reason, cure = f"{general.title} fixes {fixed}", f"tune {fixed} of {general.title}"
        elif special.schedule != general.schedule:
            reason = f"schedules {special.schedule} and {general.schedule}"
            cure = "give both the same schedule"
        names = [STATISTICS[j.statistic].title for j in worse]
        shown = "; ".join(
            f"{STATISTICS[j.statistic].title} worse by "
            f"{j.metric.difference_with(j.difference, j.low, j.high)} (95 % interval; tolerated: "
            f"{j.metric.difference(j.delta).lstrip('+')})"
            for j in worse
        )
        surely = any(judgement.survives for judgement in worse)
        if not surely:
            shown += f"; of equal rules chance shows as much in up to 1 of {2 / LEVEL:.0f} tests"
        yield Finding(
            severity=("warning" if reason else "error") if surely else "note",
            subject=f"{comparison.workload}: {special.title} <= {general.title}",
            title=f"a rule {'' if surely else 'perhaps '}did worse than its own special case",
            evidence=f"{shown}; K = {comparison.tuning_budget} of N = {worse[0].num_trials} "
            "trials" + (f"; {reason}" if reason else ""),
            next_step=f"do not rank them by {' and '.join(names)} yet: {cure}",
        )


def cannot_imitate(comparison: Comparison) -> Iterator[Finding]:
    """Finds general rules whose space cannot imitate the special rule's best trial.

    The best point is mapped by the inclusion, at bias correction 1, into the names of the general
    rule's space (one of the same rule keeps its values); its largest epsilon is compared with the
    gradient's root mean square measured in that trial (the largest one). A note; a warning where
    the general rule did worse as well. `untuned` reports signatures that fix a hyperparameter.
    """
    for special, general in inclusion_pairs(comparison):
        if fixed_beyond(special, general) or special.winner is None:
            continue
        misses = misses_of(special, special.winner, general)
        if not misses:
            continue
        observed = any(j.survives for j in _violations(comparison, special, general))
        yield Finding(
            severity="warning" if observed else "note",
            subject=f"{comparison.workload}: {special.title} <= {general.title}",
            title=f"the space of {general.title} cannot imitate {special.title}'s best trial",
            evidence="; ".join(misses.values())
            + (f"; {general.title} did worse as well" if observed else ""),
            next_step=f"widen these ranges of {general.title}, or say that its space leaves out "
            f"{special.title}",
        )


def acts_as_another(comparison: Comparison) -> Iterator[Finding]:
    """Finds rules nearly all of whose trials have so large an epsilon that they act as another.

    A note: such a comparison is one of Momentum and itself, say, whatever it is called.
    """
    for one in comparison.contestants:
        found = [acts_as(one, trial) for trial in one.feasible.to_dict("records")]
        acting = Counter(each[0] for each in found if each is not None)
        for special, number in acting.items():
            if number < _NEARLY_ALL * len(found):
                continue
            yield Finding(
                severity="note",
                subject=f"{comparison.workload}: {one.title}",
                title="nearly all of its trials act as its special case",
                evidence=f"in {number} of {len(found)} trials epsilon is so large beside the "
                f"gradients that the update is that of {RULES[special].title}",
                next_step=f"say so where {one.title} is quoted, or search small epsilons in a "
                "study of their own (--space=default_epsilon)",
            )


def _violations(
    comparison: Comparison, special: Contestant, general: Contestant
) -> list[Judgement]:
    """Includes signatures that fix something: a worse result needs an explanation.

    They `survive` if chance brings them no more often than `_CHANCE`.
    """
    judged = judgements_of(comparison, special, general, num_pairs=round(LEVEL / 2 / _CHANCE))
    return [judgement for judgement in judged if judgement.verdict is Verdict.VIOLATED]


CHECKS = (violated, cannot_imitate, acts_as_another)
