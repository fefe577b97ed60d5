"""Did a general update rule do at least as well as the rules it contains? The rule for verdicts.

Theory says that it must, once both are tuned well (Choi et al. 2019): a violation speaks of search
spaces and numbers of trials, not of the rules. The verdict for special <= general looks at
D = statistic(general) - statistic(special), lower is better, for independent tuning with K trials
each:

    violated       the 5th percentile of D is above delta
    consistent     the 95th percentile of D is at most delta
    undetermined   neither
    descriptive only   K > N/2: the bootstrap's intervals are too narrow to judge by

delta is what no one should quarrel about (`Metric.tolerance`).

A target that was not reached counts as infinitely many steps, in D too, and not reaching it on
either side as no difference: so a general rule that misses a target which the special one reaches
is found, and D needs no condition. The steps themselves are reported given that the target was
reached, with that probability.

Tables, figures, audit and report ask here for verdicts, for what they look like (`Verdict.tone`)
and for what to say of the rule (`INTERVAL` and the texts below); they know none themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import Distribution, difference, superiority
from tfoptcmp.analysis.statistics.pairs import inclusion_pairs, why_not_included
from tfoptcmp.analysis.statistics.quantities import STATISTICS, best_of_k, statistics_of
from tfoptcmp.metrics import Metric

Tone = Literal["bad", "good", "open"]


class Verdict(StrEnum):
    """What the trials say about one inclusion."""

    VIOLATED = "violated"
    CONSISTENT = "consistent"
    UNDETERMINED = "undetermined"
    DESCRIPTIVE_ONLY = "descriptive only"

    @property
    def tone(self) -> Tone:
        """How it is drawn and coloured: "bad" against theory, "good" with it, "open" neither."""
        tones: dict[Verdict, Tone] = {Verdict.VIOLATED: "bad", Verdict.CONSISTENT: "good"}
        return tones.get(self, "open")


_WORST_FIRST = (
    Verdict.VIOLATED,
    Verdict.DESCRIPTIVE_ONLY,
    Verdict.UNDETERMINED,
    Verdict.CONSISTENT,
)

LOW, HIGH = 5, 95
"""Percentiles of D that are judged by."""

INTERVAL = "5th to 95th percentile"
"""What of a difference is shown and judged by."""

HOW_SURE = "95 % of resamples"
"""In how many of which a difference is at least its low end, or at most its high end."""

HOW_TO_READ = (
    f"Difference: the general rule's statistic minus the special rule's, {INTERVAL}; "
    "above the tolerated amount the general rule is worse (pp: percentage points). P(better): how "
    "often it gets the better result, a tie counting half. Infinite steps: one of the two did not "
    "reach the target."
)
"""Of a table of judgements."""

HOW_TO_READ_CURVES = (
    f"band: {INTERVAL} of the general rule's result minus the special rule's, both the "
    "best of k trials, line: median; above the dotted line (the tolerated difference) the general "
    "rule is worse; strip: verdict at each k (red crosses: violated, green squares: "
    "consistent, grey dots: undetermined), up to k = N/2; dashed: K"
)
"""Of a figure of verdicts at every K."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """One inclusion, special <= general, judged by one statistic.

    Attributes:
        special: The special rule.
        general: The rule that contains it.
        statistic: A name in STATISTICS.
        metric: What the statistic reports, with its unit.
        verdict: The verdict.
        difference: The distribution of D, in the metric's unit; above 0 the general rule is worse.
        delta: The difference that is tolerated, >= 0, same unit.
        tuning_budget: K.
        num_trials: N, the smaller number of feasible trials of the two.
        restriction: Why the rules' inclusion does not carry over to these two, since something is
            fixed or their schedules differ; "" if it does.
    """

    special: Contestant
    general: Contestant
    statistic: str
    metric: Metric
    verdict: Verdict
    difference: Distribution
    delta: float
    tuning_budget: int
    num_trials: int
    restriction: str = ""

    @property
    def low(self) -> float:
        """The least that D may well be: its 5th percentile."""
        return self.difference.percentile(LOW)

    @property
    def high(self) -> float:
        """The most that D may well be: its 95th percentile."""
        return self.difference.percentile(HIGH)

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Untested:
    """A pair of rules with an inclusion that these studies cannot test, and why."""

    special: Contestant
    general: Contestant
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdicts:
    """Everything a comparison says about inclusions.

    Attributes:
        judgements: Pairs in the order of the inclusions, statistics in the order of STATISTICS.
        restricted: The same of pairs to which the rules' inclusion does not carry over: theory
            promises nothing of them, yet a result worse than the special case's asks for an
            explanation.
        untested: Pairs that could have been tested had the studies been others.
    """

    judgements: tuple[Judgement, ...]
    restricted: tuple[Judgement, ...]
    untested: tuple[Untested, ...]

    @property
    def pairs(self) -> list[tuple[Contestant, Contestant]]:
        """The (special, general) that were judged, each once, in order."""
        found = {(j.special.name, j.general.name): (j.special, j.general) for j in self.judgements}
        return list(found.values())

    def of(self, special: Contestant, general: Contestant) -> list[Judgement]:
        """Returns the judgements of one pair."""
        return [j for j in self.judgements if j.special is special and j.general is general]

    def worst(self, special: Contestant, general: Contestant) -> Verdict:
        """Returns the verdict on a pair: one violated statistic is enough."""
        found = {judgement.verdict for judgement in self.of(special, general)}
        return next(verdict for verdict in _WORST_FIRST if verdict in found)

    @property
    def tested(self) -> list[Judgement]:
        """The judgements that could have come out as violated."""
        return [j for j in self.judgements if j.verdict is not Verdict.DESCRIPTIVE_ONLY]

    @property
    def expected_false_alarms(self) -> float:
        """At most so many "violated" are to be expected if every inclusion holds."""
        return sum(judgement.false_alarm_rate for judgement in self.tested)


def interval(difference: Distribution) -> tuple[float, float]:
    """Returns the least and the most that a difference may well be, see INTERVAL."""
    low, high = difference.percentiles(LOW, HIGH)
    return low, high


def is_better(difference: Distribution) -> bool:
    """Returns whether a claim that the first is better than the second is borne out.

    Args:
        difference: Of the first's statistic minus the second's.
    """
    return interval(difference)[1] < 0


def verdict_of(low: float, high: float, delta: float) -> Verdict:
    """Applies the rule to D's 5th and 95th percentile.

    Args:
        low: 5th percentile of D = statistic(general) - statistic(special).
        high: 95th percentile of D.
        delta: Tolerated difference, >= 0.
    """
    if low > delta:
        return Verdict.VIOLATED
    return Verdict.CONSISTENT if high <= delta else Verdict.UNDETERMINED


def inclusion_verdicts(comparison: Comparison) -> Verdicts:
    """Judges every inclusion among the comparison's contestants by every statistic they have."""
    pairs = inclusion_pairs(comparison)
    judged = [j for special, general in pairs for j in judgements_of(comparison, special, general)]
    reasons = [(a, b, why_not_included(a, b) or _no_trials(a, b)) for a, b in pairs]
    untested = [Untested(special=a, general=b, reason=reason) for a, b, reason in reasons if reason]
    return Verdicts(
        judgements=tuple(j for j in judged if not j.restriction),
        restricted=tuple(j for j in judged if j.restriction),
        untested=tuple(untested),
    )


def _no_trials(special: Contestant, general: Contestant) -> str:
    without = [one.title for one in (special, general) if not one.num_feasible]
    return f"no feasible trial of {' and '.join(without)}" if without else ""


def judgements_of(
    comparison: Comparison, special: Contestant, general: Contestant
) -> Iterator[Judgement]:
    """Judges special <= general by every statistic that both have.

    Args:
        comparison: Of which the two are.
        special: The special rule.
        general: The rule that contains it.
    """
    restriction = why_not_included(special, general)
    num_trials = min(special.num_feasible, general.num_feasible)
    for statistic in statistics_of(comparison):
        a = best_of_k(special, statistic, comparison.tuning_budget)
        b = best_of_k(general, statistic, comparison.tuning_budget)
        if a is None or b is None or _says_nothing(statistic, a, b):
            continue
        d, delta = difference(b, a), tolerance_of(comparison, statistic, a.mean())
        descriptive = comparison.tuning_budget > num_trials / 2
        yield Judgement(
            special=special,
            general=general,
            statistic=statistic,
            metric=STATISTICS[statistic].metric(comparison),
            verdict=Verdict.DESCRIPTIVE_ONLY if descriptive else verdict_of(*interval(d), delta),
            difference=d,
            delta=delta,
            tuning_budget=comparison.tuning_budget,
            num_trials=num_trials,
            restriction=restriction,
        )


def _says_nothing(statistic: str, special: Distribution, general: Distribution) -> bool:
    """Whether neither side has a value, or no rule could be slower to the target than the special.

    Where the special rule never reaches the target, "consistent" would hold by construction.
    """
    if np.isfinite(special.values).any():
        return False
    return statistic == "steps_to_target" or not np.isfinite(general.values).any()


def tolerance_of(comparison: Comparison, statistic: str, mean: float) -> float:
    """Returns delta, beside a mean of the special rule."""
    return (
        STATISTICS[statistic]
        .metric(comparison)
        .tolerance(
            mean,
            num_examples=comparison.num_examples.get(statistic),
            interval_steps=comparison.interval_steps,
        )
    )
