"""Translates other tools' names of hyperparameters into ours.

Arguments of optimizers become the names of search spaces, in which small differences near 1 keep
their digits: momentum 0.99 is one_minus_gamma 0.01.
"""

import re
from collections.abc import Iterable
from typing import TypeVar

import pandas as pd

from tfoptcmp.hyperparameters import HYPERPARAMETERS
from tfoptcmp.rules import Rule
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform, Uniform

Values = TypeVar("Values", float, "pd.Series[float]")

# Spellings of arguments: lower case, without "_" and "-".
_ARGUMENTS = {
    "learningrate": "learning_rate",
    "lr": "learning_rate",
    "alpha": "learning_rate",
    "eta": "learning_rate",
    "momentum": "momentum",
    "rho": "rho",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "epsilon": "epsilon",
    "eps": "epsilon",
}

_COMPLEMENTS = {
    meaning.argument: name
    for name, meaning in HYPERPARAMETERS.items()
    if meaning.transform == "one_minus"
}

# A range that spans this factor, about a decade, is taken for one searched on a log scale.
_LOG_SCALE_FACTOR = 9.0
_MOST_CHOICES = 20
_ROUNDING = 1e-6  # relative; tables are written with few digits


def is_hyperparameter(name: str) -> bool:
    """Returns whether a name is one of an optimizer's arguments or of our search spaces."""
    return _letters(name) in _ARGUMENTS or name in HYPERPARAMETERS


def searched_name(name: str, rule: Rule | None) -> str:
    """Returns the search spaces' name of a hyperparameter; unknown names are unchanged.

    Args:
        name: As the tool calls it, e.g. "lr" or "beta1".
        rule: The update rule: Adam's learning rate has another name than Momentum's.
    """
    argument = _ARGUMENTS.get(_letters(name), name)
    if argument == "learning_rate":
        return "eta0" if rule is None else rule.rate
    return _COMPLEMENTS.get(argument, argument)


def searched_value(name: str, value: Values) -> Values:
    """Returns the value, or the values, that belong to `searched_name(name)`."""
    return 1.0 - value if _is_complement(name) else value


def one_of(name: str, values: Iterable[float]) -> Dimension | None:
    """Returns the dimension of a hyperparameter that takes one of several values.

    Args:
        name: As the tool calls it.
        values: Of several that are the same one counts; without any there is no dimension.
    """
    searched = tuple(dict.fromkeys(searched_value(name, float(value)) for value in values))
    if len(searched) > 1:
        return Choice(values=searched)
    return Fixed(fixed=searched[0]) if searched else None


def grid(low: float, high: float, step: float, *, geometric: bool = False) -> list[float]:
    """Returns the values of a grid; none if they are more than 20, which are taken for a range.

    Args:
        low: First value.
        high: No value is higher.
        step: > 0; a factor > 1 if the grid is geometric.
        geometric: Whether each value is a multiple of the one before.
    """
    values = [low]
    while len(values) <= _MOST_CHOICES:
        following = low * step ** len(values) if geometric else low + step * len(values)
        if following > high + 1e-9 * (high - low) or following <= values[-1]:
            return values
        values.append(following)
    return []


def between(name: str, low: float, high: float, *, logarithmic: bool | None = None) -> Dimension:
    """Returns the dimension of a hyperparameter that was searched in a range.

    What is logarithmic in a value near 1 is not in its distance from 1, and counts as uniform.

    Args:
        name: As the tool calls it.
        low: Lower end, <= high; equal if the hyperparameter was fixed.
        high: Upper end.
        logarithmic: Whether it was searched on a log scale; None if the tool does not say, where
            the width of the range decides.
    """
    ends = sorted((searched_value(name, low), searched_value(name, high)))
    if ends[0] == ends[1]:
        return Fixed(fixed=ends[0])
    if logarithmic is None:
        is_log = ends[0] > 0 and ends[1] / ends[0] >= _LOG_SCALE_FACTOR
    else:
        is_log = logarithmic and searched_value(name, 0.0) == 0.0 and low > 0
    return (LogUniform if is_log else Uniform)(low=ends[0], high=ends[1])


def widened(low: Values, high: Values) -> tuple[Values, Values]:
    """Returns the ends of a range, or of several, with room for values that a file rounds."""
    return low - _ROUNDING * abs(low), high + _ROUNDING * abs(high)


def ends_of(searched: str, dimension: Dimension) -> tuple[float, float]:
    """Returns the same of a dimension: in what is left to 1 the digits of the other part count."""
    low, high = float(dimension.low), float(dimension.high)
    if searched not in _COMPLEMENTS.values():
        return widened(low, high)
    return low - min(_ROUNDING, low / 2), high + _ROUNDING


def _letters(name: str) -> str:
    return re.sub("[_-]", "", name.lower())


def _is_complement(name: str) -> bool:
    return _ARGUMENTS.get(_letters(name)) in _COMPLEMENTS
