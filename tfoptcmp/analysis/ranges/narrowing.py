"""From a wide initial space to a narrow final one (Choi et al. 2019, section 4 and figure 5).

The paper says that its final spaces follow from the initial ones, not by which rule. Ours: a range
on a logarithmic scale becomes that of the good trials of the boundary check, with room on both
sides. The ends of n points drawn evenly from an interval lie, on average, 1 / (n - 1) of their span
inside of it; the room is that, and at least half a decade. Only an edge that the good trials crowd
is passed, and no limit of what is allowed. Ranges of the schedule, uniform ones and choices, stay.

A final space is accepted once a search in it passes the boundary check.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tfoptcmp.analysis.ranges.boundary import LEAST_FEASIBLE, Edge, check_boundaries, good_trials
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.spaces import LogUniform, SearchSpace

_LEAST_ROOM = math.log(10) / 2


def final_spaces(studies: Sequence[StudyResults]) -> dict[str, SearchSpace]:
    """Returns each study's space narrowed to its good trials; signature name to space.

    Studies with fewer than 15 feasible trials are left out: their good ones are too few to tell.
    """
    return {
        results.name: _final_space(results, good_trials(results))
        for results in studies
        if results.num_feasible >= LEAST_FEASIBLE
    }


def _final_space(results: StudyResults, good: pd.DataFrame) -> SearchSpace:
    space = results.signature.space
    edges = {check.name: check.verdict for check in check_boundaries(results)}
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
        source=f"{len(good)} best of {results.num_feasible} feasible trials in a space "
        f"({space.source}), {results.config.workload}, {results.config.budget['steps']} steps, "
        f"study seed {results.config.seed}",
    )


def _narrowed(good: FloatArray, low: float, high: float) -> LogUniform:
    """The range of `good` (logarithms) with room on both sides, within limits."""
    room = max(_LEAST_ROOM, float(good.max() - good.min()) / (len(good) - 1))
    ends = math.exp(good.min() - room), math.exp(good.max() + room)
    return LogUniform(low=max(_rounded(ends[0]), low), high=min(_rounded(ends[1]), high))


def _rounded(value: float) -> float:
    """One significant digit, as a person would write it."""
    return float(f"{value:.1g}")
