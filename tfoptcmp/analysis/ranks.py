"""Numbers in ascending order, in which those that are equal form groups.

Most statistics need this order of the same trials, and of many trials sorting takes longest:
`Contestant.ranks` keeps it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranks:
    """Numbers and their order; make it with `ranks_of`.

    Attributes:
        values: float64 [n], as they were given; may hold -inf and inf, no NaN.
        order: int [n], the places of the values in ascending order, the first of ties first.
        starts: int [g], where each group begins in that order.
    """

    values: NDArray[np.float64]
    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def sizes(self) -> NDArray[np.intp]:
        """How many are in each group, int [g]."""
        return np.diff(self.starts, append=len(self))

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """The group of each value, int [n]."""
        groups = np.empty(len(self), dtype=np.intp)
        groups[self.order] = np.repeat(np.arange(len(self.starts)), self.sizes)
        return groups

    @property
    def distinct(self) -> NDArray[np.float64]:
        """What all of a group are, ascending, float64 [g]."""
        return self.values[self.order[self.starts]]


def ranks_of(values: Ranks | Sequence[float] | NDArray[np.float64]) -> Ranks:
    """Returns the ranks of numbers; ranks are returned as they are.

    Args:
        values: [n], no NaN.

    Raises:
        ValueError: If they are no list.
    """
    if isinstance(values, Ranks):
        return values
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1:
        raise ValueError(f"values must be a list of numbers; got an array of {numbers.shape}")
    order = np.argsort(numbers, kind="stable")
    ranked = numbers[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]][: len(ranked)])
    return Ranks(values=numbers, order=order, starts=starts)
