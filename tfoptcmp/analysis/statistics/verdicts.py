"""Did a general update rule do at least as well as the rules it contains?

Theory says that it must, once both are tuned well (Choi et al. 2019): a violation speaks of search
spaces and numbers of trials, not of the rules. The verdict for special <= general looks at
D = statistic(general) - statistic(special), lower is better, for independent tuning with K trials
each:

    violated       the 5th percentile of D is above delta
    consistent     the 95th percentile of D is at most delta
    undetermined   neither
    descriptive only   K > N/2: the bootstrap's intervals are too narrow to judge by

delta is what no one should quarrel about: one standard error of the evaluation set for error rates,
LOSS_TOLERANCE for losses, one measurement interval for steps.

A target that was not reached counts as infinitely many steps, in D too, and not reaching it on
either side as no difference: so a general rule that misses a target which the special one reaches
is found, and D needs no condition. The steps themselves are reported given that the target was
reached, with that probability.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from tfoptcmp import inclusions
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.distributions import Distribution, difference, superiority
from tfoptcmp.analysis.statistics.quantities import STATISTICS, best_of_k
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Dimension, Fixed

LOSS_TOLERANCE = 0.01
"""delta of losses and of metrics in nats; our own choice."""


class Verdict(StrEnum):
    """What the trials say about one inclusion."""

    VIOLATED = "violated"
    CONSISTENT = "consistent"
    UNDETERMINED = "undetermined"
    DESCRIPTIVE_ONLY = "descriptive only"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One inclusion, special <= general, judged by one statistic.

    Attributes:
        special: The study of the special rule.
        general: The study of the rule that contains it.
        statistic: A name in STATISTICS.
        verdict: The verdict.
        difference: The distribution of D, in the statistic's unit; above 0 the general rule is
            worse.
        delta: The difference that is tolerated, >= 0, same unit.
        tuning_budget: K.
        num_trials: N, the smaller number of feasible trials of the two.
    """

    special: StudyResults
    general: StudyResults
    statistic: str
    verdict: Verdict
    difference: Distribution
    delta: float
    tuning_budget: int
    num_trials: int

    @property
    def superiority(self) -> float:
        """Probability that the general rule gets the better result; a tie counts half."""
        return superiority(self.difference)

    @property
    def false_alarm_rate(self) -> float:
        """An upper bound on P(violated) for two rules that are equally good.

        Simulated for delta = 0, N from 4 to 100, 600 to 2,000 pairs of studies each: below 0.01
        for K <= 0.3 N (below 0.002 at K = N/5), and up to 0.05, the nominal rate, for K = N/2.
        """
        return 0.01 if self.tuning_budget <= 0.3 * self.num_trials else 0.05


@dataclass(frozen=True, kw_only=True)
class Untested:
    """A pair of rules with an inclusion whose studies cannot test it, and why."""

    special: StudyResults
    general: StudyResults
    reason: str


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Everything a comparison says about inclusions.

    Attributes:
        judgements: Pairs in the order of the inclusions, statistics in the order of STATISTICS.
        untested: Pairs that could have been tested had the studies been others.
    """

    judgements: tuple[Judgement, ...]
    untested: tuple[Untested, ...]

    @property
    def pairs(self) -> list[tuple[StudyResults, StudyResults]]:
        """The (special, general) that were judged, each once, in order."""
        found = {(j.special.name, j.general.name): (j.special, j.general) for j in self.judgements}
        return list(found.values())

    def of(self, special: StudyResults, general: StudyResults) -> list[Judgement]:
        """Returns the judgements of one pair."""
        return [j for j in self.judgements if j.special is special and j.general is general]

    @property
    def tested(self) -> list[Judgement]:
        """The judgements that could have come out as violated."""
        return [j for j in self.judgements if j.verdict is not Verdict.DESCRIPTIVE_ONLY]

    @property
    def expected_false_alarms(self) -> float:
        """At most so many "violated" are to be expected if every inclusion holds."""
        return sum(judgement.false_alarm_rate for judgement in self.tested)


def judge(difference: Distribution, delta: float) -> Verdict:
    """Applies the rule to the distribution of D = statistic(general) - statistic(special).

    Args:
        difference: Distribution of D, lower is better for the general rule.
        delta: Tolerated difference, >= 0.
    """
    return verdict_of(difference.percentile(5), difference.percentile(95), delta)


def verdict_of(low: float, high: float, delta: float) -> Verdict:
    """Applies the rule to D's 5th and 95th percentile, as `judge`."""
    if low > delta:
        return Verdict.VIOLATED
    return Verdict.CONSISTENT if high <= delta else Verdict.UNDETERMINED


def inclusion_verdicts(comparison: Comparison) -> Verdicts:
    """Judges every inclusion among the comparison's studies by every statistic they have."""
    judgements: list[Judgement] = []
    untested: list[Untested] = []
    rules = [study.signature.rule for study in comparison.studies]
    declared = [(special, rule.name) for rule in rules for special in rule.contains]
    for special, general in product(comparison.studies, repeat=2):
        names = (special.signature.rule.name, general.signature.rule.name)
        if not inclusions.is_special_case(*names, declared):
            continue
        reason = why_not_included(special.signature, general.signature) or _no_trials(
            special, general
        )
        if reason:
            untested.append(Untested(special=special, general=general, reason=reason))
        else:
            judgements.extend(_judgements(special, general, comparison.tuning_budget))
    return Verdicts(judgements=tuple(judgements), untested=tuple(untested))


def why_not_included(special: Signature, general: Signature) -> str:
    """Returns why the rules' inclusion does not carry over to the signatures; "" if it does.

    The general signature must be free to imitate every point of the special one: it may fix none of
    its rule's hyperparameters ("Adam with epsilon fixed" contains nothing), and of the schedule and
    the regularisation only what the special one fixes at the same value. The special signature may
    be as restricted as it likes. Whether the general one's *ranges* suffice is another question.
    """
    if special.schedule != general.schedule:
        return f"schedules differ: {special.schedule} and {general.schedule}"
    for name, dimension in general.space.dimensions.items():
        argument = general.space.meaning(name).argument
        if _is_fixed(dimension) and argument in general.rule.hyperparameters:
            return f"{general.name} fixes {name}"
    own = (special.rule.hyperparameters, general.rule.hyperparameters)
    for name, dimension in special.space.dimensions.items():
        argument = special.space.meaning(name).argument
        if any(argument in hyperparameters for hyperparameters in own):
            continue
        other = general.space.dimensions.get(name)
        if other is None:
            return f"{general.name} has no {name}, which {special.name} has"
        if _is_fixed(other) and other != dimension:
            return f"{general.name} fixes {name}, which {special.name} does not fix likewise"
    return ""


def tolerance(special: StudyResults, statistic: str, mean: float) -> float:
    """Returns delta, in the statistic's unit.

    Args:
        special: The study of the special rule.
        statistic: A name in STATISTICS.
        mean: The statistic's mean for the special rule; infinite where a measurement was not a
            number.
    """
    if statistic == "steps_to_target":
        return float(special.config.budget["eval_every_steps"])
    if statistic == "train_loss" or special.config.metric_unit == "nats":
        return LOSS_TOLERANCE
    error = min(mean, 1.0)
    n = special.config.num_examples[statistic]
    return math.sqrt(error * (1 - error) / n)


def _is_fixed(dimension: Dimension) -> bool:
    return isinstance(dimension, Fixed) or (
        isinstance(dimension, Choice) and len(dimension.values) == 1
    )


def _no_trials(special: StudyResults, general: StudyResults) -> str:
    without = [results.title for results in (special, general) if results.num_feasible == 0]
    return f"no feasible trial of {' and '.join(without)}" if without else ""


def _judgements(
    special: StudyResults, general: StudyResults, tuning_budget: int
) -> Sequence[Judgement]:
    num_trials = min(special.num_feasible, general.num_feasible)
    made = []
    for statistic in STATISTICS:
        a = best_of_k(special, statistic, tuning_budget)
        b = best_of_k(general, statistic, tuning_budget)
        if a is None or b is None or _says_nothing(statistic, a, b):
            continue
        d = difference(b, a)
        delta = tolerance(special, statistic, a.mean())
        descriptive = tuning_budget > num_trials / 2
        made.append(
            Judgement(
                special=special,
                general=general,
                statistic=statistic,
                verdict=Verdict.DESCRIPTIVE_ONLY if descriptive else judge(d, delta),
                difference=d,
                delta=delta,
                tuning_budget=tuning_budget,
                num_trials=num_trials,
            )
        )
    return made


def _says_nothing(statistic: str, special: Distribution, general: Distribution) -> bool:
    """Whether neither side has a value, or no rule could be slower to the target than the special.

    Where the special rule never reaches the target, "consistent" would hold by construction.
    """
    if np.isfinite(special.values).any():
        return False
    return statistic == "steps_to_target" or not np.isfinite(general.values).any()
