"""The same optimizers on several workloads: mean ranks and performance profiles.

Ranks are by the mean of the best of K of each workload's main statistic. Mean ranks that differ by
less than the critical difference of Nemenyi's test, at 5 %, say nothing (Demsar 2006, "Statistical
Comparisons of Classifiers over Multiple Data Sets"). A performance profile is the share of
workloads on which an optimizer needs at most so many times the steps of the fastest one to reach
the target (Dolan & More 2002; Dahl et al. 2023, AlgoPerf).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, studentized_range

from tfoptcmp.analysis.comparison import Comparison, too_few_trials
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.quantities import best_of_k, main_statistic, measured
from tfoptcmp.analysis.statistics.verdicts import LEVEL

FACTORS = (1.0, 1.25, 1.5, 2.0, 4.0)
"""Of a table of performance profiles."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Across:
    """Optimizers that were compared on each of several workloads.

    Attributes:
        contestants: Of the first workload, in its order; their names are those of all.
        comparisons: One for each workload.
        means: float64 [workloads, optimizers]: error of the best of K, in the workload's unit.
        ranks: float64 [workloads, optimizers]: 1 for the best; ties share their ranks.
        slowness: float64 [workloads with a target, optimizers]: steps to the target, the median of
            the best of K, as a multiple of those of the fastest; inf if more than half do not reach
            it within the budget.
        left_out: Workloads and optimizers that do not take part, and why, in sentences.
    """

    contestants: tuple[Contestant, ...]
    comparisons: tuple[Comparison, ...]
    means: FloatArray
    ranks: FloatArray
    slowness: FloatArray
    left_out: tuple[str, ...] = ()

    @property
    def mean_ranks(self) -> FloatArray:
        """float64 [optimizers]."""
        return np.asarray(self.ranks.mean(axis=0))

    @property
    def critical_difference(self) -> float:
        """What mean ranks must differ by, at least, to be told apart."""
        return _critical_difference(len(self.contestants), len(self.comparisons))

    @property
    def workloads_needed(self) -> int:
        """Workloads with which the most different ranks that there can be are told apart."""
        num = len(self.contestants)
        one = _critical_difference(num, 1)
        return math.ceil((one / (num - 1)) ** 2 - 1e-9)

    @property
    def has_profiles(self) -> bool:
        """Whether shares of workloads say anything: two of them have a target."""
        return len(self.slowness) > 1

    def profile(self, factor: float) -> FloatArray:
        """Returns float64 [optimizers]: the share of workloads within a factor of the fastest."""
        return np.asarray((self.slowness <= factor * (1 + 1e-12)).mean(axis=0))


def across(comparisons: Sequence[Comparison]) -> Across | None:
    """Returns what can be said of all workloads together; None without two of them.

    Args:
        comparisons: Those of which no optimizer has enough trials are left out, and of a workload
            with several budgets all but the first. Only optimizers that are in all others count.
    """
    once: dict[str, Comparison] = {}
    left_out = []
    for comparison in comparisons:
        if comparison.too_few:
            left_out.append(f"{comparison.workload}: {comparison.too_few}.")
        elif comparison.workload in once:
            left_out.append(f"{comparison.workload}: only its first budget counts.")
        else:
            once[comparison.workload] = comparison
    kept = tuple(once.values())
    if len(kept) < 2:
        return None
    named = [{one.name: one for one in _measured(comparison)} for comparison in kept]
    names = [name for name in named[0] if all(name in each for each in named)]
    if len(names) < 2:
        return None
    few = [
        (one, f"{one.title} on {comparison.workload}: {reason}.")
        for comparison in kept
        for one in comparison.contestants
        if (reason := too_few_trials(one.num_feasible, comparison.tuning_budget))
    ]
    left_out += [said for _, said in few]
    told = {*names, *(one.name for one, _ in few)}
    for missing in dict.fromkeys(name for each in named for name in each if name not in told):
        there = [c.workload for c, each in zip(kept, named, strict=True) if missing in each]
        title = next(each[missing].title for each in named if missing in each)
        left_out.append(f"{title}: compared only on {', '.join(there)}.")
    means = np.array(
        [
            [_mean(comparison, each[name], main_statistic(comparison)) for name in names]
            for comparison, each in zip(kept, named, strict=True)
        ]
    )
    slowness = [
        _slowness(comparison, [each[name] for name in names])
        for comparison, each in zip(kept, named, strict=True)
        if any(measured(each[name], "steps_to_target") for name in names)
    ]
    return Across(
        contestants=tuple(named[0][name] for name in names),
        comparisons=kept,
        means=means,
        ranks=np.apply_along_axis(rankdata, 1, means),
        slowness=np.array(slowness).reshape(-1, len(names)),
        left_out=tuple(left_out),
    )


def _measured(comparison: Comparison) -> list[Contestant]:
    statistic, budget = main_statistic(comparison), comparison.tuning_budget
    return [
        one
        for one in comparison.contestants
        if measured(one, statistic) and not too_few_trials(one.num_feasible, budget)
    ]


def _mean(comparison: Comparison, one: Contestant, statistic: str) -> float:
    return means_of(comparison).mean(one, statistic, comparison.tuning_budget)


def _slowness(comparison: Comparison, contestants: Sequence[Contestant]) -> FloatArray:
    """Multiples of the fastest's steps; inf where the budget ended first, in the median."""
    found = [best_of_k(one, "steps_to_target", comparison.tuning_budget) for one in contestants]
    steps = np.array([math.inf if one is None else one.percentile(50) for one in found])
    fastest = steps.min()
    return steps / fastest if math.isfinite(fastest) else steps


def _critical_difference(num_optimizers: int, num_workloads: int) -> float:
    q = float(studentized_range.ppf(1 - LEVEL, num_optimizers, np.inf)) / math.sqrt(2)
    return q * math.sqrt(num_optimizers * (num_optimizers + 1) / (6 * num_workloads))
