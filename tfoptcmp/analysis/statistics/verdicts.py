"""Is one optimizer better than another for a practitioner with K trials? The rule for verdicts.

D is the mean of the best of K of b minus that of a, lower is better, and [L, U] its 95 % confidence
interval (`bootstrap`), which shrinks as trials are added. delta > 0 is the margin: a difference
that no one should quarrel about (`Metric.tolerance`, or `Comparison.margin`). Where b contains a,
theory says that b must do no worse once both are tuned well (Choi et al. 2019):

    violated       L > delta: b did worse than its own special case
    better         U < 0
    equivalent     -delta <= L and U <= delta
    holds          U <= delta: b does no worse; whether it does better is open
    not decided    none of these; `Judgement.trials_needed` forecasts what would decide it
    no verdict     N < 20 or K > N/5, where such intervals are too narrow

A violation speaks of search spaces and numbers of trials, not of the rules. Of two optimizers of
which neither contains the other, theory says nothing and both sides are alike:

    worse          L > delta
    better         U < -delta
    equivalent     -delta <= L and U <= delta
    not decided    none of these

Tables, figures, audit and report ask here for verdicts, for what they look like (`Verdict.tone`)
and for what to say of the rule (`HOW_TO_READ`); they know none themselves.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from tfoptcmp.analysis.comparison import Comparison, too_few_trials, trials_for_verdicts
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import superiority
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.pairs import (
    every_pair,
    inclusion_pairs,
    testable_inclusions,
    why_not_included,
)
from tfoptcmp.analysis.statistics.quantities import (
    STATISTICS,
    best_of_k,
    main_statistic,
    measured,
    selection_and_values,
    statistics_of,
)
from tfoptcmp.metrics import Metric

Tone = Literal["bad", "good", "open"]


class Verdict(StrEnum):
    """What the trials say about a pair of optimizers."""

    VIOLATED = "violated"
    WORSE = "worse"
    BETTER = "better"
    EQUIVALENT = "equivalent"
    HOLDS = "holds"
    NOT_DECIDED = "not decided"
    NO_VERDICT = "no verdict"

    @property
    def tone(self) -> Tone:
        """How it is drawn and coloured: "bad" for b, "good", or "open"."""
        if self in (Verdict.VIOLATED, Verdict.WORSE):
            return "bad"
        return "open" if self in (Verdict.NOT_DECIDED, Verdict.NO_VERDICT) else "good"

    @property
    def decided(self) -> bool:
        """Whether the trials were enough."""
        return self.tone != "open"


_WORST_FIRST = (
    Verdict.VIOLATED,
    Verdict.WORSE,
    Verdict.NO_VERDICT,
    Verdict.NOT_DECIDED,
    Verdict.HOLDS,
    Verdict.EQUIVALENT,
    Verdict.BETTER,
)

LEVEL = 0.05
"""Probability that an interval misses the true difference; half of it on each side."""

MOST_NEEDED = 10
"""Forecasts beyond so many times the trials that there are only say "more"."""

# (2 * (1.960 + 0.842) / (2 * 1.960))^2 = 2.04: a true difference at the estimate is then decided
# with probability 0.8.
_TRIALS_FACTOR = 2.04

HOW_TO_READ = (
    "D: by how much the mean of the best of K of the second optimizer is worse than that of the "
    "first, with its 95 % confidence interval (pp: percentage points). Tolerated: the "
    "margin, in brackets as a share of the first's mean. P(better): how often one practitioner "
    "with K trials gets the better result with the second, a tie counting half. Trials needed: of "
    "each, roughly, for a decision; a forecast with a wide spread."
)
"""Of a table of judgements."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """A pair of optimizers, judged by one statistic.

    Attributes:
        special: The first, a; the special rule if b contains it.
        general: The second, b.
        statistic: A name in STATISTICS.
        metric: What the statistic reports, with its unit.
        inclusion: Whether b contains a, by rule and by what they search.
        verdict: The verdict on b.
        difference: D, in the metric's unit; above 0 b is worse.
        low: L, the least that D may well be.
        high: U, the most that D may well be.
        delta: The margin, > 0, same unit.
        mean: Of a; what delta is shown as a share of.
        superiority: Probability that one practitioner gets the better result with b; a tie counts
            half.
        survives: Whether the verdict is the same at the level divided by the number of pairs.
        primary: Whether it is of the main statistic; the others are secondary.
        tuning_budget: K.
        num_trials: N, the smaller number of feasible trials of the two.
        restriction: Why the rules' inclusion does not carry over to these two, since something is
            fixed or their schedules differ; "" if it does, or if there is none.
    """

    special: Contestant
    general: Contestant
    statistic: str
    metric: Metric
    inclusion: bool
    verdict: Verdict
    difference: float
    low: float
    high: float
    delta: float
    mean: float
    superiority: float
    survives: bool
    primary: bool
    tuning_budget: int
    num_trials: int
    restriction: str = ""

    @property
    def trials_needed(self) -> float:
        """Roughly the N at which D, if it stays, is decided: N itself if it is; inf for "never".

        At most MOST_NEEDED times N are forecast; inf stands for more.
        """
        if self.verdict.decided:
            return self.num_trials
        if self.verdict is Verdict.NO_VERDICT:
            return trials_for_verdicts(self.tuning_budget)
        d = self.difference
        if not self.inclusion and d < 0:
            half_width = self.high - d if d < -self.delta else d - self.low
            gap = abs(self.delta + d)
        else:
            half_width = d - self.low if d > self.delta else self.high - d
            gap = abs(self.delta - d)
        return self._forecast(half_width, gap)

    @property
    def trials_needed_text(self) -> str:
        """`trials_needed` for people; "" if it is decided."""
        return "" if self.verdict.decided else self._text(self.trials_needed)

    @property
    def trials_to_be_better_text(self) -> str:
        """Roughly the N at which the interval of D < 0, if D stays, lies below 0, for people."""
        return self._text(self._forecast(self.high - self.difference, -self.difference))

    def _forecast(self, half_width: float, gap: float) -> float:
        """The N at which half an interval is shorter than a gap; inf for many more than N."""
        if gap == 0:
            return math.inf
        needed = math.ceil(_TRIALS_FACTOR * self.num_trials * (half_width / gap) ** 2 - 1e-6)
        needed = max(needed, self.num_trials + 1)
        return needed if needed <= MOST_NEEDED * self.num_trials else math.inf

    def _text(self, needed: float) -> str:
        if math.isinf(needed):
            return f"> {MOST_NEEDED * self.num_trials:,}"
        return f"about {rounded_up(int(needed)):,}"


def rounded_up(count: int) -> int:
    """Returns a number of trials with two digits: more would promise too much."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step


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
        return [j for j in self.judgements if j.verdict is not Verdict.NO_VERDICT]

    @property
    def expected_false_alarms(self) -> float:
        """So many "violated" exact intervals give where every true difference is the margin."""
        return LEVEL / 2 * len(self.tested)


def verdict_of(low: float, high: float, delta: float, *, inclusion: bool = True) -> Verdict:
    """Applies the rule to an interval of D.

    Args:
        low: L, its low end.
        high: U, its high end.
        delta: The margin, > 0.
        inclusion: Whether b contains a.
    """
    if low > delta:
        return Verdict.VIOLATED if inclusion else Verdict.WORSE
    if high < (0.0 if inclusion else -delta):
        return Verdict.BETTER
    if high <= delta:
        if low >= -delta:
            return Verdict.EQUIVALENT
        if inclusion:
            return Verdict.HOLDS
    return Verdict.NOT_DECIDED


def inclusion_verdicts(comparison: Comparison) -> Verdicts:
    """Judges every inclusion among the comparison's contestants by every statistic they have."""
    pairs = inclusion_pairs(comparison)
    reasons = {(a.name, b.name): why_not_included(a, b) for a, b in pairs}
    num_tests = sum(not reason for reason in reasons.values()) or 1  # 0: nothing but restricted
    judged = [
        j
        for a, b in pairs
        for j in judgements_of(
            comparison,
            a,
            b,
            inclusion=not reasons[a.name, b.name],
            num_pairs=num_tests,
            restriction=reasons[a.name, b.name],
        )
    ]
    why = [(a, b, reasons[a.name, b.name] or _no_trials(a, b)) for a, b in pairs]
    return Verdicts(
        judgements=tuple(j for j in judged if not j.restriction),
        restricted=tuple(j for j in judged if j.restriction),
        untested=tuple(Untested(special=a, general=b, reason=r) for a, b, r in why if r),
    )


def all_pairs(comparison: Comparison, statistic: str | None = None) -> list[Judgement]:
    """Judges every pair of contestants by one statistic, the contestants' order kept.

    Args:
        comparison: Of optimizers; pairs of which one lacks the statistic are left out.
        statistic: A name in STATISTICS; by default the main one.
    """
    statistic = statistic or main_statistic(comparison)
    known = [one for one in comparison.contestants if measured(one, statistic)]
    inclusions = testable_inclusions(comparison)
    pairs = every_pair(comparison, known)
    return [
        judge(
            comparison,
            a,
            b,
            statistic,
            inclusion=(a.name, b.name) in inclusions,
            num_pairs=len(pairs),
        )
        for a, b in pairs
    ]


def judgements_of(
    comparison: Comparison,
    special: Contestant,
    general: Contestant,
    *,
    inclusion: bool = True,
    num_pairs: int = 1,
    restriction: str = "",
) -> Iterator[Judgement]:
    """Judges a pair by every statistic that both have.

    Args:
        comparison: Of which the two are.
        special: a.
        general: b.
        inclusion: Whether b contains a.
        num_pairs: Pairs that are judged beside it, this one included.
        restriction: See `Judgement`.
    """
    for statistic in statistics_of(comparison):
        if not all(measured(one, statistic) for one in (special, general)):
            continue
        if _says_nothing(comparison, statistic, special, general):
            continue
        yield judge(
            comparison,
            special,
            general,
            statistic,
            inclusion=inclusion,
            num_pairs=num_pairs,
            restriction=restriction,
        )


def judge(
    comparison: Comparison,
    a: Contestant,
    b: Contestant,
    statistic: str,
    *,
    inclusion: bool,
    num_pairs: int = 1,
    restriction: str = "",
) -> Judgement:
    """Judges a pair by one statistic, which both must have.

    Args:
        comparison: Of which the two are.
        a: The first.
        b: The second, on which the verdict is.
        statistic: A name in STATISTICS.
        inclusion: Whether b contains a.
        num_pairs: Pairs that are judged beside it, this one included.
        restriction: See `Judgement`.
    """
    budget, num_trials = comparison.tuning_budget, min(a.num_feasible, b.num_feasible)
    d = means_of(comparison).difference(a, b, statistic, budget)
    mean = means_of(comparison).mean(a, statistic, budget)
    delta = tolerance_of(comparison, statistic, mean)
    # A verdict on a pair to which the inclusion does not carry over still says "violated".
    by_theory = inclusion or bool(restriction)

    def verdict(level: float) -> Verdict:
        return verdict_of(*d.interval(level), delta, inclusion=by_theory)

    few = bool(too_few_trials(num_trials, budget))
    low, high = d.interval(LEVEL) if num_trials > 1 else (-math.inf, math.inf)
    of_a, of_b = (best_of_k(one, statistic, budget) for one in (a, b))
    assert of_a is not None and of_b is not None, "both have the statistic"
    return Judgement(
        special=a,
        general=b,
        statistic=statistic,
        metric=STATISTICS[statistic].metric(comparison),
        inclusion=inclusion,
        verdict=Verdict.NO_VERDICT if few else verdict(LEVEL),
        difference=d.estimate,
        low=low,
        high=high,
        delta=delta,
        mean=mean,
        superiority=superiority(of_b, of_a),
        survives=not few and verdict(LEVEL / num_pairs) is verdict(LEVEL),
        primary=statistic == main_statistic(comparison),
        tuning_budget=budget,
        num_trials=num_trials,
        restriction=restriction,
    )


def _says_nothing(
    comparison: Comparison, statistic: str, special: Contestant, general: Contestant
) -> bool:
    """Whether neither side has a value, or nothing can be said of steps to the target.

    Where the special rule never reaches the target, "holds" would be true by construction. Where a
    trial did not reach it in a budget that is not known, there is no step from which it is worse.
    """
    finite = [np.isfinite(selection_and_values(one, statistic)[1]) for one in (special, general)]
    if statistic != "steps_to_target":
        return not any(each.any() for each in finite)
    is_open = "steps" not in comparison.budget and not all(each.all() for each in finite)
    return is_open or not finite[0].any()


def _no_trials(special: Contestant, general: Contestant) -> str:
    without = [one.title for one in (special, general) if not one.num_feasible]
    return f"no feasible trial of {' and '.join(without)}" if without else ""


def tolerance_of(comparison: Comparison, statistic: str, mean: float) -> float:
    """Returns delta, beside a mean of the special rule."""
    metric = STATISTICS[statistic].metric(comparison)
    if comparison.margin is not None and metric is comparison.metric:
        return comparison.margin
    return metric.tolerance(
        mean,
        standard_error=_standard_error(comparison, statistic, mean),
        num_examples=comparison.num_examples.get(statistic),
        interval_steps=comparison.interval_steps,
    )


def _standard_error(comparison: Comparison, statistic: str, mean: float) -> float:
    """That of the trial whose result is nearest to a mean; NaN where none was measured."""
    if statistic not in comparison.standard_errors or not math.isfinite(mean):
        return math.nan  # the training loss and steps have none
    results, errors = comparison.standard_errors[statistic]
    if not results.size:
        return math.nan
    return float(errors[np.abs(results - mean).argmin()])


def margin_text(judgement: Judgement) -> str:
    """Returns the margin, and what share of the first's mean it is."""
    shown = judgement.metric.difference(judgement.delta).lstrip("+")
    mean = abs(judgement.metric.value(judgement.mean))
    return f"{shown} ({100 * judgement.delta / mean:.0f} %)" if mean else shown
