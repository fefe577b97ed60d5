"""From a wide initial space to a narrow final one (Choi et al. 2019, section 4 and figure 5).

The paper says that its final spaces follow from the initial ones, but not by which rule. Ours: a
range on a logarithmic scale becomes that of the good trials of the boundary check, with a margin on
both sides. The ends of n points drawn evenly from an interval lie, on average, 1 / (n - 1) of their
span inside it; the margin is that, but at least half a decade. The new range passes an old edge
only if the good trials crowd it, and never passes a limit of the allowed range. Ranges of the
schedule, uniform ranges and choices stay unchanged.

A final space is accepted once a search in it passes the boundary check.
"""

import math

import numpy as np

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.boundary import Edge, check_boundaries, enough_trials, good_trials
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.spaces import LogUniform, SearchSpace

_LEAST_ROOM = math.log(10) / 2


def final_spaces(comparison: Comparison) -> dict[str, SearchSpace]:
    """Returns each search space on record narrowed to its good trials; contestant's name to space.

    Contestants without `enough_trials` are left out: they have too few good trials.
    """
    return {
        one.name: _final_space(comparison, one, space)
        for one in comparison.contestants
        if (space := one.space) is not None and enough_trials(one)
    }


def _final_space(comparison: Comparison, contestant: Contestant, space: SearchSpace) -> SearchSpace:
    assert contestant.record is not None, "a space on record"
    good = good_trials(contestant)
    edges = {check.name: check.verdict for check in check_boundaries(contestant)}
    narrowed = {}
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, LogUniform):
            low = 0.0 if edges[name] is Edge.LOW else dimension.low
            high = space.meaning(name).high if edges[name] is Edge.HIGH else dimension.high
            values = np.log(good[f"searched_{name}"].to_numpy(dtype=np.float64))
            narrowed[name] = _narrowed(values, low, high)
    return SearchSpace(
        dimensions={**space.dimensions, **narrowed},
        own=space.own,
        source=f"{len(good)} best of {contestant.num_feasible} feasible trials in a space "
        f"({space.source}), {comparison.workload}, {comparison.budget['steps']} steps, "
        f"study seed {contestant.record.seed}",
    )


def _narrowed(good: FloatArray, low: float, high: float) -> LogUniform:
    """The range of `good` (logarithms) with a margin on both sides, within limits."""
    room = max(_LEAST_ROOM, float(good.max() - good.min()) / (len(good) - 1))
    ends = math.exp(good.min() - room), math.exp(good.max() + room)
    return LogUniform(low=max(_rounded(ends[0]), low), high=min(_rounded(ends[1]), high))


def _rounded(value: float) -> float:
    """One significant digit, as a person would write it."""
    return float(f"{value:.1g}")
