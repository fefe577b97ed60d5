"""Ranges out of the distributions that Optuna sampled from."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfoptcmp.analysis.sources.names import between, grid, one_of, searched_name, widened
from tfoptcmp.analysis.sources.optuna_study import of_distribution
from tfoptcmp.analysis.sources.settings import number
from tfoptcmp.rules import rule_named
from tfoptcmp.spaces import Dimension


def ranges(
    trials: Iterable[tuple[str, Mapping[str, Mapping[str, Any]]]],
    columns: Mapping[str, Mapping[str, str]],
    outside: Mapping[tuple[str, str], int] | None = None,
) -> tuple[dict[str, dict[str, Dimension]], list[str]]:
    """Returns the ranges of each optimizer, and what is to be said of those that are unclear.

    Args:
        trials: Optimizer and distributions of each trial.
        columns: Optimizer to parameter to column, see `settings.Settings`.
        outside: Optimizer and parameter to the number of trials that `is_outside`.
    """
    of_optimizer: dict[str, list[Mapping[str, Mapping[str, Any]]]] = {}
    for optimizer, distributions in trials:
        of_optimizer.setdefault(optimizer, []).append(distributions)
    found: dict[str, dict[str, Dimension]] = {}
    said = []
    for optimizer, names in columns.items():
        rule = rule_named(optimizer)
        for name, column in names.items():
            known = [each[name] for each in of_optimizer[optimizer] if name in each]
            dimensions = {repr(one): one for each in known if (one := _dimension(column, each))}
            if len(dimensions) > 1:
                said.append(
                    f"{optimizer}: the range of {name} changed between trials, so it has none here."
                )
            elif count := (outside or {}).get((optimizer, name), 0):
                values = f"{count} {'value lies' if count == 1 else 'values lie'}"
                said.append(
                    f"{optimizer}: {values} outside the range of {name} on record, as of enqueued "
                    "trials, so it has none here."
                )
            elif dimensions:
                (dimension,) = dimensions.values()
                found.setdefault(optimizer, {})[searched_name(column, rule)] = dimension
    return found, said


def is_outside(value: Any, distribution: Mapping[str, Any]) -> bool:
    """Returns whether a value cannot come from a distribution: `enqueue_trial` takes any."""
    low, high = (of_distribution(distribution, end) for end in ("low", "high"))
    if low is None or high is None or (given := number(value)) is None:
        return False
    first, last = widened(float(low), float(high))
    return not first <= given <= last


def _dimension(column: str, distribution: Mapping[str, Any]) -> Dimension | None:
    """Returns the dimension of a column that was sampled from a distribution."""
    if (choices := of_distribution(distribution, "choices")) is not None:
        found = map(number, choices)
        return one_of(column, [one for one in found if one is not None])  # None: without it
    low, high = (float(of_distribution(distribution, end)) for end in ("low", "high"))
    kind = str(distribution.get("name", distribution.get("type", "")))
    log = bool(of_distribution(distribution, "log")) or "Log" in kind
    step = of_distribution(distribution, "step") or of_distribution(distribution, "q")
    if step and not log and (values := grid(low, high, float(step))):
        return one_of(column, values)
    return between(column, low, high, logarithmic=log)
