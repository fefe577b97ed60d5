"""Search spaces of a study in a box: what to run where the trials cannot answer for it."""

from collections.abc import Sequence

from tfoptcmp.analysis.comparison import Comparison, Limit
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.restriction import Box, as_searched
from tfoptcmp.spaces import Choice, Dimension, Fixed, SearchSpace


def restricted_spaces(comparison: Comparison, box: Box) -> tuple[dict[str, SearchSpace], list[str]]:
    """Returns the search spaces of a study in a box, and what stands in the way of some.

    Returns:
        Name of the optimizer to its space on record with the box's limits; and a sentence for each
        optimizer of the box that has none.
    """
    spaces, missing = {}, []
    for name in dict.fromkeys(limit.optimizer for limit in box):
        one = comparison.named(name)
        try:
            spaces[name] = _space(one, [limit for limit in box if limit.optimizer == name])
        except ValueError as error:
            missing.append(f"{one.title}: {error}")
    return spaces, missing


def _space(one: Contestant, limits: Sequence[Limit]) -> SearchSpace:
    space = one.space
    if space is None:
        raise ValueError("search the restricted ranges with the tool that made these trials")
    changed = dict(_narrowed(one, limit) for limit in limits)
    told = ", ".join(f"{limit.name}={limit.low:g}..{limit.high:g}" for limit in limits)
    return SearchSpace(
        dimensions={**space.dimensions, **changed},
        own=space.own,
        source=f"{space.source}; restricted to {told}",
    )


def _narrowed(one: Contestant, told: Limit) -> tuple[str, Dimension]:
    """The searched name that a limit is of, and its dimension in the box."""
    limit = as_searched(one, told)
    if limit.name not in one.free:
        raise ValueError(
            f"{limit.name} is no dimension of its search space ({', '.join(one.free)}), so the box "
            f"is none of it: write a space that searches {limit.name} itself"
        )
    dimension = one.dimensions[limit.name]
    assert not isinstance(dimension, Fixed), "free dimensions are not"
    if isinstance(dimension, Choice):
        inside = tuple(v for v in dimension.values if limit.low <= v <= limit.high)
        return limit.name, Choice(values=inside)
    return limit.name, type(dimension)(low=limit.low, high=limit.high)
