"""Best of K: what a practitioner with K trials gets, from the N trials that were run.

Choi et al. (2019), appendix C: draw K of the N feasible trials with replacement, select the best by
the selection metric (lower is better), look at its statistic. Sorted by the selection metric, the
trial of rank i is selected with probability ((N-i+1)/N)^K - ((N-i)/N)^K, so the distribution is
known exactly (`best_of`); `best_of_sampled` draws it instead, as a check and as the paper did.

Trials that tie in the selection metric share their group's probability evenly: their order in the
study must not matter, and small validation sets tie often.

A statistic of resampled trials takes finitely many values, so its distribution is a short table and
nothing about it needs sampling. Infinity is a value like any other and means "not reached" (steps)
or "not finite" (losses); NaN is not allowed. Percentiles are the inverse of the distribution
function, without interpolation: always a value that can occur.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tfoptcmp.analysis.ranks import Ranks, ranks_of
from tfoptcmp.conversion import check_integer

FloatArray = NDArray[np.float64]
Numbers = Sequence[float] | FloatArray

# Probabilities within this of each other are the same: sums of 0.1's must reach 0.5.
ROUNDING = 1e-12

# Smaller numbers than exp(-745.2) are 0.
_LOG_OF_NOTHING = -750.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Distribution:
    """A random number with finitely many values; make it with `distribution`.

    Attributes:
        values: float64 [m], ascending; may hold -inf and inf.
        probabilities: float64 [m], in [0, 1], sum 1.
    """

    values: FloatArray
    probabilities: FloatArray

    def mean(self) -> float:
        """Returns the expectation; NaN if both infinities can occur."""
        possible = self.probabilities > 0  # what cannot occur may be infinite
        with np.errstate(invalid="ignore"):
            return float(np.sum(self.values[possible] * self.probabilities[possible]))

    def capped(self, cap: float) -> "Distribution":
        """Returns the distribution of the value or, if that is less, a cap."""
        return distribution(np.minimum(self.values, cap), self.probabilities)

    def percentile(self, percent: float) -> float:
        """Returns the smallest value v with P(X <= v) >= percent / 100.

        Args:
            percent: In (0, 100].
        """
        return self.percentiles(percent)[0]

    def percentiles(self, *percents: float) -> tuple[float, ...]:
        """Returns several, each as `percentile`."""
        for percent in percents:
            if not 0 < percent <= 100:
                raise ValueError(f"percent must lie in (0, 100]; got {percent!r}")
        cumulative = np.cumsum(self.probabilities)
        found = np.searchsorted(cumulative, np.array(percents) / 100 - ROUNDING)
        return tuple(map(float, self.values[np.minimum(found, len(self.values) - 1)]))

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


def distribution(values: Numbers | Ranks, probabilities: Numbers) -> Distribution:
    """Makes a distribution from values in any order; equal values add up, impossible ones go.

    Args:
        values: [m]; no NaN.
        probabilities: [m], >= 0, sum 1.
    """
    given = ranks_of(values)
    weights = np.asarray(probabilities, dtype=np.float64)
    if np.isnan(given.values).any():
        raise ValueError("values must not be NaN; give inf where there is no value")
    if weights.shape != (len(given),) or (weights < 0).any() or abs(weights.sum() - 1) > 1e-9:
        raise ValueError(
            f"probabilities must be {len(given)} numbers >= 0 with sum 1; "
            f"got {weights.shape} with sum {weights.sum()!r}"
        )
    mass: FloatArray = np.bincount(given.groups, weights).astype(np.float64)
    return Distribution(values=given.distinct[mass > 0], probabilities=mass[mass > 0])


def superiority(general: Distribution, special: Distribution) -> float:
    """Returns P(G < S) + P(G = S) / 2 for independent draws of both, a tie counting half.

    Two infinities of one sign are a tie: neither rule is ahead where neither has a value.
    """
    # P(S > v) + P(S = v) / 2, for each v of G.
    behind = np.concatenate([np.cumsum(special.probabilities[::-1])[::-1], [0.0]])
    at_least, more = (
        behind[np.searchsorted(special.values, general.values, side)] for side in ("left", "right")
    )
    wins = float(general.probabilities @ (at_least + more)) / 2
    return min(1.0, wins / float(general.probabilities.sum() * special.probabilities.sum()))


def selection_probabilities(selection: Numbers | Ranks, num_drawn: int) -> FloatArray:
    """Returns each trial's probability of being the best of `num_drawn` drawn with replacement.

    Args:
        selection: [N], what trials are selected by, lower is better; inf but not NaN.
        num_drawn: K >= 1.

    Returns:
        float64 [N], sum 1.
    """
    (probabilities,) = _probabilities(_checked(selection, num_drawn), np.array([num_drawn]))
    return np.asarray(probabilities, dtype=np.float64)


def best_of(selection: Numbers | Ranks, statistic: Numbers | Ranks, num_drawn: int) -> Distribution:
    """Returns the exact distribution of the statistic of the best of `num_drawn` trials.

    For steps to a target, both arguments are the steps, inf where a trial did not reach it;
    `Distribution.finite` then gives the steps *given that one trial reached it*, and how likely
    that is.

    Args:
        selection: [N], what trials are selected by, lower is better; inf but not NaN.
        statistic: [N], what is reported of the selected trial; inf but not NaN.
        num_drawn: K >= 1, draws with replacement.
    """
    _check_length(selection, statistic)
    return distribution(statistic, selection_probabilities(selection, num_drawn))


@dataclass(frozen=True, kw_only=True, eq=False)
class BudgetCurve:
    """A statistic of the best of k trials for several k, exact.

    Attributes:
        num_drawn: int [k], the k.
        mean: float64 [k], inf where a value can be.
        low: float64 [k], 5th percentile.
        median: float64 [k].
        high: float64 [k], 95th percentile.
    """

    num_drawn: NDArray[np.int64]
    mean: FloatArray
    low: FloatArray
    median: FloatArray
    high: FloatArray


def budget_curve(
    selection: Numbers, statistic: Numbers, num_drawn: Sequence[int] | None = None
) -> BudgetCurve:
    """Returns the statistic of the best of k trials for several k at once.

    Args:
        selection: [N], what trials are selected by, lower is better; inf but not NaN.
        statistic: [N], what is reported of the selected trial; inf but not NaN.
        num_drawn: Each k >= 1; by default all from 1 to N, which take arrays of N^2 numbers.
    """
    _check_length(selection, statistic)
    metric = _checked(selection, 1)
    drawn = np.arange(1, len(metric) + 1) if num_drawn is None else np.array(num_drawn)
    values = np.asarray(statistic, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    values = values[order]
    mass = _probabilities(metric, drawn)[:, order]
    mean = np.array([values[row > 0] @ row[row > 0] for row in mass])
    cumulative = np.cumsum(mass, axis=1)
    low, median, high = (
        values[np.minimum((cumulative < percent / 100 - ROUNDING).sum(axis=1), len(values) - 1)]
        for percent in (5, 50, 95)
    )
    return BudgetCurve(num_drawn=drawn, mean=mean, low=low, median=median, high=high)


def best_of_sampled(
    selection: Numbers,
    statistic: Numbers,
    num_drawn: int,
    *,
    seed: int,
    num_resamples: int = 10_000,
) -> Distribution:
    """Returns what `best_of` returns, estimated from `num_resamples` resamples.

    Args:
        selection: [N], what trials are selected by, lower is better; inf but not NaN.
        statistic: [N], what is reported of the selected trial; inf but not NaN.
        num_drawn: K >= 1, draws with replacement.
        seed: Seed of the resamples.
        num_resamples: Number of resamples, >= 1.
    """
    metric = _checked(selection, num_drawn)
    _check_length(selection, statistic)
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(metric), size=(num_resamples, num_drawn))
    best_group = metric.groups[draws].min(axis=1)
    # Any member of the best group with the same probability: by symmetry that is what choosing
    # among the drawn ones comes to.
    selected = metric.order[metric.starts[best_group] + rng.integers(metric.sizes[best_group])]
    values = np.asarray(statistic, dtype=np.float64)[selected]
    return distribution(values, np.full(num_resamples, 1 / num_resamples))


def vanishing(num_drawn: int) -> float:
    """Returns the share up to which shares to the power of K >= 1 are 0 in floating point.

    Of many trials most have such a share, and computing these powers would take longest.
    """
    return math.exp(_LOG_OF_NOTHING / num_drawn)


def _probabilities(metric: Ranks, num_drawn: NDArray[np.int64]) -> FloatArray:
    """Returns float64 [len(num_drawn), N]."""
    num = len(metric)
    # P(all K draws fall behind the first j groups); in floating point, N^K would overflow.
    not_better = num - np.concatenate(([0], np.cumsum(metric.sizes)))
    shares = not_better / num
    behind = np.zeros((len(num_drawn), len(shares)))
    kept = shares > vanishing(int(num_drawn.min()))
    np.power(shares, num_drawn[:, None], out=behind, where=kept)
    mass = (behind[:, :-1] - behind[:, 1:]) / metric.sizes
    return np.asarray(mass[:, metric.groups], dtype=np.float64)


def _checked(selection: Numbers | Ranks, num_drawn: int) -> Ranks:
    metric = ranks_of(selection)
    if not len(metric):
        raise ValueError("selection must be a list of at least one trial; got none")
    if np.isnan(metric.values).any():
        raise ValueError("selection must not be NaN; give inf to trials without a value")
    check_integer("num_drawn", num_drawn, low=1)
    return metric


def _check_length(selection: Numbers | Ranks, statistic: Numbers | Ranks) -> None:
    if len(selection) != len(statistic):
        raise ValueError(
            f"statistic must have one value a trial, {len(selection)}; got {len(statistic)}"
        )
