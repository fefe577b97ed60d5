"""Verdicts at every number of trials K: one inclusion judged from K = 1 to half of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import differences, superiority
from tfoptcmp.analysis.statistics.pairs import inclusion_pairs, why_not_included
from tfoptcmp.analysis.statistics.quantities import measured, selection_and_values
from tfoptcmp.analysis.statistics.verdicts import (
    HIGH,
    LOW,
    Verdict,
    tolerance_of,
    verdict_of,
)


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One inclusion judged at one tuning budget.

    Attributes:
        tuning_budget: K.
        verdict: The verdict.
        low: 5th percentile of D = statistic(general) - statistic(special), in its unit.
        median: Of D.
        high: 95th percentile of D.
        delta: The difference that is tolerated, >= 0.
        superiority: Probability that the general rule gets the better result; a tie counts half.
    """

    tuning_budget: int
    verdict: Verdict
    low: float
    median: float
    high: float
    delta: float
    superiority: float


Curve = tuple[Contestant, Contestant, Sequence[CurvePoint]]
"""Special rule, general rule and the verdicts at every tuning budget."""


def testable_pairs(comparison: Comparison, statistic: str) -> list[tuple[Contestant, Contestant]]:
    """Returns the inclusions (special, general) that a statistic can judge at some K."""
    return [
        (special, general)
        for special, general in inclusion_pairs(comparison)
        if not why_not_included(special, general)
        and all(measured(one, statistic) and one.num_feasible > 1 for one in (special, general))
    ]


def inclusion_curves(comparison: Comparison, statistic: str) -> list[Curve]:
    """Returns the verdicts on all `testable_pairs` at every K."""
    return [
        (special, general, verdict_curve(comparison, special, general, statistic))
        for special, general in testable_pairs(comparison, statistic)
    ]


def verdict_curve(
    comparison: Comparison, special: Contestant, general: Contestant, statistic: str
) -> list[CurvePoint]:
    """Judges special <= general by one statistic at every K from 1 to half of the smaller N.

    Beyond it there are no verdicts. A verdict that changes with K is no contradiction: it is about
    what tuning with K trials gets.

    Args:
        comparison: Of which the two are.
        special: The special rule.
        general: The rule that contains it.
        statistic: A name in STATISTICS that both have.

    Returns:
        Empty if one has fewer than two feasible trials.
    """
    points = []
    both = differences(*(selection_and_values(one, statistic) for one in (general, special)))
    for k, (of_special, d) in enumerate(both, start=1):
        low, median, high = d.percentiles(LOW, 50, HIGH)
        delta = tolerance_of(comparison, statistic, of_special.mean())
        points.append(
            CurvePoint(
                tuning_budget=k,
                verdict=verdict_of(low, high, delta),
                low=low,
                median=median,
                high=high,
                delta=delta,
                superiority=superiority(d),
            )
        )
    return points
