"""Do a general rule's ranges hold what its special case found? The inclusion map applied to trials.

An accepted space of Adam should still contain, as Adam's own hyperparameters, the good trials of
Momentum: otherwise Adam could not have imitated them, and the inclusion says nothing about these
two. A trial of the special rule is translated by the map (`tfoptcmp.inclusions`, at bias correction
1); one of the same rule with less tuned keeps its values, whether the rate is searched or its ratio
to epsilon. It lies inside if the general one's ranges hold every name that the map gives and the
general one searches; names that both share, like those of the schedule, pass unchanged, and names
that are free in the limit do not count.

Where the rules are equal only in the limit of a large epsilon, the range of epsilon must reach up
to a large one. Large is ten times the gradient's root mean square in that trial (its square where
epsilon stands under the root), as far as it was measured. Where it was not, and the space was
narrowed, the range must reach the high end that it had in round 0.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from tfoptcmp import inclusions
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant, Row
from tfoptcmp.analysis.ranges.boundary import good_trials
from tfoptcmp.analysis.statistics.pairs import inclusion_pairs, why_not_included
from tfoptcmp.rules import Rule
from tfoptcmp.spaces import Choice, Dimension

# A point that misses a range by a tenth counts as inside: that is nothing for a learning rate.
_TENTH = 0.1
# An epsilon counts as large if it changes the step by at most a tenth. Adam divides by sqrt(v) +
# epsilon, where sqrt(v) is about the gradient's root mean square: epsilon has to be ten times as
# large. RMSProp divides by sqrt(v + epsilon), about sqrt(epsilon) (1 + v / (2 epsilon)): five times
# the square would do; ten times leaves room for entries above the mean.
_LARGE = 1 / _TENTH


@dataclass(frozen=True, kw_only=True, eq=False)
class Containment:
    """How many good trials of a special rule a general rule's space holds.

    Attributes:
        special: The special rule.
        general: The general one.
        num_good: Good trials of the special one (`boundary.good_trials`), > 0.
        num_inside: How many of them lie inside.
        cut_off: Searched name of the general one to how many of them it leaves outside; the names
            that leave out most come first.
    """

    special: Contestant
    general: Contestant
    num_good: int
    num_inside: int
    cut_off: Mapping[str, int]

    @property
    def mostly_outside(self) -> bool:
        """Whether fewer than half of the good trials lie inside."""
        return 2 * self.num_inside < self.num_good


_CONTAINMENTS: "WeakKeyDictionary[Comparison, list[Containment]]" = WeakKeyDictionary()


def containments(comparison: Comparison) -> list[Containment]:
    """Returns how it is for each pair of our own studies with an inclusion that they can test.

    Pairs whose map is not known, or whose special rule has no good trial, are left out. What was
    found once is kept as long as the comparison is.
    """
    if comparison not in _CONTAINMENTS:
        _CONTAINMENTS[comparison] = _containments(comparison)
    return _CONTAINMENTS[comparison]


def _containments(comparison: Comparison) -> list[Containment]:
    found = []
    for special, general in inclusion_pairs(comparison):
        if special.space is None or general.space is None or why_not_included(special, general):
            continue
        outside = [
            misses
            for trial in good_trials(special).to_dict("records")
            if (misses := misses_of(special, trial, general)) is not None
        ]
        if not outside:
            continue
        names = Counter(name for misses in outside for name in misses)
        found.append(
            Containment(
                special=special,
                general=general,
                num_good=len(outside),
                num_inside=sum(not misses for misses in outside),
                cut_off=dict(names.most_common()),
            )
        )
    return found


def misses_of(special: Contestant, trial: Row, general: Contestant) -> dict[str, str] | None:
    """Returns which ranges of a general rule leave a special rule's trial outside, and how.

    Args:
        special: The special rule.
        trial: A row of its trials.
        general: The general one.

    Returns:
        Searched name of the general rule to what would be needed; {} if the trial lies inside; None
        if that is not known: there is no map, or a value that it needs is not reported.
    """
    assert special.rule is not None and general.rule is not None, "they have an inclusion"
    values = special.values_of(trial)
    inclusion = inclusions.find(special.rule.name, general.rule.name)
    same = special.rule == general.rule
    if not values or (inclusion is None and not same):
        return None
    try:
        translated = inclusion.translate(values) if inclusion else _with_ratio(values, special.rule)
    except KeyError:  # the trial's learning rate or momentum is not reported
        translated = {}
    misses = {
        name: f"needs {name} = {value:.3g}, searched: {dimension}"
        for name, value in translated.items()
        if (dimension := general.dimensions.get(name)) is not None and not _holds(dimension, value)
    }
    if inclusion is not None and inclusion.limit:
        misses |= _small_epsilon(translated, trial, general)
    return misses if misses or translated else None


def _with_ratio(values: Mapping[str, float], rule: Rule) -> dict[str, float]:
    """A rule's own values, with its rate and the rate's ratio to epsilon: either is searched."""
    rate, ratio, epsilon = rule.rate, rule.rate_over_epsilon, values.get("epsilon", 0.0)
    if rule.epsilon is None or not ratio or epsilon <= 0:
        return dict(values)
    root = rule.epsilon.root(epsilon)
    if rate in values:
        return {**values, ratio: values[rate] / root}
    return {**values, rate: values[ratio] * root} if ratio in values else dict(values)


def acts_as(one: Contestant, trial: Row) -> tuple[str, float] | None:
    """Returns what a trial comes to whose epsilon is large: the special rule and its learning rate.

    Args:
        one: An optimizer of Table 1 with an epsilon; of others nothing is known.
        trial: A row of its trials.

    Returns:
        Name of the special rule and the learning rate at the first step, at bias correction 1; None
        if epsilon is not large or a number that it takes to know is not reported.
    """
    rule, used = one.rule, one.values_of(trial, used=True)
    if rule is None or rule.epsilon is None or not {"epsilon", "learning_rate"} <= used.keys():
        return None
    power, rms = rule.epsilon.power, float(trial["largest_gradient_rms"])
    # NaN is not large.
    if not (math.isfinite(used["epsilon"]) and used["epsilon"] >= _LARGE * rms**power):
        return None
    for inclusion in inclusions.EDGES:
        if inclusion.limit and inclusion.general == rule.name:
            rate = used["learning_rate"] / rule.epsilon.root(used["epsilon"])
            return inclusion.special, rate * (1 - used.get("beta_1", 0.0))
    return None


def _small_epsilon(
    translated: Mapping[str, float], trial: Row, general: Contestant
) -> dict[str, str]:
    """Checks the limit epsilon -> infinity, and rates that are searched without the ratio."""
    epsilon, rule = general.dimensions.get("epsilon"), general.rule
    if epsilon is None or rule is None or rule.epsilon is None:
        return {}
    power, rms = rule.epsilon.power, float(trial["largest_gradient_rms"])
    if not math.isfinite(rms):
        first = general.rounds[0].dimensions.get("epsilon", epsilon)
        if epsilon.high < first.high * (1 - _TENTH):
            return {"epsilon": f"largest epsilon {epsilon.high:.3g}, of {first.high:.3g} at first"}
    needed = _LARGE * rms**power if math.isfinite(rms) else 0.0
    if epsilon.high < needed * (1 - _TENTH):
        square = "the square of " if power == 2 else ""
        return {
            "epsilon": f"largest epsilon {epsilon.high:.3g} is {epsilon.high / rms**power:.3g} "
            f"times {square}the gradient's root mean square {rms:.3g} of that trial, {_LARGE:g} "
            "times are needed"
        }
    if rule.rate not in general.dimensions or rule.rate_over_epsilon not in translated:
        return {}
    rate, ratio = general.dimensions[rule.rate], translated[rule.rate_over_epsilon]
    # Is there a large epsilon whose rate, ratio * epsilon, lies in the range of the rate?
    ends = max(epsilon.low, needed), epsilon.high
    low, high = (ratio * rule.epsilon.root(end) for end in ends)
    if low > rate.high * (1 + _TENTH) or high < rate.low * (1 - _TENTH):
        return {
            rule.rate: f"needs {rule.rate} = {ratio:.3g} "
            f"epsilon{'' if power == 1 else f'^(1/{power})'}, that is {low:.3g} .. {high:.3g}, "
            f"searched: {rate}"
        }
    return {}


def _holds(dimension: Dimension, value: float) -> bool:
    if isinstance(dimension, Choice):
        return any(math.isclose(value, v, rel_tol=_TENTH) for v in dimension.values)
    return dimension.low * (1 - _TENTH) <= value <= dimension.high * (1 + _TENTH)
