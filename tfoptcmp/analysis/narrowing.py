"""From a wide initial space to a narrow final one (Choi et al. 2019, section 4 and figure 5).

The paper says that its final spaces follow from the initial ones, not by which rule. Ours: a range
on a logarithmic scale becomes that of the good trials of the boundary check, with room on both
sides. The ends of n points drawn evenly from an interval lie, on average, 1 / (n - 1) of their span
inside of it; the room is that, at least half a decade, and at most half of the initial range.
Ranges of the schedule, uniform ones and choices, stay.

A final space is accepted once a search in it passes the boundary check.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tfoptcmp.analysis.boundary import good_trials
from tfoptcmp.analysis.distributions import FloatArray
from tfoptcmp.analysis.studies import StudyResults
from tfoptcmp.spaces import LogUniform, SearchSpace

_LEAST_GOOD = 5
_LEAST_ROOM = math.log(10) / 2


def final_spaces(studies: Sequence[StudyResults]) -> dict[str, SearchSpace]:
    """Returns each study's space narrowed to its good trials; signature name to space.

    Studies with fewer than 15 feasible trials are left out: their good ones are too few to tell.
    """
    spaces = {results.name: _final_space(results, good_trials(results)) for results in studies}
    return {name: space for name, space in spaces.items() if space}


def _final_space(results: StudyResults, good: pd.DataFrame) -> SearchSpace | None:
    if len(good) < _LEAST_GOOD:
        return None
    space = results.signature.space
    narrowed = {
        name: _narrowed(
            dimension,
            np.log(good[f"searched_{name}"].to_numpy(dtype=np.float64)),
            high=space.meaning(name).high,
        )
        for name, dimension in space.dimensions.items()
        if isinstance(dimension, LogUniform)
    }
    return SearchSpace(
        dimensions={**space.dimensions, **narrowed},
        own=space.own,
        source=f"{len(good)} best of {results.num_feasible} feasible trials in the initial space "
        f"({space.source}), {results.config.workload}, {results.config.budget['steps']} steps, "
        f"study seed {results.config.seed}",
    )


def _narrowed(initial: LogUniform, good: FloatArray, *, high: float) -> LogUniform:
    """The range of `good` (logarithms) with room on both sides, below what is allowed."""
    span = float(good.max() - good.min())
    room = max(_LEAST_ROOM, span / (len(good) - 1))
    room = min(room, math.log(initial.high / initial.low) / 2)
    ends = math.exp(good.min() - room), math.exp(good.max() + room)
    return LogUniform(low=_rounded(ends[0]), high=min(_rounded(ends[1]), high))


def _rounded(value: float) -> float:
    """One significant digit, as a person would write it."""
    return float(f"{value:.1g}")
