"""How a study draws the points of its search space: in an endless sequence, or on a grid."""

import math

from tfoptcmp.tuners.points import SEARCHES, grid_point

from tfoptcmp.spaces import Choice, Fixed, SearchSpace
from tfoptcmp.study import schema
from tfoptcmp.study.schema import GRID


def point_of(space: SearchSpace, search: str, index: int, *, seed: int) -> tuple[float, ...]:
    """Returns a point of a search space's cube, `num_dims` coordinates in [0, 1).

    Args:
        space: Of a grid: with choices and fixed values only.
        search: One of `schema.SEARCHES`.
        index: Number of the point, from 0; of a grid, below its size.
        seed: Of the sequence; a grid does not use it.

    Raises:
        ValueError: If there is no such search or no such point.
    """
    if search == GRID:
        return grid_point(index, sizes=_sizes(space))
    if search not in SEARCHES:
        raise ValueError(f"search must be one of {list(schema.SEARCHES)}; got {search!r}")
    return SEARCHES[search](index, num_dims=space.num_dims, seed=seed)


def grid_size(space: SearchSpace) -> int:
    """Returns the number of points of a grid search.

    Raises:
        ValueError: If a dimension is a range; the message names it.
    """
    return math.prod(_sizes(space))


def trial_counts(
    space: SearchSpace, search: str, *, num_feasible: int, max_trials: int
) -> tuple[int, int]:
    """Returns a study's N and its limit on all trials; for a grid both are its size."""
    if search != GRID:
        return num_feasible, max_trials
    return grid_size(space), grid_size(space)


def _sizes(space: SearchSpace) -> list[int]:
    sizes = []
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, Choice):
            sizes.append(len(dimension.values))
        elif not isinstance(dimension, Fixed):
            raise ValueError(
                f"a grid search needs a space of choices and fixed values; {name} is {dimension!r}"
            )
    return sizes
