"""Means of the best of K of a comparison's optimizers, and how sure their differences are.

A mean needs a worst value that counts: errors are capped at 1, steps to a target at the budget (a
restricted mean), losses at what guessing gives, ln(number of classes). Where that is not known, the
cap is the worst finite value of all optimizers. NaN and inf count as the cap.

Trials of studies with one seed and one search are paired: those of one number have the same point
of the unit cube, weights and data. From LEAST_PAIRED trials on, their numbers are drawn together;
with fewer, and in other comparisons, each side is drawn by itself.
"""

import math
import weakref
import zlib
from collections.abc import Hashable, Iterable, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tfoptcmp.analysis.comparison import LEAST_TRIALS_A_DRAW, Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranks import ranks_of
from tfoptcmp.analysis.statistics.best_of_k import FloatArray, selection_probabilities
from tfoptcmp.analysis.statistics.bootstrap import (
    Bootstrapped,
    bootstrapped,
    independent_difference,
)
from tfoptcmp.analysis.statistics.quantities import (
    STATISTICS,
    measured,
    ranks_of_both,
    selection_and_values,
    statistics_of,
)
from tfoptcmp.analysis.statistics.resamples import (
    NUM_RESAMPLES,
    Counts,
    blocks_of_counts,
    bootstrapped_means,
    means_of_many,
)
from tfoptcmp.metrics import STEPS

BoolArray = NDArray[np.bool_]

LEAST_PAIRED = 50

_JOINT = "joint"
_MANY = 20_000  # trials, above which they are not drawn one by one
_BYTES_KEPT = 100_000_000  # of counts; what is dropped is drawn again, the same


class Means:
    """Means of the best of K of a comparison's optimizers; use `means_of` to get it.

    The same trials always give the same numbers: the seed is fixed.
    """

    def __init__(self, comparison: Comparison, num_resamples: int = NUM_RESAMPLES) -> None:
        # Weak, or the dictionary of `means_of` would keep every comparison for ever.
        self._comparison: Comparison = weakref.proxy(comparison)
        self._num_resamples = num_resamples
        self._caps: dict[str, float] = {}
        self._means: dict[Hashable, float] = {}
        self._trials: dict[str, list[float]] = {}
        self._counts: dict[str, list[Counts]] = {}
        self._found: dict[Hashable, FloatArray] = {}
        self._differences: dict[Hashable, Bootstrapped] = {}

    def mean(self, one: Contestant, statistic: str, num_drawn: int) -> float:
        """Returns the mean of the best of K.

        Args:
            one: Of the comparison, with the statistic.
            statistic: A name in STATISTICS.
            num_drawn: K >= 1.
        """
        key = (one.name, statistic, num_drawn)
        if key not in self._means:
            selection, values = ranks_of_both(one, statistic)
            capped = np.minimum(values.values, self.cap(statistic))
            self._means[key] = float(selection_probabilities(selection, num_drawn) @ capped)
        return self._means[key]

    def intervals(
        self, one: Contestant, statistic: str, budgets: Sequence[int], level: float
    ) -> list[tuple[float, float]]:
        """Returns confidence intervals of the mean at several K; see `mean`."""
        pairing = self._pairing(one)
        num = len(self._numbers(pairing, one))
        found = self._resampled(one, statistic, budgets, pairing)
        return [bootstrapped(means, num).interval(level) for means in found]

    def difference(
        self, a: Contestant, b: Contestant, statistic: str, num_drawn: int
    ) -> Bootstrapped:
        """Returns the mean of b minus that of a, in the statistic's unit; see `mean`."""
        return self.differences(a, b, statistic, (num_drawn,))[0]

    def differences(
        self, a: Contestant, b: Contestant, statistic: str, budgets: Sequence[int]
    ) -> list[Bootstrapped]:
        """Returns `difference` for several K at once."""
        keys = [(a.name, b.name, statistic, k) for k in budgets]
        missing = [k for k, key in zip(budgets, keys, strict=True) if key not in self._differences]
        joint = self._joint(a, b)
        of_a, of_b = (self._resampled(one, statistic, missing, joint) for one in (a, b))
        for k, x, y in zip(missing, of_a, of_b, strict=True):
            self._differences[a.name, b.name, statistic, k] = self._minus(a, b, joint, x, y)
        return [self._differences[key] for key in keys]

    def cut_differences(
        self,
        a: Contestant,
        b: Contestant,
        statistic: str,
        num_drawn: int,
        inside: tuple[BoolArray, BoolArray],
    ) -> tuple[Bootstrapped, Bootstrapped, Bootstrapped]:
        """Returns `difference` of all trials, of a part of them, and the second minus the first.

        All three are of the same resamples: whole studies are drawn, and each resample is cut. One
        without any trial of the part, which hardly ever comes, counts as the part itself.

        Args:
            a: As in `difference`.
            b: As in `difference`.
            statistic: As in `difference`.
            num_drawn: K >= 1, of both.
            inside: bool [N of a] and [N of b]: the feasible trials in the part, at least one each.
        """
        joint, k = self._joint(a, b), (num_drawn,)
        whole = [self._resampled(one, statistic, k, joint)[0] for one in (a, b)]
        part = [
            self._resampled(one, statistic, k, joint, mask)[0]
            for one, mask in zip((a, b), inside, strict=True)
        ]
        moved = [cut - all_of_it for cut, all_of_it in zip(part, whole, strict=True)]
        largest = max(float(means.max()) for means in (*whole, *part))
        of_whole, of_part, of_change = (
            self._minus(a, b, joint, x, y, largest) for x, y in (whole, part, moved)
        )
        return of_whole, of_part, of_change

    def cap(self, statistic: str) -> float:
        """Returns the worst value that counts."""
        if statistic not in self._caps:
            self._caps[statistic] = self._known_cap(statistic)
        return self._caps[statistic]

    def _known_cap(self, statistic: str) -> float:
        comparison = self._comparison
        metric = STATISTICS[statistic].metric(comparison)
        known = metric.cap
        if metric.unit == STEPS.unit:
            known = float(comparison.budget.get("steps", math.inf))
        if math.isfinite(known):
            return known
        values = np.concatenate(
            [
                selection_and_values(one, statistic)[1]
                for one in comparison.contestants
                if measured(one, statistic)
            ]
        )
        finite = values[np.isfinite(values)]
        return float(finite.max()) if len(finite) else 1.0  # any will do: all count the same

    def _joint(self, a: Contestant, b: Contestant) -> str:
        """What two have in common that are drawn together; "" if each is drawn by itself."""
        joint = self._pairing(a)
        return joint if joint == self._pairing(b) else ""

    def _minus(
        self,
        a: Contestant,
        b: Contestant,
        joint: str,
        of_a: FloatArray,
        of_b: FloatArray,
        largest: float | None = None,
    ) -> Bootstrapped:
        """The difference, b - a, of what `_resampled` found; `largest` as in `without_rounding`."""
        size = float(max(of_a.max(), of_b.max())) if largest is None else largest
        if joint:
            found = bootstrapped(of_b - of_a, len(self._numbers(joint, a)))
        else:
            found = independent_difference(of_b, of_a, (b.num_feasible, a.num_feasible))
        return found.without_rounding(size)

    @staticmethod
    def _pairing(one: Contestant) -> str:
        """What trials of equal numbers share; "" if nothing."""
        if one.record is None or one.num_feasible < LEAST_PAIRED:
            return ""
        return f"{_JOINT} {one.record.search} {one.record.seed}"

    def _numbers(self, pairing: str, one: Contestant) -> list[float]:
        """The numbers of the trials that are drawn together."""
        key = pairing or one.name
        if key not in self._trials:
            together = (
                [other for other in self._comparison.contestants if self._pairing(other) == pairing]
                if pairing
                else [one]
            )
            self._trials[key] = sorted(
                {float(t) for other in together for t in other.feasible["trial"]}
            )
        return self._trials[key]

    def _drawn(self, pairing: str, one: Contestant) -> Iterable[Counts]:
        """Counts of resamples, a column for each of `_numbers`: kept if they are not too many."""
        key = pairing or one.name
        if key in self._counts:
            return self._counts[key]
        num = len(self._numbers(pairing, one))
        blocks = blocks_of_counts(num, self._num_resamples, seed=_seed(pairing, one))
        if num * self._num_resamples > _BYTES_KEPT:
            return blocks
        while sum(block.nbytes for kept in self._counts.values() for block in kept) > _BYTES_KEPT:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = list(blocks)
        if num * self._num_resamples > _BYTES_KEPT // 2:  # while they are there
            self._find_all(one, pairing)
        return self._counts[key]

    def _find_all(self, one: Contestant, pairing: str) -> None:
        """Finds every statistic at the comparison's K, which a report asks for."""
        budget = self._comparison.tuning_budget
        for statistic in statistics_of(self._comparison):
            if measured(one, statistic):
                self._resampled(one, statistic, (budget,), pairing)

    def _resampled(
        self,
        one: Contestant,
        statistic: str,
        budgets: Sequence[int],
        pairing: str,
        inside: BoolArray | None = None,
    ) -> list[FloatArray]:
        part = b"" if inside is None or inside.all() else inside.tobytes()
        keys = [(one.name, statistic, k, pairing, part) for k in budgets]
        missing = [k for k, key in zip(budgets, keys, strict=True) if key not in self._found]
        if len(missing) > 1:
            missing = self._with_last(one, missing)
        if missing:
            self._find(one, statistic, missing, pairing, part, inside)
        return [self._found[key] for key in keys]

    def _with_last(self, one: Contestant, budgets: Sequence[int]) -> list[int]:
        """Several K and those at which its curves end: in a pair at a fifth of the smaller N.

        Each by itself would take as long as all.
        """
        most = one.num_feasible // LEAST_TRIALS_A_DRAW
        counts = [other.num_feasible for other in self._comparison.contestants]
        ends = {min(most, num // LEAST_TRIALS_A_DRAW) for num in counts}
        return [*budgets, *(k for k in sorted(ends) if k >= 1 and k not in budgets)]

    def _find(
        self,
        one: Contestant,
        statistic: str,
        budgets: Sequence[int],
        pairing: str,
        part: bytes,
        inside: BoolArray | None,
    ) -> None:
        ranks, uncapped = ranks_of_both(one, statistic)
        values = np.minimum(uncapped.values, self.cap(statistic))
        if not pairing and not part and one.num_feasible > _MANY:
            seed = _seed(pairing, one)
            found = means_of_many(ranks, values, self._num_resamples, *budgets, seed=seed)
        else:
            blocks, trials = self._drawn(pairing, one), self._numbers(pairing, one)
            budgets = [
                k for k in budgets if (one.name, statistic, k, pairing, part) not in self._found
            ]
            if not budgets:  # `_drawn` found them
                return
            columns = np.searchsorted(trials, one.feasible["trial"].to_numpy(dtype=float))
            if part and inside is not None:
                ranks = ranks_of(ranks.values[inside])
                values, columns = values[inside], columns[inside]
            found = bootstrapped_means(ranks, values, blocks, columns, *budgets)
        for k, means in zip(budgets, found, strict=True):
            self._found[one.name, statistic, k, pairing, part] = means


def _seed(pairing: str, one: Contestant) -> tuple[int, ...]:
    """Others than those of any other optimizer: two of one seed would be paired."""
    return (0,) if pairing else (1, zlib.crc32(one.name.encode()))


_MEANS: "WeakKeyDictionary[Comparison, Means]" = WeakKeyDictionary()


def means_of(comparison: Comparison) -> Means:
    """Returns the means of a comparison; what was computed once is kept as long as it is."""
    if comparison not in _MEANS:
        _MEANS[comparison] = Means(comparison)
    return _MEANS[comparison]
