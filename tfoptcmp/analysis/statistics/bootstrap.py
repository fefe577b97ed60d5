"""How sure is a difference of means of the best of K? BCa bootstrap over trials.

The mean of the best of K trials is a function of the N trials that were run (`best_of_k`). Its
sampling error is found by drawing N trials with replacement, again and again, and computing the
same function: a resample is a row of counts, how often each trial was drawn. One matrix of counts
serves every optimizer, statistic and K of a comparison.

Intervals are bias-corrected and accelerated (Efron 1987, "Better bootstrap confidence intervals";
Davison and Hinkley 1997, section 5.3.2): endpoints are percentiles of the resampled differences,
moved by the share that lies below the estimate and by the skewness of the influence of single
trials, which leaving out one at a time measures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from tfoptcmp.analysis.statistics.best_of_k import FloatArray

NUM_RESAMPLES = 10_000

Counts = NDArray[np.int32]

_ENTRIES_AT_ONCE = 4_000_000  # of a block of counts; some copies of it are in memory at a time


def resampled_counts(num_trials: int, num_resamples: int, *, seed: tuple[int, ...]) -> Counts:
    """Returns the trials themselves, each left out once, and drawn with replacement.

    Args:
        num_trials: N >= 1.
        num_resamples: R >= 1.
        seed: Equal seeds give equal counts.

    Returns:
        [1 + N + R, N]: a row of ones; a row for each trial left out; R rows with sum N.
    """
    # Without its only trial there would be nothing.
    left_out = np.eye(num_trials, dtype=np.int32) * (num_trials > 1)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(num_trials, size=(num_resamples, num_trials), dtype=np.int64)
    drawn += num_trials * np.arange(num_resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=num_resamples * num_trials)
    return np.vstack(
        [
            np.ones((1, num_trials), dtype=np.int32),
            np.ones((num_trials, num_trials), np.int32) - left_out,
            counts.reshape(num_resamples, num_trials).astype(np.int32),
        ]
    )


class ResampledMeans:
    """The mean of the best of K, of resampled trials; for any K."""

    def __init__(self, selection: FloatArray, values: FloatArray, counts: Counts) -> None:
        """Orders the trials once for every K.

        Args:
            selection: [n], what trials are selected by, lower is better; inf but not NaN.
            values: [n], what is reported of the selected trial; finite.
            counts: [R, n], how often each trial is in a resample; each row has a positive entry.
        """
        if not np.isfinite(values).all():
            raise ValueError("values must be finite: a mean needs a worst value")
        distinct, group = np.unique(selection, return_inverse=True)
        self._total = counts.sum(axis=1)
        if not self._total.all():
            raise ValueError("each resample must have a trial")
        # Trials that tie share what their group gets, by how often each was drawn.
        if len(distinct) < len(selection):
            drawn = counts.astype(np.float64)
            member = (group[:, None] == np.arange(len(distinct))).astype(np.float64)
            in_groups = drawn @ member
            sums = drawn @ (member * values[:, None])
            self._values: FloatArray = sums / np.maximum(in_groups, 1)
            in_order: Counts = in_groups.astype(np.int32)
        else:
            order = np.argsort(group)
            self._values, in_order = values[order], counts[:, order]
        self._behind = self._total[:, None] - np.cumsum(in_order, axis=1)

    def of_best(self, num_drawn: int) -> FloatArray:
        """Returns the mean of the best of `num_drawn` trials for each resample.

        Args:
            num_drawn: K >= 1, draws with replacement.

        Returns:
            float64 [R].
        """
        # P(all K draws lie behind a group) = (behind / total)^K. Both are small integers.
        least = int(self._total.min())
        totals = np.arange(least, int(self._total.max()) + 1)
        # No more can lie behind than there are: entries beyond are not looked up.
        table = np.minimum(np.arange(totals[-1] + 1) / totals[:, None], 1.0) ** num_drawn
        tail = table[(self._total - least)[:, None], self._behind]
        mass = -np.diff(tail, axis=1, prepend=1.0)
        if self._values.ndim == 1:
            return np.asarray(mass @ self._values, dtype=np.float64)
        return np.asarray(np.einsum("ij,ij->i", mass, self._values), dtype=np.float64)


def resampled_means(
    selection: FloatArray, values: FloatArray, counts: Counts, *num_drawn: int
) -> FloatArray:
    """Returns `ResampledMeans.of_best` for several K, in blocks that fit in memory.

    Returns:
        float64 [number of K, R].
    """
    rows = max(1, _ENTRIES_AT_ONCE // max(1, counts.shape[1]))
    found = np.empty((len(num_drawn), len(counts)))
    for start in range(0, len(counts), rows):
        block = ResampledMeans(selection, values, counts[start : start + rows])
        for place, k in enumerate(num_drawn):
            found[place, start : start + rows] = block.of_best(k)
    return found


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
        largest = float(np.max(np.abs(self.influence), initial=0.0))
        # By the largest: powers of tiny numbers vanish.
        relative = self.influence / largest if largest > 0 else self.influence
        squares = float(np.sum(relative**2))
        skewness = float(np.sum(relative**3)) / squares**1.5 if squares > 0 else 0.0
        moved = bias + ndtri(np.array([level / 2, 1 - level / 2]))
        ends = np.quantile(self.resampled, ndtr(bias + moved / (1 - skewness / 6 * moved)))
        return float(ends[0]), float(ends[1])


def bootstrapped(found: FloatArray, num_trials: int) -> Bootstrapped:
    """Returns an estimate with its resamples.

    Args:
        found: [1 + N + R], as the rows of `resampled_counts`.
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
        b: [1 + N of b + R], as the rows of `resampled_counts`.
        a: [1 + N of a + R].
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
