"""Which hyperparameters matter in a search space, and how surely (functional ANOVA).

A random forest is fitted to the trials of one optimizer: position in the search space to the
logarithm of the final validation error. What share of the variance of its predictions over the
whole space each hyperparameter explains alone, averaged over all others, is its importance; what
no hyperparameter explains alone is due to interactions (Hutter et al. 2014, "An Efficient Approach
for Assessing Hyperparameter Importance"). Intervals come from forests of resampled trials.

All of this is about the space that was searched: in a narrower one other hyperparameters matter.
"""

import itertools
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import qmc
from sklearn.ensemble import RandomForestRegressor

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.boundary import position
from tfoptcmp.analysis.ranges.narrowing import alike_below, standardised
from tfoptcmp.analysis.statistics.best_of_k import FloatArray

LEAST_TO_FIT = 20
"""Fewer say nothing."""

LEAST_EXPLAINED = 0.2
"""Share of the variance between trials that a forest must foretell before it is believed."""

NUM_CELLS = 10
"""Along each axis of a `Slice`."""

_NUM_POINTS = 64  # of the other hyperparameters, over which is averaged
_NUM_POINTS_OF_VARIANCE = 1024
_NUM_TREES = 64
_NUM_RESAMPLES = 16
_TREES_OF_RESAMPLE = 12
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much of the variance in a space a hyperparameter explains alone.

    Attributes:
        name: As searched.
        share: In [0, 1].
        low: Lower end of the 90 % interval.
        high: Upper end.
    """

    name: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """What is expected of two hyperparameters together, averaged over all others.

    Attributes:
        names: Of the two, as searched.
        share: Of the variance: what both explain, alone and together.
        interaction: Of that, what only both together explain.
        expected: float64 [NUM_CELLS, NUM_CELLS], by cells of equal size of the first and of the
            second: the forest's geometric mean of the validation error.
    """

    names: tuple[str, str]
    share: float
    interaction: float
    expected: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Importances:
    """What matters in the search space of one optimizer.

    Attributes:
        explained: Share of the variance between trials that the forest foretells of trials that it
            did not see (out of bag); below LEAST_EXPLAINED nothing else here can be believed.
        each: The hyperparameters, the most important first.
        pair: The pair that explains most; None of one hyperparameter.
    """

    explained: float
    each: tuple[Importance, ...]
    pair: Slice | None

    @property
    def is_believable(self) -> bool:
        """Whether the forest foretells enough."""
        return self.explained >= LEAST_EXPLAINED

    @property
    def interactions(self) -> float:
        """Share of the variance that no hyperparameter explains alone."""
        return max(0.0, 1.0 - sum(one.share for one in self.each))


def importances(
    contestant: Contestant, worst: float = math.inf, least: float = 0.0
) -> Importances | None:
    """Returns what matters in the space of an optimizer; None of too few trials to say.

    Args:
        contestant: Its trials that ended, diverged ones included, are used.
        worst: The error of guessing; what is worse is alike. inf if not known.
        least: As `alike_below`.
    """
    names = [name for name in contestant.free if contestant.searched(name).notna().all()]
    ended = contestant.ended
    if len(ended) < LEAST_TO_FIT or not names:
        return None
    columns = [
        position(contestant.dimensions[name], contestant.searched(name)[ended.index].to_numpy())
        for name in names
    ]
    inputs = np.clip(np.stack(columns, axis=1), 0.0, 1.0)
    results = ended["validation_metric"].where(ended["feasible"], math.inf).to_numpy(np.float64)
    return _importances(tuple(names), inputs.tobytes(), results.tobytes(), worst, least)


def importances_in(comparison: Comparison, contestant: Contestant) -> Importances | None:
    """Returns the same of one of a comparison's optimizers, by its metric."""
    metric = comparison.metric
    return importances(contestant, metric.cap, alike_below(metric))


def can_tell(comparison: Comparison) -> bool:
    """Returns whether of one of the optimizers it can be told what matters."""
    found = (importances_in(comparison, one) for one in comparison.contestants)
    return any(one is not None and one.is_believable for one in found)


@lru_cache(maxsize=256)  # the report's table and figures ask for the same
def _importances(
    names: tuple[str, ...], inputs: bytes, results: bytes, worst: float, least: float
) -> Importances:
    x = np.frombuffer(inputs).reshape(-1, len(names))
    found = np.frombuffer(results)
    y, restored = standardised(found, worst, least)
    seed = zlib.crc32(inputs + results)
    forest = _forest(x, y, _NUM_TREES, seed, oob_score=True)
    shares = _shares(forest, len(names))
    rng = np.random.default_rng(seed)
    again = []
    for _ in range(_NUM_RESAMPLES):
        rows = rng.integers(len(x), size=len(x))
        again.append(_shares(_forest(x[rows], y[rows], _TREES_OF_RESAMPLE, seed), len(names)))
    low, high = np.quantile([shares, *again], _INTERVAL, axis=0)
    each = [
        Importance(
            name=name,
            share=float(shares[i]),
            low=float(min(low[i], shares[i])),
            high=float(max(high[i], shares[i])),
        )
        for i, name in enumerate(names)
    ]
    pair = _pair(forest, names, shares, restored) if len(names) > 1 else None
    return Importances(
        explained=max(0.0, float(forest.oob_score_)) if np.ptp(y) else 0.0,
        each=tuple(sorted(each, key=lambda one: -one.share)),
        pair=pair,
    )


def _forest(
    x: FloatArray, y: FloatArray, num_trees: int, seed: int, *, oob_score: bool = False
) -> RandomForestRegressor:
    forest = RandomForestRegressor(
        num_trees, min_samples_leaf=2, oob_score=oob_score, random_state=seed % 2**32, n_jobs=1
    )
    return forest.fit(x, y)


@lru_cache
def _points(num_dims: int, num: int) -> FloatArray:
    return np.asarray(qmc.Halton(d=num_dims, rng=np.random.default_rng(0)).random(num))


def _middles(num_cells: int) -> FloatArray:
    return (np.arange(num_cells) + 0.5) / num_cells


def _shares(forest: RandomForestRegressor, num_dims: int) -> FloatArray:
    """float64 [num_dims]: the share of the variance that each dimension explains alone."""
    variance, marginals = _expected(forest, num_dims, [(dim,) for dim in range(num_dims)])
    alone = [marginal.var() for marginal in marginals]
    return np.clip(np.asarray(alone) / variance, 0.0, 1.0) if variance else np.zeros(num_dims)


def _expected(
    forest: RandomForestRegressor, num_dims: int, grids: Sequence[tuple[int, ...]]
) -> tuple[float, list[FloatArray]]:
    """The variance in the whole space, and what is expected on grids of some dimensions each.

    What is expected is averaged over the other dimensions. The forest is asked once: a call costs
    more than its points.
    """
    asked = [_points(num_dims, _NUM_POINTS_OF_VARIANCE), *(_grid(num_dims, dims) for dims in grids)]
    whole, *answers = np.split(
        forest.predict(np.concatenate(asked)), np.cumsum([len(points) for points in asked[:-1]])
    )
    shapes = [[NUM_CELLS] * len(dims) for dims in grids]
    means = [answer.reshape(-1, _NUM_POINTS).mean(axis=1) for answer in answers]
    return float(whole.var()), [
        mean.reshape(shape) for mean, shape in zip(means, shapes, strict=True)
    ]


def _grid(num_dims: int, dims: tuple[int, ...]) -> FloatArray:
    """float64 [NUM_CELLS ** len(dims) * _NUM_POINTS, num_dims]: cell by cell."""
    points = _points(num_dims, _NUM_POINTS)
    cells = np.array(list(itertools.product(*[_middles(NUM_CELLS)] * len(dims))))
    asked = np.tile(points, (len(cells), 1))
    asked[:, list(dims)] = np.repeat(cells, len(points), axis=0)
    return asked


def _pair(
    forest: RandomForestRegressor,
    names: tuple[str, ...],
    shares: FloatArray,
    restored: Callable[[FloatArray], FloatArray],
) -> Slice:
    pairs = list(itertools.combinations(range(len(names)), 2))
    variance, marginals = _expected(forest, len(names), pairs)
    found = dict(zip(pairs, marginals, strict=True))
    best = max(found, key=lambda dims: float(found[dims].var()))
    share = min(1.0, float(found[best].var()) / (variance or 1.0))
    alone = float(shares[list(best)].sum())
    first, second = sorted(best, key=lambda dim: -shares[dim])
    expected = found[best] if (first, second) == best else found[best].T
    return Slice(
        names=(names[first], names[second]),
        share=share,
        interaction=max(0.0, share - alone),
        expected=restored(expected),
    )
