"""Verdicts at other K: one inclusion judged from K = 1 to a fifth of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfoptcmp.analysis.comparison import LEAST_TRIALS_A_DRAW, Comparison, too_few_trials
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import best_of, superiority
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.pairs import inclusion_pairs, why_not_included
from tfoptcmp.analysis.statistics.quantities import measured, selection_and_values
from tfoptcmp.analysis.statistics.verdicts import LEVEL, Verdict, tolerance_of, verdict_of

# Neighbours differ little: about five to a factor of ten.
_BUDGETS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 300, 500, 700, 1000)


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One inclusion judged at one tuning budget.

    Attributes:
        tuning_budget: K.
        verdict: The verdict.
        low: Low end of the confidence interval of D, in the statistic's unit.
        difference: D, the general rule's mean minus the special rule's.
        high: High end of the interval.
        delta: The margin, > 0.
        superiority: Probability that one practitioner gets the better result with the general rule;
            a tie counts half.
    """

    tuning_budget: int
    verdict: Verdict
    low: float
    difference: float
    high: float
    delta: float
    superiority: float


Curve = tuple[Contestant, Contestant, Sequence[CurvePoint]]
"""Special rule, general rule and the verdicts at several tuning budgets."""


def budgets_up_to(largest: int, *others: int) -> list[int]:
    """Returns some K from 1 to `largest`, that one and the others among them, ascending."""
    return sorted({k for k in (*_BUDGETS, *others, largest) if 1 <= k <= largest})


def testable_pairs(comparison: Comparison, statistic: str) -> list[tuple[Contestant, Contestant]]:
    """Returns the inclusions (special, general) that a statistic can say something of at some K."""
    return [
        (special, general)
        for special, general in inclusion_pairs(comparison)
        if not why_not_included(special, general)
        and all(
            measured(one, statistic) and one.num_feasible >= LEAST_TRIALS_A_DRAW
            for one in (special, general)
        )
    ]


def inclusion_curves(comparison: Comparison, statistic: str) -> list[Curve]:
    """Returns the verdicts on all `testable_pairs` at several K."""
    return [
        (special, general, verdict_curve(comparison, special, general, statistic))
        for special, general in testable_pairs(comparison, statistic)
    ]


def verdict_curve(
    comparison: Comparison, special: Contestant, general: Contestant, statistic: str
) -> list[CurvePoint]:
    """Judges special <= general by one statistic at several K from 1 to a fifth of the smaller N.

    Beyond it there are no verdicts. A verdict that changes with K is no contradiction: it is about
    what tuning with K trials gets.

    Args:
        comparison: Of which the two are; its own K is among those that are judged.
        special: The special rule.
        general: The rule that contains it.
        statistic: A name in STATISTICS that both have.

    Returns:
        Ascending; empty if one has fewer than five feasible trials.
    """
    num_trials = min(special.num_feasible, general.num_feasible)
    budgets = budgets_up_to(num_trials // LEAST_TRIALS_A_DRAW, comparison.tuning_budget)
    means = means_of(comparison)
    points = []
    found = means.differences(special, general, statistic, budgets)
    for k, d in zip(budgets, found, strict=True):
        low, high = d.interval(LEVEL)
        delta = tolerance_of(comparison, statistic, means.mean(special, statistic, k))
        a, b = (best_of(*selection_and_values(one, statistic), k) for one in (special, general))
        few = too_few_trials(num_trials, k)
        points.append(
            CurvePoint(
                tuning_budget=k,
                verdict=Verdict.NO_VERDICT if few else verdict_of(low, high, delta),
                low=low,
                difference=d.estimate,
                high=high,
                delta=delta,
                superiority=superiority(b, a),
            )
        )
    return points
