"""Search spaces in keras-tuner's terms: the only file that knows `SearchSpace` and keras_tuner.

keras-tuner's `HyperParameters` is a list of entries, each with a name, a range and conditions under
which it is active. Coordinates of a point belong to *names*, never to positions in that list: a
round trip through keras-tuner's gRPC sorts the list by type. No two entries may share a name:
keras-tuner removes the value of one because the other is inactive, and draws another at random.
"""

from collections.abc import Mapping
from typing import Any

import keras_tuner

from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform

_FIXED = keras_tuner.engine.hyperparameters.Fixed


def declare(space: SearchSpace) -> keras_tuner.HyperParameters:
    """Returns a search space as keras-tuner's, with the same names in the same order.

    The points of [0, 1)^d have the same values in both, up to rounding.
    """
    hyperparameters = keras_tuner.HyperParameters()
    for name, dimension in space.dimensions.items():
        match dimension:
            case LogUniform(low=low, high=high):
                hyperparameters.Float(name, low, high, sampling="log")
            case Uniform(low=low, high=high):
                hyperparameters.Float(name, low, high)
            case Choice(values=values):  # keras-tuner wants one type
                hyperparameters.Choice(name, [float(value) for value in values])
            case Fixed(fixed=fixed):
                hyperparameters.Fixed(name, float(fixed))
    return hyperparameters


def tuned_names(hyperparameters: keras_tuner.HyperParameters) -> list[str]:
    """Returns the names that need a coordinate, each once, in the order of their declaration."""
    return list(dict.fromkeys(e.name for e in hyperparameters.space if not isinstance(e, _FIXED)))


def check_names(hyperparameters: keras_tuner.HyperParameters) -> None:
    """Raises ValueError if a name stands under several conditions."""
    names = [entry.name for entry in hyperparameters.space]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"each hyperparameter must stand under one condition only; {', '.join(twice)} under "
            "several. keras-tuner would give it random values; use a name for each condition"
        )


def values(
    hyperparameters: keras_tuner.HyperParameters, coordinates: Mapping[str, float]
) -> dict[str, Any]:
    """Maps a point to the values of the entries that are active there.

    Args:
        hyperparameters: The space: entries of any type and sampling, conditions included.
        coordinates: Name to coordinate in [0, 1), for every name of `tuned_names`.

    Returns:
        Name to value, as Python numbers, strings and booleans, for active entries only.
    """
    found: dict[str, Any] = {}
    grown = True
    while grown:  # an entry may come before the one that its condition names
        grown = False
        for entry in hyperparameters.space:
            if entry.name in found or not all(c.is_active(found) for c in entry.conditions):
                continue
            found[entry.name] = (
                entry.value
                if isinstance(entry, _FIXED)
                else entry.prob_to_value(coordinates[entry.name])
            )
            grown = True
    return found
