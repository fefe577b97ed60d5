"""Simulated studies, judged as a report judges them, and how often the judgement was right.

The general rule b is scaled so that its true theta_K is that of a, the margin above it, or some
per cent worse or better (SCENARIOS). Means are linear in the values, so one bootstrap serves every
scenario. Values scaled above 1 are not capped again: the law keeps its shape.

A matrix of resamples serves a tenth of the studies. Given the matrix, the studies are independent,
and the rule itself takes the same matrix for every study of one N; but an error of one matrix would
be common to all, so that there are ten.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from tfoptcmp.tools.lab.simulate.populations import FloatArray, Pair, Population

from tfoptcmp.analysis.statistics.bootstrap import (
    Bootstrapped,
    bootstrapped,
    independent_difference,
)
from tfoptcmp.analysis.statistics.looks import spent
from tfoptcmp.analysis.statistics.means import LEAST_PAIRED
from tfoptcmp.analysis.statistics.resamples import Counts, bootstrapped_means, resampled_counts
from tfoptcmp.analysis.statistics.verdicts import LEVEL, Verdict, verdict_of
from tfoptcmp.metrics import CLASSIFICATION_ERROR

SCENARIOS = {
    "25 % better": 0.75,
    "equal": 1.0,
    "at the margin": None,
    "25 % worse": 1.25,
    "50 % worse": 1.5,
}
"""Name to theta_K of b, as a multiple of that of a; None for one margin more."""

NUM_MATRICES = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How studies are simulated.

    Attributes:
        num_studies: Of a cell.
        num_resamples: Of a bootstrap.
        num_examples: Of the evaluation set, whose standard error is the margin.
        num_pairs: By which the level of a look is divided.
        seed: Equal seeds give equal studies.
    """

    num_studies: int
    num_resamples: int
    num_examples: int = 10_000
    num_pairs: int = 1
    seed: int = 0

    def margin(self, mean: float) -> float:
        """Returns delta beside a mean of a."""
        return CLASSIFICATION_ERROR.tolerance(mean, num_examples=self.num_examples)


@dataclass(kw_only=True)
class Cell:
    """What came of the studies of one population, N, K and scenario.

    Attributes:
        population: Name.
        looks: N of every look; one if N was fixed.
        tuning_budget: K.
        scenario: In SCENARIOS.
        difference: The true D.
        num_studies: Judged so far.
        below: Intervals that lie below the true D.
        above: Intervals that lie above it.
        verdicts: Counts of the last look's.
        trials: Sum of the N at which studies ended.
        excess: Of each study the estimate of D, less the margin.
    """

    population: str
    looks: tuple[int, ...]
    tuning_budget: int
    scenario: str
    difference: float
    num_studies: int = 0
    below: int = 0
    above: int = 0
    verdicts: dict[str, int] = field(default_factory=lambda: {str(v): 0 for v in Verdict})
    trials: int = 0
    excess: list[float] = field(default_factory=list)

    @property
    def coverage(self) -> float:
        """Share of the intervals that hold the true D."""
        return 1 - (self.below + self.above) / self.num_studies

    @property
    def decided(self) -> float:
        """Share of the studies that were decided."""
        return 1 - self.share(Verdict.NOT_DECIDED)

    @property
    def mean_trials(self) -> float:
        """N at which a study ended."""
        return self.trials / self.num_studies

    def share(self, *verdicts: Verdict) -> float:
        """Returns the share of the studies with one of these verdicts."""
        return sum(self.verdicts[v] for v in verdicts) / self.num_studies

    def add(self, judged: "_Judged") -> None:
        """Counts a study."""
        self.num_studies += 1
        self.below += judged.high < self.difference
        self.above += judged.low > self.difference
        self.verdicts[judged.verdict] += 1
        self.trials += judged.num_trials
        self.excess.append(judged.excess)


def power_of_threshold(at_the_margin: Cell, worse: Cell) -> float:
    """Returns the power of a threshold on the estimate that knows how the estimate varies.

    It says "violated" above what 2.5 % of the studies at the margin exceed. That is a yardstick for
    an interval around the same estimate, and no bound: where the estimate varies less in the
    studies in which it is low, an interval does better.
    """
    critical = np.quantile(at_the_margin.excess, 1 - LEVEL / 2)
    return float(np.mean(np.array(worse.excess) > critical))


def standard_error(share: float, num: int) -> float:
    """Returns that of a share of so many studies."""
    return sqrt(share * (1 - share) / num)


def simulate(
    name: str,
    population: Population,
    truth: Mapping[int, tuple[float, float]],
    plans: Mapping[int, tuple[int, ...]],
    settings: Settings,
) -> Iterator[list[Cell]]:
    """Simulates studies of one population; yields the cells, which fill, after each matrix.

    Args:
        name: Of the population.
        population: What trials are drawn from.
        truth: K to theta_K of a and of b.
        plans: K to the N of its looks; one N is a fixed one.
        settings: How many, and how.
    """
    factors = {k: _factors(*truth[k], settings) for k in plans}
    cells = {
        (k, scenario): Cell(
            population=name,
            looks=looks,
            tuning_budget=k,
            scenario=scenario,
            difference=factors[k][scenario] * truth[k][1] - truth[k][0],
        )
        for k, looks in plans.items()
        for scenario in SCENARIOS
    }
    numbers = sorted({n for looks in plans.values() for n in looks})
    rng = np.random.default_rng((settings.seed, zlib.crc32(name.encode()), *numbers))
    for matrix in range(NUM_MATRICES):
        counts = {n: _counts(n, matrix, settings) for n in numbers}
        stop = settings.num_studies * (matrix + 1) // NUM_MATRICES
        for _ in range(settings.num_studies * matrix // NUM_MATRICES, stop):
            trials = population.trials(rng, numbers[-1])
            study = {
                n: _Look(trials, n, [k for k in plans if n in plans[k]], counts[n], population)
                for n in numbers
            }
            for (k, scenario), cell in cells.items():
                cell.add(_judge(study, k, cell.looks, factors[k][scenario], settings))
        yield list(cells.values())


def _counts(num_trials: int, matrix: int, settings: Settings) -> tuple[Counts, Counts]:
    first, second = (
        resampled_counts(num_trials, settings.num_resamples, seed=(settings.seed, 2, matrix, side))
        for side in range(2)
    )
    return first, second


def _factors(of_a: float, of_b: float, settings: Settings) -> dict[str, float]:
    """Returns what b is multiplied by in each scenario."""
    at_the_margin = of_a + settings.margin(of_a)
    return {
        name: (at_the_margin if times is None else times * of_a) / of_b
        for name, times in SCENARIOS.items()
    }


class _Look:
    """The first N trials of a study, resampled."""

    def __init__(
        self,
        trials: Pair,
        num_trials: int,
        budgets: Sequence[int],
        counts: tuple[Counts, Counts],
        population: Population,
    ) -> None:
        self._num_trials = num_trials
        self._joint = population.paired and num_trials >= LEAST_PAIRED
        of_b = counts[0] if self._joint else counts[1]
        self._found: list[dict[int, FloatArray]] = []
        for (selection, values), drawn in zip(trials, (counts[0], of_b), strict=True):
            means = bootstrapped_means(
                selection[:num_trials],
                values[:num_trials],
                (drawn,),
                np.arange(num_trials),
                *budgets,
            )
            self._found.append(dict(zip(budgets, means, strict=True)))

    def difference(self, tuning_budget: int, factor: float) -> tuple[Bootstrapped, float]:
        """Returns D, b multiplied by a factor, and the mean of a."""
        a, b = (found[tuning_budget] for found in self._found)
        n = self._num_trials
        if self._joint:
            return bootstrapped(factor * b - a, n), float(a[0])
        return independent_difference(factor * b, a, (n, n)), float(a[0])


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """The last look at a study: its interval, verdict, N, and the estimate less the margin."""

    low: float
    high: float
    verdict: Verdict
    num_trials: int
    excess: float


def _judge(
    study: Mapping[int, _Look],
    tuning_budget: int,
    looks: tuple[int, ...],
    factor: float,
    settings: Settings,
) -> _Judged:
    """Judges at each look until one decides."""
    for n, level in zip(looks, spent(looks, settings.num_pairs, LEVEL), strict=True):
        d, mean = study[n].difference(tuning_budget, factor)
        low, high = d.interval(level)
        margin = settings.margin(mean)
        verdict = verdict_of(low, high, margin)
        if verdict.decided:
            break
    return _Judged(low=low, high=high, verdict=verdict, num_trials=n, excess=d.estimate - margin)
