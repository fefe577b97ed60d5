"""How sure is a difference of means of the best of K? BCa bootstrap over trials.

The mean of the best of K trials is a function of the N trials that were run (`best_of_k`). Its
sampling error is found by drawing N trials with replacement, again and again, and computing the
same function (`resamples`).

Intervals are bias-corrected and accelerated (Efron 1987, "Better bootstrap confidence intervals";
Davison and Hinkley 1997, section 5.3.2): endpoints are percentiles of the resampled differences,
moved by the share that lies below the estimate and by the skewness of the influence of single
trials, which leaving out one at a time measures.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from tfoptcmp.analysis.statistics.best_of_k import FloatArray

# Relative, of sums of some thousand products.
_ROUNDING = 1e-13


@dataclass(frozen=True, kw_only=True, eq=False)
class Bootstrapped:
    """An estimate and its resamples.

    Attributes:
        estimate: From the trials themselves.
        resampled: float64 [R], ascending.
        influence: Of each trial on the estimate: what it adds when it is not left out.
    """

    estimate: float
    resampled: FloatArray
    influence: FloatArray

    def without_rounding(self, largest: float) -> "Bootstrapped":
        """Returns the same, with what is equal but for rounding made equal.

        Differences that are nothing else become 0, which has no sign, and resamples that differ
        from the estimate by no more become ties of it.

        Args:
            largest: Of the numbers whose differences these are.
        """
        nothing = _ROUNDING * largest
        estimate = 0.0 if abs(self.estimate) <= nothing else self.estimate
        resampled = np.where(np.abs(self.resampled) <= nothing, 0.0, self.resampled)
        ties = np.abs(resampled - estimate) <= nothing
        return replace(self, estimate=estimate, resampled=np.where(ties, estimate, resampled))

    @cached_property
    def _skewness(self) -> float:
        """Of the influence of single trials."""
        largest = float(np.max(np.abs(self.influence), initial=0.0))
        # By the largest: powers of tiny numbers vanish.
        relative = self.influence / largest if largest > 0 else self.influence
        squares = relative * relative
        total = float(np.sum(squares))
        return float(np.sum(squares * relative)) / total**1.5 if total > 0 else 0.0

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the two-sided BCa confidence interval.

        Args:
            level: Probability, in (0, 1), of an interval that misses the true value: 0.05 for 95 %.
        """
        num = len(self.resampled)
        below = np.searchsorted(self.resampled, self.estimate, "left")
        up_to = np.searchsorted(self.resampled, self.estimate, "right")
        share = np.clip((below + up_to) / (2 * num), 0.5 / num, 1 - 0.5 / num)
        bias = ndtri(share)
        moved = bias + ndtri(np.array([level / 2, 1 - level / 2]))
        ends = np.quantile(self.resampled, ndtr(bias + moved / (1 - self._skewness / 6 * moved)))
        return float(ends[0]), float(ends[1])


def bootstrapped(found: FloatArray, num_trials: int) -> Bootstrapped:
    """Returns an estimate with its resamples.

    Args:
        found: [1 + N + R]: the estimate, without each trial, of resamples.
        num_trials: N.
    """
    return Bootstrapped(
        estimate=float(found[0]),
        resampled=np.sort(found[1 + num_trials :]),
        influence=_influence(found, num_trials),
    )


def independent_difference(
    b: FloatArray, a: FloatArray, num_trials: tuple[int, int]
) -> Bootstrapped:
    """Returns b - a where each side was resampled by itself.

    Args:
        b: [1 + N of b + R], as in `bootstrapped`.
        a: [1 + N of a + R], likewise.
        num_trials: N of b and of a.
    """
    of_b, of_a = num_trials
    return Bootstrapped(
        estimate=float(b[0] - a[0]),
        resampled=np.sort(b[1 + of_b :] - a[1 + of_a :]),
        influence=np.concatenate([_influence(b, of_b), -_influence(a, of_a)]),
    )


def _influence(found: FloatArray, num_trials: int) -> FloatArray:
    left_out = found[1 : 1 + num_trials]
    return np.asarray(left_out.mean() - left_out, dtype=np.float64)
