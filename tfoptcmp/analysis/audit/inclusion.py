"""Rules that did worse than their own special cases, and search spaces that caused it.

A result in which an optimizer does worse than its own special case is to be distrusted (Choi et al.
2019): the general rule could have imitated the special one. `cannot_imitate` says where its search
space did not allow this.
"""

import math
from collections.abc import Iterator, Mapping

from tfoptcmp import inclusions
from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.pairs import inclusion_pairs
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.verdicts import Judgement, Verdict, judgements_of
from tfoptcmp.rules import Rule
from tfoptcmp.spaces import Choice, Dimension

# A point that misses a range by a tenth counts as inside: that is nothing for a learning rate.
_TENTH = 0.1
# An epsilon counts as large if it changes the step by at most a tenth. Adam divides by sqrt(v) +
# epsilon, where sqrt(v) is about the gradient's root mean square: epsilon has to be ten times as
# large. RMSProp divides by sqrt(v + epsilon), about sqrt(epsilon) (1 + v / (2 epsilon)): five times
# the square would do; ten times leaves room for entries above the mean.
_LARGE = 1 / _TENTH


def violated(comparison: Comparison) -> Iterator[Finding]:
    """Finds general rules that did worse than their special cases; one finding per pair.

    An error if, as far as is known, all of the general rule was tuned. A warning if something was
    fixed or its schedule differs, which is the likely reason. No finding for a signature that fixes
    something beside another signature of its rule: that is a deliberate comparison.
    """
    for special, general in inclusion_pairs(comparison):
        fixed = ", ".join(general.argument(name) for name in general.fixed)
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
        shown = "; ".join(
            f"{STATISTICS[j.statistic].title} worse by "
            f"{j.metric.difference_with(j.difference, j.low, j.high)} (95 % interval; tolerated: "
            f"{j.metric.difference(j.delta).lstrip('+')})"
            for j in worse
        )
        yield Finding(
            severity="warning" if reason else "error",
            subject=f"{comparison.workload}: {special.title} <= {general.title}",
            title="a rule did worse than its own special case",
            evidence=f"{shown}; K = {comparison.tuning_budget} of N = {worse[0].num_trials} "
            "trials" + (f"; {reason}" if reason else ""),
            next_step=f"do not rank them yet: {cure}",
        )


def cannot_imitate(comparison: Comparison) -> Iterator[Finding]:
    """Finds general rules whose space cannot imitate the special rule's best trial.

    The best point is mapped by the inclusion, at bias correction 1, into the names of the general
    rule's space; its largest epsilon is compared with the gradient's root mean square measured in
    that trial (the largest one). A note; a warning where the general rule did worse as well.
    `untuned` reports signatures that fix a hyperparameter.
    """
    for special, general in inclusion_pairs(comparison):
        assert special.rule is not None and general.rule is not None, "they have an inclusion"
        mapped = inclusions.find(special.rule.name, general.rule.name)
        best = special.values_of(special.winner)
        if mapped is None or general.fixed or not best:
            continue
        translated = _translated(mapped, best)
        misses = [
            *_outside(translated, general),
            *_small_epsilon(translated, special, general, general.rule),
        ]
        if not misses:
            continue
        observed = bool(_violations(comparison, special, general))
        yield Finding(
            severity="warning" if observed else "note",
            subject=f"{comparison.workload}: {special.title} <= {general.title}",
            title=f"the space of {general.title} cannot imitate {special.title}'s best trial",
            evidence="; ".join(misses)
            + (f"; {general.title} did worse as well" if observed else ""),
            next_step=f"widen these ranges of {general.title}, or say that its space leaves out "
            f"{special.title}",
        )


def _violations(
    comparison: Comparison, special: Contestant, general: Contestant
) -> list[Judgement]:
    """Includes signatures that fix something: a worse result needs an explanation."""
    judged = judgements_of(comparison, special, general)
    return [judgement for judgement in judged if judgement.verdict is Verdict.VIOLATED]


def _translated(mapped: inclusions.Inclusion, values: Mapping[str, float]) -> Mapping[str, float]:
    try:
        return mapped.translate(values)
    except KeyError:  # the trial's learning rate or momentum is not reported
        return {}


def _outside(translated: Mapping[str, float], general: Contestant) -> Iterator[str]:
    for name, value in translated.items():
        dimension = general.dimensions.get(name)
        if dimension is not None and not _holds(dimension, value):
            yield f"needs {name} = {value:.3g}, searched: {dimension}"


def _small_epsilon(
    translated: Mapping[str, float], special: Contestant, general: Contestant, rule: Rule
) -> Iterator[str]:
    """Checks the limit epsilon -> infinity, and rates that are searched without the ratio."""
    epsilon, winner = general.dimensions.get("epsilon"), special.winner
    if epsilon is None or rule.epsilon is None or winner is None:
        return
    power, rms = rule.epsilon.power, float(winner["largest_gradient_rms"])
    needed = _LARGE * rms**power if math.isfinite(rms) else 0.0
    if epsilon.high < needed * (1 - _TENTH):
        square = "the square of " if power == 2 else ""
        yield (
            f"largest epsilon {epsilon.high:.3g} is {epsilon.high / rms**power:.3g} times {square}"
            f"the gradient's root mean square {rms:.3g} of that trial, {_LARGE:g} times are needed"
        )
        return
    if rule.rate not in general.dimensions or rule.rate_over_epsilon not in translated:
        return
    rate, ratio = general.dimensions[rule.rate], translated[rule.rate_over_epsilon]
    # Is there a large epsilon whose rate, ratio * epsilon, lies in the range of the rate?
    low, high = (ratio * e ** (1 / power) for e in (max(epsilon.low, needed), epsilon.high))
    if low > rate.high * (1 + _TENTH) or high < rate.low * (1 - _TENTH):
        yield (
            f"needs {rule.rate} = {ratio:.3g} epsilon{'' if power == 1 else f'^(1/{power})'}, that "
            f"is {low:.3g} .. {high:.3g}, searched: {rate}"
        )


def _holds(dimension: Dimension, value: float) -> bool:
    if isinstance(dimension, Choice):
        return any(math.isclose(value, v, rel_tol=_TENTH) for v in dimension.values)
    return dimension.low * (1 - _TENTH) <= value <= dimension.high * (1 + _TENTH)


CHECKS = (violated, cannot_imitate)
