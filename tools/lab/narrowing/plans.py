"""How trials are spent: sizes of rounds, and the rule that gives the space of the next one."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.ranges.boundary import Edge, check_boundaries, good_trials
from tfoptcmp.analysis.ranges.narrowing import next_dimensions
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.spaces import Dimension, LogUniform, SearchSpace

Rule = Callable[[Comparison], dict[str, Dimension]]
"""A comparison of one contestant, with its earlier rounds, to the next round's dimensions."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A refinement.

    Attributes:
        rounds: Feasible trials of each.
        rule: Of the space of each round after the first.
    """

    rounds: tuple[int, ...]
    rule: Rule


def _process(comparison: Comparison) -> dict[str, Dimension]:
    return next_dimensions(comparison, comparison.contestants[0])


def _tenth(comparison: Comparison) -> dict[str, Dimension]:
    """The rule until 2026: the range of the best tenth of the last round, with room."""
    (one,) = comparison.contestants
    space = SearchSpace(dimensions=one.dimensions, own=one.own, source="")
    good = good_trials(one)
    edges = {check.name: check.verdict for check in check_boundaries(one)}
    found = dict(space.dimensions)
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, LogUniform):
            low = 0.0 if edges[name] is Edge.LOW else dimension.low
            high = space.meaning(name).high if edges[name] is Edge.HIGH else dimension.high
            values = np.log(good[f"searched_{name}"].to_numpy(dtype=np.float64))
            found[name] = _with_room(values, low, high)
    return found


def _with_room(good: FloatArray, low: float, high: float) -> LogUniform:
    room = max(math.log(10) / 2, float(good.max() - good.min()) / (len(good) - 1))
    ends = (float(f"{math.exp(end):.1g}") for end in (good.min() - room, good.max() + room))
    return LogUniform(low=max(next(ends), low), high=min(next(ends), high))


PLANS = {
    "none": Plan(rounds=(180,), rule=_process),
    "tenth": Plan(rounds=(40, 40, 100), rule=_tenth),
    "process": Plan(rounds=(40, 40, 100), rule=_process),
    "process_20": Plan(rounds=(20, 20, 140), rule=_process),
    "process_once": Plan(rounds=(40, 140), rule=_process),
}
"""Each has 180 feasible trials; `none` has one round, and so no rule to use."""
