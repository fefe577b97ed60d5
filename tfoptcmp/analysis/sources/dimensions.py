"""Ranges that another tool records, as dimensions of the searched names.

A range of momentum [0.8, 0.99] is one of one_minus_gamma [0.01, 0.2]; `names` translates.
"""

from collections.abc import Sequence

from tfoptcmp.analysis.sources.names import searched_value
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform, Uniform


def one_of(column: str, values: Sequence[float]) -> Dimension:
    """Returns the dimension of a hyperparameter that takes one of several values.

    Args:
        column: As the tool calls the hyperparameter.
        values: At least one; of several that are the same one counts.
    """
    searched = tuple(dict.fromkeys(searched_value(column, float(value)) for value in values))
    return Choice(values=searched) if len(searched) > 1 else Fixed(fixed=searched[0])


def between(column: str, low: float, high: float, *, logarithmic: bool) -> Dimension:
    """Returns the dimension of a hyperparameter that lies in a range.

    What is logarithmic in a value near 1 is not in its distance from 1, and counts as uniform.

    Args:
        column: As the tool calls the hyperparameter.
        low: Lower end, <= high.
        high: Upper end.
        logarithmic: Whether it was searched on a log scale.
    """
    if low == high:
        return one_of(column, [low])
    ends = sorted((searched_value(column, low), searched_value(column, high)))
    is_log = logarithmic and ends == [low, high] and low > 0
    return LogUniform(low=low, high=high) if is_log else Uniform(low=ends[0], high=ends[1])
