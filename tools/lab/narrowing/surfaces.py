"""Surfaces: what an optimizer's error would be, without noise, at every point of a search space.

Coordinates are log10 of what is searched on a logarithmic scale and the value itself of the rest,
float64 [n, d] in the order of the space. A surface is inf where training diverges. Its optimum is
known, or searched in the whole of it; what is attainable in a box is searched from there.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.stats import qmc

from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.metrics import SHARE, Metric
from tfoptcmp.spaces import Choice, Dimension, LogUniform, SearchSpace, Uniform

# Of the search for the best of a box: points at first, then rounds of points around the best.
_NUM_POINTS = 2048
_NUM_ROUNDS, _NUM_BEST, _NUM_AROUND = 14, 16, 24
_SPREAD, _SHRINKING = 0.2, 0.65


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """An optimizer on a workload.

    Attributes:
        space: Of the first round.
        metric: Of validation.
        num_examples: Of the validation set.
        spread: Of the logarithm of results of one point, which seeds cause.
        truth: Coordinates [n, d] to the metric [n] without noise; inf where training diverges.
        known: Coordinates [m, d] where the optimum is, or may be near: the search starts there.
        at_chance: Truth from which a trial has learnt nothing; inf if there is no such thing.
    """

    space: SearchSpace
    metric: Metric
    num_examples: int
    spread: float
    truth: Callable[[FloatArray], FloatArray]
    known: FloatArray
    at_chance: float = math.inf

    def observed(self, truth: FloatArray, rng: Generator) -> FloatArray:
        """Returns results of trials, with the noise of seeds and of the validation set."""
        noisy = truth * rng.lognormal(sigma=self.spread, size=len(truth))
        if self.metric.unit != SHARE:
            return noisy
        feasible = np.isfinite(noisy)
        shares = np.clip(np.where(feasible, noisy, 0.0), 0.0, self.at_chance)
        drawn = rng.binomial(self.num_examples, shares) / self.num_examples
        return np.where(feasible, drawn, math.inf)

    def optimum(self) -> float:
        """Returns the least truth anywhere: at the known places, or within the first space."""
        return min(float(self.truth(self.known).min()), self.least(self.space.dimensions))

    def least(self, dimensions: Mapping[str, Dimension]) -> float:
        """Returns the least truth within a box, as far as a search finds it."""
        box = list(dimensions.values())
        near = np.stack([_within(d, x) for d, x in zip(box, self.known.T, strict=True)], axis=1)
        start = qmc.Halton(len(box), rng=np.random.default_rng(0)).random(_NUM_POINTS)
        units = np.concatenate([near, start])
        values = self.truth(coordinates(box, units))
        rng = np.random.default_rng(1)
        for number in range(_NUM_ROUNDS):
            best = np.argsort(values, kind="stable")[:_NUM_BEST]
            units, values = units[best], values[best]
            moved = np.repeat(units, _NUM_AROUND, axis=0)
            moved += rng.normal(scale=_SPREAD * _SHRINKING**number, size=moved.shape)
            moved = np.clip(moved, 0.0, 1.0)
            units = np.concatenate([units, moved])
            values = np.concatenate([values, self.truth(coordinates(box, moved))])
        return float(values.min())


def coordinates(box: list[Dimension], units: FloatArray) -> FloatArray:
    """Returns the coordinates of points of [0, 1]^d, [n, d]."""
    return np.stack([_coordinate(d, u) for d, u in zip(box, units.T, strict=True)], axis=1)


def coordinates_of(space: SearchSpace, values: list[dict[str, float]]) -> FloatArray:
    """Returns the coordinates of values as searched."""
    return np.array(
        [
            [math.log10(one[n]) if isinstance(d, LogUniform) else one[n] for one in values]
            for n, d in space.dimensions.items()
        ]
    ).T.reshape(len(values), space.num_dims)


def _coordinate(dimension: Dimension, unit: FloatArray) -> FloatArray:
    match dimension:
        case LogUniform(low=low, high=high):
            return np.asarray(math.log10(low) + unit * math.log10(high / low))
        case Uniform(low=low, high=high):
            return np.asarray(low + unit * (high - low))
        case Choice(values=values):
            which = np.minimum((unit * len(values)).astype(int), len(values) - 1)
            return np.asarray(np.array(values)[which])
    raise ValueError(f"dimension must have a range; got {dimension!r}")


def _within(dimension: Dimension, coordinate: FloatArray) -> FloatArray:
    """Returns the place in [0, 1] of the nearest coordinate in a dimension."""
    if isinstance(dimension, Choice):
        order = np.array(dimension.values)
        nearest = np.abs(coordinate[:, None] - order).argmin(axis=1)
        return np.asarray((nearest + 0.5) / len(order))
    ends = _coordinate(dimension, np.array([0.0, 1.0]))
    return np.asarray(np.clip((coordinate - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0))
