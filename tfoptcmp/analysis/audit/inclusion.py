"""Rules that did worse than their own special cases, and spaces that made them.

A result in which an optimizer does worse than its own special case is to be distrusted (Choi et al.
2019): the general rule could have imitated the special one. `cannot_imitate` says where its search
space did not let it.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import product

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.evidence import Entry, Evidence, Pair, inclusion
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.verdicts import Verdict
from tfoptcmp.inclusions import Inclusion
from tfoptcmp.spaces import Choice, Dimension, Fixed

# A point counts as inside a range that it misses by a tenth, which is nothing for a learning rate;
_TENTH = 0.1
# and an epsilon as large that leaves the step as it is but for a tenth. Adam divides by
# sqrt(v) + epsilon, where sqrt(v) is about the gradient's root mean square: epsilon has to be ten
# times as large. RMSProp divides by sqrt(v + epsilon), about sqrt(epsilon) (1 + v / (2 epsilon)):
# five times the square would do, and ten leave room for entries above the mean.
_LARGE = 1 / _TENTH


def violated(evidence: Evidence) -> Iterator[Finding]:
    """Finds general rules that did worse than their special cases, a finding a pair.

    An error if all of the general rule was tuned as far as is known, a warning if something was
    fixed or its schedule is another, which is the likely reason. Silent about a signature with
    something fixed beside another of its rule: whoever compares the two knows.
    """
    for (special, general), pairs in _violations(evidence).items():
        fixed = ", ".join(general.argument(name) for name in general.fixed)
        alone = sum(other.rule == general.rule for other in evidence.entries) == 1
        if fixed and not alone:
            continue
        reason, cure = "", f"check {general.title}'s search space, then run more trials of it"
        if fixed:
            reason, cure = f"{general.title} fixes {fixed}", f"tune {fixed} of {general.title}"
        elif special.schedule != general.schedule:
            reason = f"schedules {special.schedule} and {general.schedule}"
            cure = "give both the same schedule"
        shown = "; ".join(
            f"{STATISTICS[pair.statistic].title} worse by "
            f"{evidence.amount(pair.difference.percentile(5), pair.statistic)} or more in 95 % of "
            f"resamples (tolerated: {_tolerated(evidence, pair)})"
            for pair in pairs
        )
        yield Finding(
            severity="warning" if reason else "error",
            subject=f"{evidence.workload}: {special.title} <= {general.title}",
            title="a rule did worse than its own special case",
            evidence=f"{shown}; K = {evidence.tuning_budget} of N = {evidence.num_trials} trials"
            + (f"; {reason}" if reason else ""),
            next_step=f"do not rank them yet: {cure}",
        )


def cannot_imitate(evidence: Evidence) -> Iterator[Finding]:
    """Finds general rules whose space holds no imitation of the special rule's best trial.

    The best point is mapped by the inclusion, at bias correction 1, into the names of the general
    rule's space; its largest epsilon is compared with the gradient's root mean square measured in
    that trial (the largest one). A note; a warning where the general rule did worse as well.
    Signatures that fix a hyperparameter are `untuned`'s.
    """
    worse = _violations(evidence)
    for special, general in product(evidence.entries, repeat=2):
        mapped = inclusion(special, general)
        if mapped is None or general.fixed or not special.winning_values:
            continue
        translated = _translated(mapped, special.winning_values)
        misses = [*_outside(translated, general), *_small_epsilon(translated, special, general)]
        if not misses:
            continue
        observed = (special, general) in worse
        yield Finding(
            severity="warning" if observed else "note",
            subject=f"{evidence.workload}: {special.title} <= {general.title}",
            title=f"the space of {general.title} cannot imitate {special.title}'s best trial",
            evidence="; ".join(misses)
            + (f"; {general.title} did worse as well" if observed else ""),
            next_step=f"widen these ranges of {general.title}, or say that its space leaves out "
            f"{special.title}",
        )


def _violations(evidence: Evidence) -> dict[tuple[Entry, Entry], list[Pair]]:
    found: dict[tuple[Entry, Entry], list[Pair]] = {}
    for pair in evidence.pairs:
        if pair.verdict is Verdict.VIOLATED:
            found.setdefault((pair.special, pair.general), []).append(pair)
    return found


def _tolerated(evidence: Evidence, pair: Pair) -> str:
    if pair.delta == 0 and pair.statistic not in evidence.num_examples:
        return "nothing, as the number of examples is not known"
    return evidence.amount(pair.delta, pair.statistic)


def _translated(mapped: Inclusion, values: Mapping[str, float]) -> Mapping[str, float]:
    try:
        return mapped.translate(values)
    except KeyError:  # the trial's learning rate or momentum is not reported
        return {}


def _outside(translated: Mapping[str, float], general: Entry) -> Iterator[str]:
    for name, value in translated.items():
        dimension = general.dimensions.get(name)
        if dimension is not None and not _holds(dimension, value):
            yield f"needs {name} = {value:.3g}, searched {_ends(dimension)}"


def _small_epsilon(
    translated: Mapping[str, float], special: Entry, general: Entry
) -> Iterator[str]:
    """Checks the limit epsilon -> infinity, and rates that are searched without the ratio."""
    epsilon = general.dimensions.get("epsilon")
    winner = special.winner
    if epsilon is None or winner is None:
        return
    rms = float(winner.get("gradient_rms", math.nan))
    power = 2 if general.rule == "rmsprop" else 1
    largest, needed = _high(epsilon), _LARGE * rms**power
    if math.isfinite(needed) and largest < needed * (1 - _TENTH):
        square = "the square of " if power == 2 else ""
        yield (
            f"largest epsilon {largest:.3g} is {largest / rms**power:.3g} times {square}the "
            f"gradient's root mean square {rms:.3g} of that trial, {_LARGE:g} times are needed"
        )
        return
    yield from _uncoupled(translated, general, epsilon, needed if math.isfinite(needed) else 0.0)


def _uncoupled(
    translated: Mapping[str, float], general: Entry, epsilon: Dimension, needed: float
) -> Iterator[str]:
    """Looks for a large epsilon whose rate, ratio * epsilon, lies in the range of the rate."""
    rates = {"alpha0": ("alpha0_over_epsilon", 1.0), "eta0": ("eta0_over_sqrt_epsilon", 0.5)}
    for name, (ratio_name, exponent) in rates.items():
        if name not in general.dimensions or ratio_name not in translated:
            continue
        rate, ratio = general.dimensions[name], translated[ratio_name]
        low = ratio * max(_low(epsilon), needed) ** exponent
        high = ratio * _high(epsilon) ** exponent
        if low > _high(rate) * (1 + _TENTH) or high < _low(rate) * (1 - _TENTH):
            yield (
                f"needs {name} = {ratio:.3g} epsilon{'' if exponent == 1 else '^(1/2)'}, that is "
                f"{low:.3g} .. {high:.3g}, searched {_ends(rate)}"
            )


def _holds(dimension: Dimension, value: float) -> bool:
    match dimension:
        case Choice(values=values):
            return any(math.isclose(value, v, rel_tol=_TENTH) for v in values)
        case _:
            return _low(dimension) * (1 - _TENTH) <= value <= _high(dimension) * (1 + _TENTH)


def _low(dimension: Dimension) -> float:
    match dimension:
        case Fixed():
            return dimension.fixed
        case Choice(values=values):
            return min(values)
        case _:
            return dimension.low


def _high(dimension: Dimension) -> float:
    match dimension:
        case Fixed():
            return dimension.fixed
        case Choice(values=values):
            return max(values)
        case _:
            return dimension.high


def _ends(dimension: Dimension) -> str:
    return f"{_low(dimension):.3g} .. {_high(dimension):.3g}"
