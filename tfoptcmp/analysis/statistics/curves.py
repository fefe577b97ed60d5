"""The verdict on an inclusion at every tuning budget K, with the probability of superiority.

The same rule as in `verdicts`, for K = 1, ..., N/2; beyond it there are no verdicts. A verdict that
changes with K is no contradiction: it is about what tuning with K trials gets.
"""

from dataclasses import dataclass

import numpy as np

from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.best_of_k import selection_probabilities_for_all
from tfoptcmp.analysis.statistics.distributions import ROUNDING, FloatArray
from tfoptcmp.analysis.statistics.quantities import selection_and_values
from tfoptcmp.analysis.statistics.verdicts import Verdict, tolerance, verdict_of


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


def verdict_curve(special: StudyResults, general: StudyResults, statistic: str) -> list[CurvePoint]:
    """Judges special <= general by one statistic at every K from 1 to half of the smaller N.

    Args:
        special: The study of the special rule.
        general: The study of the rule that contains it.
        statistic: A name in `statistics.STATISTICS` that both have.

    Returns:
        Empty if one has fewer than two feasible trials.
    """
    selections, values = zip(
        *(selection_and_values(study, statistic) for study in (special, general)), strict=True
    )
    largest = min(map(len, values)) // 2
    if not largest:
        return []
    (a, a_mass), (b, b_mass) = (
        _merged(value, selection_probabilities_for_all(selection)[:largest])
        for selection, value in zip(selections, values, strict=True)
    )
    with np.errstate(invalid="ignore"):
        d = np.where(b[:, None] == a, 0.0, b[:, None] - a).ravel()
    order = np.argsort(d, kind="stable")  # the differences are the same for all K: sorted once
    d = d[order]
    points = []
    for k in range(1, largest + 1):
        mass = np.outer(b_mass[k - 1], a_mass[k - 1]).ravel()[order]
        low, median, high = _percentiles(d, mass)
        possible = a_mass[k - 1] > 0
        delta = tolerance(special, statistic, float(a[possible] @ a_mass[k - 1][possible]))
        points.append(
            CurvePoint(
                tuning_budget=k,
                verdict=verdict_of(low, high, delta),
                low=low,
                median=median,
                high=high,
                delta=delta,
                superiority=float(mass[d < 0].sum() + mass[d == 0].sum() / 2),
            )
        )
    return points


def _merged(values: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Adds up the probabilities, a row for each K, of equal values: small test sets have few."""
    distinct, group = np.unique(values, return_inverse=True)
    member = group.ravel()[:, None] == np.arange(len(distinct))
    return distinct, np.asarray(mass @ member, dtype=np.float64)


def _percentiles(values: FloatArray, mass: FloatArray) -> tuple[float, float, float]:
    """5th, 50th and 95th percentile, as `Distribution.percentile`; values ascending."""
    cumulative = np.cumsum(mass)
    cumulative /= cumulative[-1]
    found = np.searchsorted(cumulative, np.array([0.05, 0.5, 0.95]) - ROUNDING)
    low, median, high = values[np.minimum(found, len(values) - 1)]
    return float(low), float(median), float(high)
