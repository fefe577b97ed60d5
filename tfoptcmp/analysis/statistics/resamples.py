"""Trials drawn with replacement, again and again, and the mean of the best of K of each drawing.

A resample is a row of counts, how often each trial was drawn. One matrix of counts serves every
optimizer, statistic and K of a comparison. With some thousand trials, arrays of trials by trials
do not fit into memory: resamples are worked on in blocks, and what leaving out one trial changes is
a closed form.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tfoptcmp.analysis.ranks import Ranks, ranks_of
from tfoptcmp.analysis.statistics.best_of_k import FloatArray, vanishing

NUM_RESAMPLES = 10_000

Counts = NDArray[np.uint8] | NDArray[np.int32]
"""[R, N], how often each trial is in a resample: a byte each, if that will do."""

_ENTRIES_AT_ONCE = 500_000  # of a block of counts: its arrays fit into a processor's cache
_DRAWN_AT_ONCE = 250_000
_BYTES_AT_ONCE = 20_000_000
_MOST_OF_A_BYTE = 255
_NEVER = 1e-12
_MOST_DRAWN = 2_000


def resampled_counts(num_trials: int, num_resamples: int, *, seed: tuple[int, ...]) -> Counts:
    """Returns trials drawn with replacement, as many as there are, again and again.

    Args:
        num_trials: N >= 1.
        num_resamples: R >= 1.
        seed: Equal seeds give equal counts.

    Returns:
        [R, N], rows with sum N.
    """
    return np.concatenate(list(blocks_of_counts(num_trials, num_resamples, seed=seed)))


def blocks_of_counts(
    num_trials: int, num_resamples: int, *, seed: tuple[int, ...]
) -> Iterator[Counts]:
    """Yields the rows of `resampled_counts`, some at a time."""
    rng = np.random.default_rng(seed)
    rows = max(1, _DRAWN_AT_ONCE // num_trials)
    at_once = rows * max(1, _BYTES_AT_ONCE // (rows * num_trials))
    for first in range(0, num_resamples, at_once):
        block: Counts = np.empty((min(at_once, num_resamples - first), num_trials), dtype=np.uint8)
        for start in range(0, len(block), rows):
            num = min(rows, len(block) - start)
            drawn = rng.integers(num_trials, size=(num, num_trials), dtype=np.int64)
            drawn += num_trials * np.arange(num)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=num * num_trials)
            if counts.max() > _MOST_OF_A_BYTE:
                block = block.astype(np.int32)
            block[start : start + num] = counts.reshape(num, num_trials)
        yield block


def resampled_means(
    selection: FloatArray | Ranks, values: FloatArray, counts: Counts, *num_drawn: int
) -> FloatArray:
    """Returns the mean of the best of K, of resampled trials, for several K.

    Args:
        selection: [n], what trials are selected by, lower is better; inf but not NaN.
        values: [n], what is reported of the selected trial; finite.
        counts: [R, n], how often each trial is in a resample; each row has a positive entry.
        *num_drawn: K >= 1, draws with replacement.

    Returns:
        float64 [number of K, R].
    """
    ordered = _Ordered(selection, values)
    total = counts.sum(axis=1, dtype=np.int64)
    if not total.all():
        raise ValueError("each resample must have a trial")
    # Resamples of similar size share a block, and so a short table of powers.
    by_total = np.argsort(total, kind="stable")
    rows = max(1, _ENTRIES_AT_ONCE // counts.shape[1])
    found = np.empty((len(num_drawn), len(counts)))
    for start in range(0, len(counts), rows):
        these = by_total[start : start + rows]
        # A column for each resample: sums over trials then run along whole rows.
        drawn: Counts = counts[these].T.copy().take(ordered.order, axis=0)
        block = _Block(ordered, drawn, total[these])
        for place, k in enumerate(num_drawn):
            found[place, these] = block.of_best(k)
    return found


def means_without_each(
    selection: FloatArray | Ranks, values: FloatArray, *num_drawn: int
) -> FloatArray:
    """Returns the mean of the best of K without the first trial, without the second, and so on.

    What `resampled_means` returns for rows of ones with a zero, in n steps instead of n^2: without
    a trial one less lies behind those that are better, and as many as before behind the others.

    Args:
        selection: [n], n >= 2, see `resampled_means`.
        values: [n], likewise.
        *num_drawn: K >= 1.

    Returns:
        float64 [number of K, n].
    """
    ordered = _Ordered(selection, values)
    n, sizes = len(values), ordered.sizes
    ahead = n - np.cumsum(sizes) + sizes  # of each group: itself and all behind it
    behind = ahead - sizes
    sums = np.add.reduceat(ordered.values, ordered.starts)
    mean = sums / sizes
    group = np.repeat(np.arange(len(sizes)), sizes)
    left = (sums[group] - ordered.values) / np.maximum(sizes[group] - 1, 1)
    found = np.empty((len(num_drawn), n))
    for place, k in enumerate(num_drawn):
        # P(all K draws lie among so many of the n - 1).
        power = np.minimum(np.arange(n + 1) / (n - 1), 1.0)
        vanish = int(np.searchsorted(power, vanishing(k)))
        power[:vanish], power[vanish:] = 0.0, power[vanish:] ** k
        if_better = mean * (power[ahead - 1] - power[np.maximum(behind - 1, 0)])
        if_worse = mean * (power[ahead] - power[behind])
        before = np.cumsum(if_better) - if_better
        after = np.cumsum(if_worse[::-1])[::-1] - if_worse
        own = (power[ahead - 1] - power[behind])[group] * left
        found[place, ordered.order] = before[group] + own + after[group]
    return found


def means_of_many(
    selection: FloatArray | Ranks,
    values: FloatArray,
    num_resamples: int,
    *num_drawn: int,
    seed: tuple[int, ...],
) -> FloatArray:
    """Returns what `bootstrapped_means` does, of more trials than can be drawn one by one.

    The best of K hardly ever lies beyond the best r = 28 N / K trials. Where these are few, they
    alone are drawn, and one more stands for all others: exact but for rounding. Where K is so small
    that they are many, the mean is nearly a sum over the trials, and resamples are normal with what
    leaving out each trial says of its variance (the infinitesimal jackknife).

    Args:
        selection: [n], see `resampled_means`.
        values: [n], likewise.
        num_resamples: R >= 1.
        *num_drawn: K >= 1.
        seed: Equal seeds give equal resamples.

    Returns:
        float64 [number of K, 1 + n + R].
    """
    ranks, num = ranks_of(selection), len(values)
    itself = np.ones((1, num), dtype=np.uint8)
    estimate = resampled_means(ranks, values, itself, *num_drawn)
    without = means_without_each(ranks, values, *num_drawn)
    ends = ranks.starts + ranks.sizes
    rows = []
    for place, k in enumerate(num_drawn):
        rng = np.random.default_rng((*seed, k))
        first = math.ceil(num * -math.expm1(math.log(_NEVER) / k))
        # All that tie with the last of the first.
        first = int(ends[np.searchsorted(ends, min(first, num))])
        if first > _MOST_DRAWN:
            influence = (num - 1) * (estimate[place] - without[place])
            deviation = float(np.sqrt(np.square(influence).sum())) / num
            rows.append(estimate[place] + deviation * rng.standard_normal(num_resamples))
            continue
        best = ranks.order[:first]
        counts = _counts_of_the_best(num, first, num_resamples, rng)
        of_rest = ranks.order[first] if first < num else ranks.order[-1]
        kept = np.append(best, of_rest)
        of_kept = np.append(ranks.values[best], math.inf)
        rows.append(resampled_means(of_kept, values[kept], counts, k)[0])
    return np.concatenate([estimate, without, np.stack(rows)], axis=1)


def _counts_of_the_best(
    num_trials: int, num_best: int, num_resamples: int, rng: np.random.Generator
) -> Counts:
    """Returns [R, num_best + 1]: how often each of the best was drawn, and all others together."""
    counts = np.empty((num_resamples, num_best + 1), dtype=np.int32)
    drawn = rng.binomial(num_trials, num_best / num_trials, size=num_resamples)
    counts[:, num_best] = num_trials - drawn
    rows = max(1, _DRAWN_AT_ONCE // num_best)
    for start in range(0, num_resamples, rows):
        these = drawn[start : start + rows]
        places = rng.integers(num_best, size=these.sum())
        places += num_best * np.repeat(np.arange(len(these)), these)
        found = np.bincount(places, minlength=num_best * len(these))
        counts[start : start + rows, :num_best] = found.reshape(-1, num_best)
    return counts


def bootstrapped_means(
    selection: FloatArray | Ranks,
    values: FloatArray,
    blocks: Iterable[Counts],
    columns: NDArray[np.intp],
    *num_drawn: int,
) -> FloatArray:
    """Returns the mean of the best of K of the trials, without each, and of resamples.

    Where one other is drawn with these trials, counts have columns of trials that are not among
    them: to leave out such a one changes nothing. A resample without any of these trials, which
    hardly ever comes, counts as the trials themselves; so does leaving out the only one.

    Args:
        selection: [n], see `resampled_means`.
        values: [n], likewise.
        blocks: Resamples, [R, N] in all, N >= n.
        columns: int [n], the column of each trial.
        *num_drawn: K >= 1.

    Returns:
        float64 [number of K, 1 + N + R].
    """
    itself = np.ones((1, len(columns)), dtype=np.uint8)
    estimate = resampled_means(selection, values, itself, *num_drawn)
    without: FloatArray | None = None
    resampled = []
    for counts in blocks:
        if without is None:
            without = np.repeat(estimate, counts.shape[1], axis=1)
        drawn = counts.take(columns, axis=1)
        drawn[~drawn.any(axis=1)] = 1
        resampled.append(resampled_means(selection, values, drawn, *num_drawn))
    assert without is not None, "a resample"
    if len(columns) > 1:
        without[:, columns] = means_without_each(selection, values, *num_drawn)
    return np.concatenate([estimate, without, *resampled], axis=1)


class _Ordered:
    """Trials in the order of their selection; those that tie form groups.

    Attributes:
        order: int [n], the trials.
        values: float64 [n], theirs.
        starts: int [g], where each group begins.
        sizes: int [g].
        of_groups: float64 [g], what all of a group have; None if they differ.
        negligible: A probability that moves no mean of the values by more than rounding does.
        members: int32 [g, n], 1 where a trial is of a group; None without ties.
    """

    def __init__(self, selection: FloatArray | Ranks, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            raise ValueError("values must be finite: a mean needs a worst value")
        ranks = ranks_of(selection)
        self.order, self.starts, self.sizes = ranks.order, ranks.starts, ranks.sizes
        self.values: FloatArray = values[self.order]
        firsts = self.values[self.starts]
        alike = bool((self.values == np.repeat(firsts, self.sizes)).all())
        self.of_groups: FloatArray | None = firsts if alike else None
        self.negligible = _negligible(self.values)
        self.members: sparse.csr_array | None = None
        if len(self.starts) < (n := len(values)):
            # Ten times faster than `reduceat` of many columns.
            ones, ends = np.ones(n, dtype=np.int32), np.r_[self.starts, n]
            self.members = sparse.csr_array((ones, np.arange(n), ends))

    @cached_property
    def of_members(self) -> sparse.csr_array:
        """The value of each trial in its group, float64 [g, n]."""
        n = len(self.values)
        return sparse.csr_array((self.values, np.arange(n), np.r_[self.starts, n]))


def _negligible(values: FloatArray) -> float:
    """As `_Ordered.negligible`: half of rounding, of the smallest value, times the largest."""
    sizes = np.abs(values[values != 0])
    return float(2.0**-60 * sizes.min() / sizes.max()) if len(sizes) else 0.0


class _Block:
    """Some of the resamples, ordered once for every K."""

    def __init__(self, ordered: _Ordered, counts: Counts, total: NDArray[np.int64]) -> None:
        """Args: counts: [n, R], rows in the trials' order; total: [R], their sums."""
        self._total, self._negligible = total, ordered.negligible
        in_groups: NDArray[np.integer] = counts
        if ordered.members is not None:
            in_groups = ordered.members @ counts.astype(np.int32)
        if ordered.of_groups is None:
            # Trials that tie share what their group gets, by how often each was drawn.
            sums = ordered.of_members @ counts.astype(np.float64)
            self._values: FloatArray = sums / np.maximum(in_groups, 1)
        else:
            self._values = ordered.of_groups
        behind = np.cumsum(in_groups, axis=0, dtype=np.int32)
        self._behind = np.subtract(total.astype(np.int32), behind, out=behind)

    def of_best(self, num_drawn: int) -> FloatArray:
        """Returns the mean of the best of `num_drawn` trials for each resample, float64 [R]."""
        behind = self._behind[: self._num_groups(num_drawn)]
        # P(all K draws lie behind a group) = (behind / total)^K. Both are small integers.
        least = int(self._total.min())
        totals = np.arange(least, int(self._total.max()) + 1)
        # Nothing lies behind the last group of all: the table begins at the group before it.
        is_whole = len(behind) == len(self._behind)
        fewest = int(behind[-2:][0].min() if is_whole else behind[-1].min())
        counts = np.arange(fewest, totals[-1] + 1)
        # No more can lie behind than there are: entries beyond are not looked up.
        table = np.minimum(counts / totals[:, None], 1.0) ** num_drawn
        behind = behind + (len(counts) * (self._total - least) - fewest)
        tail = table.ravel().take(behind, mode="clip")  # not "raise": ten times faster
        if is_whole:
            tail[-1] = 0.0
        mass = np.empty_like(tail)
        np.subtract(1.0, tail[0], out=mass[0])
        np.subtract(tail[:-1], tail[1:], out=mass[1:])
        if self._values.ndim == 1:
            # Not `@`: its threads would cost more than they save.
            return np.asarray(
                np.einsum("i,ij->j", self._values[: len(mass)], mass), dtype=np.float64
            )
        return np.asarray(np.einsum("ij,ij->j", mass, self._values[: len(mass)]), dtype=np.float64)

    def _num_groups(self, num_drawn: int) -> int:
        """How many of the best groups matter: that all K draws lie behind them is negligible."""
        most = self._total * self._negligible ** (1 / num_drawn)
        nums = range(1, len(self._behind))
        return 1 + bisect_left(
            nums, True, key=lambda num: bool((self._behind[num - 1] <= most).all())
        )
