"""What each setting of one optimizer's runs is: a hyperparameter, a role, a word, or no setting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name
from tfoptcmp.analysis.sources.setting_names import (
    column,
    is_ambiguous,
    is_foreign,
    is_owned,
    names_a_run,
    whose,
)
from tfoptcmp.rules import RULES, rule_named

RangeOf = Callable[[str, str, str], object]
"""Optimizer, name of the setting, name of the column: the range that was searched, if any."""


@dataclass(frozen=True, kw_only=True)
class OfAllRuns:
    """What is known of the settings of all runs, of all optimizers.

    Attributes:
        optimizers: Of each run.
        differing: Settings that differ between runs.
        seeds: Settings that are seeds, the likeliest first.
        roles: `seed` and `steps`, as far as there are such settings, to the setting.
        range_of: What was searched over.
    """

    optimizers: Sequence[str]
    differing: set[str]
    seeds: Sequence[str]
    roles: Mapping[str, str]
    range_of: RangeOf


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """What each setting of one optimizer's runs is.

    Attributes:
        columns: Hyperparameters, the likeliest first, to their columns.
        read: These and the roles, in the order of the runs, to their columns.
        unread: The rest without `apart`: words, and numbers that are no hyperparameters.
        apart: What is no setting: names of runs, where they ran, further seeds.
        texts: Those unread words that differ between the runs.
        constant: Those that do not, to their values.
    """

    columns: Mapping[str, str]
    read: Mapping[str, str]
    unread: Sequence[str]
    apart: Sequence[str]
    texts: Sequence[str]
    constant: Mapping[str, Any]


def kinds_of(optimizer: str, runs: Sequence[Mapping[str, Any]], of_all: OfAllRuns) -> Kinds:
    """Returns what each setting of an optimizer's runs is.

    Args:
        optimizer: Whose runs these are.
        runs: Name to value of each run's settings, see `plain`.
        of_all: What is known of these and the other runs.
    """
    called = {
        name: column
        for name, (owners, column) in ((n, whose(n, of_all.optimizers)) for n in names_of(runs))
        if not owners or optimizer in owners
    }
    varying = {name for name in called if len(values_of(runs, name)) > 1}
    called = _with_one_rate(optimizer, called)
    roles = {name: role for role, name in of_all.roles.items()}

    def was_searched(name: str) -> bool:
        return bool(of_all.range_of(optimizer, name, called[name]))

    apart = [
        name
        for name in called
        if name in (varying | of_all.differing).difference(roles)
        and (name in of_all.seeds or (names_a_run(name) and not was_searched(name)))
    ]
    kept = [name for name in called if name not in apart]
    words = [name for name in kept if any(isinstance(run.get(name), str) for run in runs)]
    asked = [
        name
        for name in kept
        if name not in (*words, *roles)
        and (
            is_hyperparameter(called[name])
            or name in varying | of_all.differing
            or was_searched(name)
        )
    ]
    distance = {n: 0 if is_owned(n, of_all.optimizers) else 1 + is_foreign(n) for n in asked}
    asked.sort(key=lambda name: (distance[name], name not in varying))
    columns = _columns(optimizer, {name: called[name] for name in asked})
    read = {**roles, **columns}
    return Kinds(
        columns=columns,
        read={name: read[name] for name in kept if name in read},
        unread=[name for name in kept if name not in read],
        apart=apart,
        texts=[name for name in words if name in varying],
        constant={name: runs[0][name] for name in words if name not in varying},
    )


def names_of(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the names of all settings, each once, in their order."""
    return list(dict.fromkeys(name for run in runs for name in run))


def values_of(given: Sequence[Mapping[str, Any]], name: str) -> set[str]:
    """Returns the values of a setting as they are `shown`."""
    return {shown(run.get(name)) for run in given}


def shown(value: float | str | None) -> str:
    """Returns a value as it is shown and compared; "" if there is none."""
    return f"{value:.15g}" if isinstance(value, float) else value or ""


def _with_one_rate(optimizer: str, called: Mapping[str, str]) -> dict[str, str]:
    """Setting to column: `alpha` and `eta` beside a learning rate are none."""
    unsure = {name for name, column in called.items() if is_ambiguous(column)}
    if not any(searched_name(called[n], None) == "eta0" for n in called if n not in unsure):
        return dict(called)
    has_alpha = rule_named(optimizer) in (RULES["rmsprop"], RULES["rmsterov"])
    return {
        name: column
        if name not in unsure
        else "rho"
        if has_alpha and column.lower() == "alpha"
        else f"{name}_setting"
        for name, column in called.items()
    }


def _columns(optimizer: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Setting to column; of those that would be one the first is it."""
    rule = rule_named(optimizer)
    taken: set[str] = set()
    found = {}
    for name, called in wanted.items():
        clash = searched_name(called, rule) in taken
        found[name] = f"{name}_setting" if clash else column(called)
        taken.add(searched_name(found[name], rule))
    return found
