"""Studies of Optuna as its files have them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

METRIC_NAMES = "study:metric_names"
"""A study's system attribute: the names of its objectives."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial of a study.

    Attributes:
        state: COMPLETE, PRUNED, FAIL, RUNNING or WAITING.
        value: Of the objective; NaN if there is none.
        reported: Step to the value that was reported during the trial.
        parameters: Name to value, as the objective got it.
        distributions: Name to distribution, as Optuna's JSON; empty if not on record.
        attributes: Those that the user set.
    """

    state: str
    value: float = math.nan
    reported: dict[int, float] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study.

    Attributes:
        name: Its name; of a CSV, the file's.
        path: File that it was read from.
        directions: MINIMIZE, MAXIMIZE or NOT_SET of each objective; NOT_SET if not on record.
        trials: In the order of their numbers.
        objective: Name of the (first) objective; "" if it has none.
        has_distributions: Whether the file has them.
    """

    name: str
    path: Path
    directions: tuple[str, ...]
    trials: tuple[Trial, ...]
    objective: str = ""
    has_distributions: bool = True


def external(value: Any, distribution: Mapping[str, Any]) -> Any:
    """Returns what the objective got for a value on record: of a choice, that is its place."""
    choices = of_distribution(distribution, "choices")
    return value if choices is None else choices[int(value)]


def of_distribution(distribution: Mapping[str, Any], name: str) -> Any:
    """Returns a property of a distribution in Optuna's JSON; None if it has none of that name."""
    properties: Mapping[str, Any] = distribution.get("attributes", distribution)
    return properties.get(name)
