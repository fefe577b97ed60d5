"""Cutting a box where it is bad: boxes around a valley that runs across them.

Where the best value of one hyperparameter depends on another, good points lie everywhere in the
range of both, and most of the box that holds them all is bad: RMSProp on digits ends at chance in
half of it. Here slices are peeled off the box one after the other, as long as too much of it is
bad: each time the twentieth of the points, at one end of one range, of which most are bad (Friedman
and Fisher 1999, "Bump hunting in high-dimensional data", whose boxes are peeled by their mean).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tfoptcmp.analysis.statistics.best_of_k import FloatArray

Range = tuple[float, float]
"""Low and high end, in decades."""

LEAST_DECADES = 1.0
"""No range is made shorter."""

_MOST_BAD = 0.1  # of the box
_SLICE = 0.05  # of the points in the box
_FEWEST = 50  # points in the box
_ROOM = 0.25  # decades, between the best point and an end that is peeled


def peeled(
    ranges: Mapping[str, Range], logs: Mapping[str, FloatArray], bad: NDArray[np.bool_], best: int
) -> dict[str, Range]:
    """Returns ranges of which a tenth of the points at most are bad, as far as that is possible.

    No range becomes shorter than a decade, and the best point stays inside, away from the ends.

    Args:
        ranges: Name to range, at the beginning.
        logs: Name to the place in decades of each point, float64 [n].
        bad: bool [n], the points that are.
        best: Which point is best.
    """
    found = dict(ranges)
    while True:
        kept = _inside(found, logs)
        if kept.sum() < _FEWEST or bad[kept].mean() <= _MOST_BAD:
            return found
        slices = []
        for name, (low, high) in found.items():
            ends = np.quantile(logs[name][kept], (_SLICE, 1 - _SLICE))
            least, most = logs[name][best] - _ROOM, logs[name][best] + _ROOM
            shorter = [(float(ends[0]), high)] if ends[0] <= least else []
            shorter += [(low, float(ends[1]))] if ends[1] >= most else []
            for one in shorter:
                gone = kept & ~_inside({**found, name: one}, logs)
                if one[1] - one[0] >= LEAST_DECADES and gone.any():
                    slices.append((float(bad[gone].mean()), name, one))
        worst = max(slices, default=(0.0, "", (0.0, 0.0)))
        if worst[0] <= bad[kept].mean():
            return found
        found[worst[1]] = worst[2]


def _inside(ranges: Mapping[str, Range], logs: Mapping[str, FloatArray]) -> NDArray[np.bool_]:
    inside = [(logs[name] >= low) & (logs[name] <= high) for name, (low, high) in ranges.items()]
    return np.asarray(np.logical_and.reduce(inside))
