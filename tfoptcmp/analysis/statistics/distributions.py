"""Discrete distributions with exact means, percentiles and differences.

A statistic of resampled trials takes finitely many values, so its distribution is a short table and
nothing about it needs sampling. Infinity is a value like any other and means "not reached" (steps)
or "not finite" (losses); NaN is not allowed. Percentiles are the inverse of the distribution
function, without interpolation: always a value that can occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Probabilities within this of each other are the same: sums of 0.1's must reach 0.5.
ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Distribution:
    """A random number with finitely many values; make it with `distribution`.

    Attributes:
        values: float64 [m], ascending, distinct; may hold -inf and inf.
        probabilities: float64 [m], in (0, 1], sum 1.
    """

    values: FloatArray
    probabilities: FloatArray

    def mean(self) -> float:
        """Returns the expectation; NaN if both infinities can occur."""
        with np.errstate(invalid="ignore"):
            return float(np.sum(self.values * self.probabilities))

    def percentile(self, percent: float) -> float:
        """Returns the smallest value v with P(X <= v) >= percent / 100.

        Args:
            percent: In (0, 100].
        """
        if not 0 < percent <= 100:
            raise ValueError(f"percent must lie in (0, 100]; got {percent!r}")
        cumulative = np.cumsum(self.probabilities)
        index = np.searchsorted(cumulative, percent / 100 - ROUNDING)
        return float(self.values[min(int(index), len(self.values) - 1)])

    def finite(self) -> tuple["Distribution | None", float]:
        """Returns the distribution given that the value is finite, and P(the value is finite).

        The distribution is None if no value is finite.
        """
        kept = np.isfinite(self.values)
        probability = float(np.sum(self.probabilities[kept]))
        if not kept.any():
            return None, 0.0
        if kept.all():
            return self, 1.0
        conditional = Distribution(
            values=self.values[kept], probabilities=self.probabilities[kept] / probability
        )
        return conditional, probability


def distribution(
    values: Sequence[float] | FloatArray, probabilities: Sequence[float] | FloatArray
) -> Distribution:
    """Makes a distribution from values in any order; equal values add up, impossible ones go.

    Args:
        values: [m]; no NaN.
        probabilities: [m], >= 0, sum 1.
    """
    given = np.asarray(values, dtype=np.float64)
    weights = np.asarray(probabilities, dtype=np.float64)
    if np.isnan(given).any():
        raise ValueError("values must not be NaN; give inf where there is no value")
    if weights.shape != given.shape or (weights < 0).any() or abs(weights.sum() - 1) > 1e-9:
        raise ValueError(
            f"probabilities must be {given.shape} numbers >= 0 with sum 1; "
            f"got {weights.shape} with sum {weights.sum()!r}"
        )
    distinct, group = np.unique(given, return_inverse=True)
    mass = np.zeros(len(distinct))
    np.add.at(mass, group.ravel(), weights.ravel())
    return Distribution(values=distinct[mass > 0], probabilities=mass[mass > 0])


def difference(general: Distribution, special: Distribution) -> Distribution:
    """Returns the distribution of D = general - special for independent draws of both.

    Two infinities of one sign differ by 0: neither rule is ahead where neither has a value.
    """
    left, right = general.values[:, None], special.values[None, :]
    with np.errstate(invalid="ignore"):
        values = np.where(left == right, 0.0, left - right)
    probabilities = general.probabilities[:, None] * special.probabilities[None, :]
    # Rounding of the products: up to 1e-16 for each of the pairs.
    return distribution(values.ravel(), (probabilities / probabilities.sum()).ravel())


def superiority(difference: Distribution) -> float:
    """Returns P(D < 0) + P(D = 0) / 2: how often the general rule wins, a tie counting half."""
    below = difference.probabilities[difference.values < 0].sum()
    equal = difference.probabilities[difference.values == 0].sum()
    return float(below + equal / 2)
