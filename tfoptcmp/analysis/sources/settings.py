"""The settings of a tool's runs: the one answer of all importers to what a setting is.

An importer gives the settings of each run, name to value, and each run's optimizer. Names may have
folders, separated by "/", "." or ":".

    {"optimizer.name": "adam", "adam.lr": 0.1, "sgd.lr": 1.0, "seed": 3, "epochs": 9, "ema": True}

- `optimizer_settings` says which of them names the optimizer.
- A setting is one optimizer's if its name is an argument's after or before the optimizer's:
  "adam_lr", "lr/adam". So is all in the optimizer's folder. It says nothing of the others, and is
  called "lr" in its own trials.
- A folder does not count if it is the optimizer's ("optimizer/lr") or one of all settings
  ("config.lr"), and a learning rate is one in any folder: "model/eps" is a layer's.
- `alpha` and `eta` are the learning rate if there is no other; else RMSprop's `alpha` is its rho.
- A number is a number or a text that is one. A switch (true, false) is a word, as "on" and "off"
  are: 0 and 1 would be values of a hyperparameter.
- Hyperparameters are numbers that are known arguments of optimizers, that differ between runs, or
  that have a range. Words that differ keep runs apart.
- What names a run or where it ran is no setting, nor is a seed beside another.
- If two settings would be one hyperparameter, it is the one that is the optimizer's own, or else
  not in a folder of something else, or that varies, or the first. The other is called
  `<name>_setting`, as is one called like a result.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd

from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name
from tfoptcmp.analysis.sources.setting_names import (
    column,
    is_ambiguous,
    is_foreign,
    is_owned,
    is_role,
    part,
    short,
    whose,
)
from tfoptcmp.rules import RULES, rule_named

_SWITCHES = {"true", "false", "yes", "no", "on", "off"}
_OTHER_ROLES = ("optimizer", "schedule", "seed", "steps", "model", "workload")

RangeOf = Callable[[str, str, str], object]
"""Optimizer, name of the setting, name of the column: the range that was searched, if any."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the settings of runs become.

    Attributes:
        table: One row per run: `optimizer`, a column for each hyperparameter, and `seed`, `steps`
            and `rule` if there are such settings; numbers as float64, NaN where a run has none.
        columns: Optimizer to the setting as its tool calls it to its column.
        roles: `seed` and `steps`, as far as there are such settings, to the setting.
        unread: The other settings, of the same rows; empty where they are another optimizer's.
        schedules: Optimizer to the name of its learning-rate schedule.
        said: What is to be said of them, in sentences.
    """

    table: pd.DataFrame
    columns: Mapping[str, Mapping[str, str]]
    roles: Mapping[str, str]
    unread: pd.DataFrame
    schedules: Mapping[str, str]
    said: tuple[str, ...]

    def shared(self) -> dict[str, str]:
        """Returns what is one setting for all optimizers: a role, or a known argument, to it."""
        found: dict[str, set[str]] = {}
        for of_one in self.columns.values():
            for name, called in of_one.items():
                if is_hyperparameter(called):
                    found.setdefault(called, set()).add(name)
        known = {called: names.pop() for called, names in sorted(found.items()) if len(names) == 1}
        return {**self.roles, **known}


def settings_of(
    runs: Sequence[Mapping[str, Any]],
    optimizers: Sequence[str],
    range_of: RangeOf = lambda optimizer, setting, column: None,
    *,
    has_steps: bool = False,
) -> Settings:
    """Returns what the settings of runs become.

    Args:
        runs: Name to value of each run's settings, without those that are used otherwise.
        optimizers: Of each run, see `spelled`.
        range_of: What was searched over.
        has_steps: Whether it is known otherwise how long each run was.
    """
    given = [{n: known for n, v in run.items() if (known := plain(v)) is not None} for run in runs]
    differing = {name for name in _names(given) if len(_values(given, name) - {""}) > 1}
    seeds = sorted(_numbers(given, "seed"), key=lambda n: (-len(_values(given, n)), len(n)))
    budgets = [] if has_steps else _budgets(given, differing)
    roles = {k: names[0] for k, names in (("seed", seeds), ("steps", budgets)) if names}
    of_all = _OfAll(
        optimizers=optimizers, differing=differing, seeds=seeds, roles=roles, range_of=range_of
    )
    rows: list[dict[str, Any]] = [{"optimizer": name} for name in optimizers]
    unread: list[dict[str, Any]] = [{} for _ in runs]
    each = {}
    for optimizer in dict.fromkeys(optimizers):
        where = [i for i, one in enumerate(optimizers) if one == optimizer]
        kinds = each[optimizer] = _kinds(optimizer, [given[i] for i in where], of_all)
        switches = (v for n, v in kinds.constant.items() if n.lower().endswith("nesterov"))
        rule = {"rule": "nesterov"} if any(is_nesterov(optimizer, v) for v in switches) else {}
        for i in where:
            rows[i] |= {column: given[i].get(n, math.nan) for n, column in kinds.read.items()}
            rows[i] |= rule
            if seed := [given[i][name] for name in seeds if name in given[i]]:
                rows[i]["seed"] = seed[0]
            unread[i] |= {n: given[i].get(n) for n in kinds.unread}
    return Settings(
        table=pd.DataFrame(rows),
        columns={optimizer: kinds.columns for optimizer, kinds in each.items()},
        roles=roles,
        unread=pd.DataFrame(unread, index=range(len(runs))),
        schedules={
            optimizer: short(schedules[0])
            for optimizer, kinds in each.items()
            if (schedules := [v for n, v in kinds.constant.items() if is_role(n, "schedule")])
        },
        said=(*_said(roles, each.values()), *differing_between(given, optimizers)),
    )


@dataclass(frozen=True, kw_only=True)
class _OfAll:
    """What the settings of one optimizer are read by: see `settings_of`.

    Attributes:
        optimizers: Of each run.
        differing: Settings that differ between runs, be they of one optimizer or of several.
        seeds: Settings that are seeds, the likeliest first.
        roles: As in `Settings`.
        range_of: What was searched over.
    """

    optimizers: Sequence[str]
    differing: set[str]
    seeds: Sequence[str]
    roles: Mapping[str, str]
    range_of: RangeOf


@dataclass(frozen=True, kw_only=True)
class _Kinds:
    """What each setting of one optimizer's runs is.

    Attributes:
        columns: Hyperparameters, the likeliest first, to their columns.
        read: These and the roles, in the order of the runs, to their columns.
        unread: What is neither.
        apart: What is no setting: names of runs, where they ran, further seeds.
        texts: Words that differ between the runs.
        constant: Words that do not, to their values.
    """

    columns: Mapping[str, str]
    read: Mapping[str, str]
    unread: Sequence[str]
    apart: Sequence[str]
    texts: Sequence[str]
    constant: Mapping[str, Any]


def _kinds(optimizer: str, runs: Sequence[Mapping[str, Any]], of_all: _OfAll) -> _Kinds:
    called = {
        name: column
        for name, (owners, column) in ((n, whose(n, of_all.optimizers)) for n in _names(runs))
        if not owners or optimizer in owners
    }
    varying = {name for name in called if len(_values(runs, name)) > 1}
    called = _with_one_rate(optimizer, called)
    roles = {name: role for role, name in of_all.roles.items()}

    def was_searched(name: str) -> bool:
        return bool(of_all.range_of(optimizer, name, called[name]))

    apart = [
        name
        for name in called
        if name in (varying | of_all.differing).difference(roles)
        and (name in of_all.seeds or (_names_a_run(name) and not was_searched(name)))
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
    return _Kinds(
        columns=columns,
        read={name: read[name] for name in kept if name in read},
        unread=[name for name in kept if name not in read],
        apart=apart,
        texts=[name for name in words if name in varying],
        constant={name: runs[0][name] for name in words if name not in varying},
    )


def _said(roles: Mapping[str, str], each: Collection[_Kinds]) -> list[str]:
    apart = ", ".join(dict.fromkeys(name for kinds in each for name in kinds.apart))
    texts = ", ".join(dict.fromkeys(name for kinds in each for name in kinds.texts))
    said = []
    if "steps" in roles:
        said.append(f"{roles['steps']!r} is what a trial spent, and shown as its steps.")
    if apart:
        said.append(f"No settings, but names of runs, where they ran, or further seeds: {apart}.")
    if texts:
        said.append(f"Trials of one optimizer differ in what is no number: {texts}.")
    return said


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested settings with names joined by "/"; a list is one value."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        key = f"{prefix}{name}".replace(".", "/")
        if isinstance(value, Mapping):
            found.update(flat(value, f"{key}/"))
        else:
            found[key] = value
    return found


def number(value: object) -> float | None:
    """Returns a number, also of a text that is one; None of a switch and of all else."""
    if isinstance(value, bool) or not isinstance(value, Real | str):
        return None
    try:
        return None if "_" in str(value) else float(value)  # "2024_05_01" is a day
    except ValueError:
        return None


def plain(value: Any) -> float | str | None:
    """Returns a setting's value as a number, if it is one, or as a text; None for null and NaN."""
    known = number(value)
    if known is not None:
        return None if math.isnan(known) else known
    if value is None or isinstance(value, str):
        return value or None
    return json.dumps(value, sort_keys=True, default=str)


def optimizer_settings(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the settings that name the optimizer, the likeliest first; often one or none.

    They are texts other than of a switch. One that differs between runs comes before one that does
    not, then one without a folder, then `optimizer`. `inner_optimizer` counts if there is no other;
    so do `algorithm` and `method`, if they differ between runs or name a rule: "PPO" is none.
    """
    found = []
    for name in _names(runs):
        given = [plain(run.get(name)) for run in runs]
        values = {one for one in given if one is not None}
        is_method = is_role(name, "method")
        if not (is_role(name, "optimizer") or is_method):
            continue
        if {str(one).lower() for one in values} <= _SWITCHES:
            continue
        differ = len(set(given)) > 1
        if all(
            isinstance(one, str) and (differ or not is_method or rule_named(one)) for one in values
        ):
            within = part(name)
            kind = is_method, bool(within) and within[-1] not in "./:"
            found.append((kind, (not differ, bool(within), "optimi" not in name.lower()), name))
    found.sort(key=lambda one: one[:2])
    return [name for kind, _, name in found if kind == found[0][0]]


def spelled(names: Iterable[object]) -> list[str]:
    """Returns names of optimizers without modules, and in one spelling: Adam, adam are Adam."""
    first: dict[str, str] = {}
    return [first.setdefault(one.casefold(), one) for one in map(short, names)]


def is_nesterov(optimizer: str, switch: object) -> bool:
    """Returns whether a switch `nesterov` is on and means something: only SGD has it."""
    sgd = rule_named(optimizer) in (RULES["sgd"], RULES["momentum"])
    return sgd and str(switch).strip().lower() in ("true", "1", "1.0")


def differing_between(
    runs: Sequence[Mapping[str, Any]], optimizers: Sequence[str]
) -> tuple[str, ...]:
    """Says which settings are the same in all runs of an optimizer, and differ between two.

    Those that are hyperparameters, schedules or one optimizer's are not said, nor what names a run.
    """
    told = []
    for name in _names(runs):
        owners, called = whose(name, optimizers)
        others = any(is_role(name, role) for role in ("optimizer", "schedule", "seed"))
        if owners or _names_a_run(name) or others or is_hyperparameter(called):
            continue
        mine: dict[str, set[str]] = {}
        for optimizer, run in zip(optimizers, runs, strict=True):
            mine.setdefault(optimizer, set()).add(_shown(plain(run.get(name))))
        values = ["".join(of_one) for of_one in mine.values() if len(of_one) == 1]
        if len(values) == len(mine) and all(values) and len(set(values)) > 1:
            each = ", ".join(map(" ".join, zip(mine, values, strict=True)))
            told.append(f"{name} differs between optimizers: {each}.")
    return tuple(told)


def _names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run))


def _shown(value: float | str | None) -> str:
    """A value as it is shown and compared; "" if there is none."""
    return f"{value:.15g}" if isinstance(value, float) else value or ""


def _values(given: Sequence[Mapping[str, Any]], name: str) -> set[str]:
    return {_shown(run.get(name)) for run in given}


def _numbers(given: Sequence[Mapping[str, Any]], role: str) -> list[str]:
    """The settings that are numbers and have a name of this role."""
    known = [name for name in _names(given) if is_role(name, role)]
    return [n for n in known if not any(isinstance(run.get(n), str) for run in given)]


def _budgets(given: Sequence[Mapping[str, Any]], differing: set[str]) -> list[str]:
    """The settings that say how long a run was, the likeliest first; -1 is no limit.

    One that differs comes first, then one that says of what it is: "max_steps", not "steps".
    """
    known = [
        name
        for name in _numbers(given, "steps")
        if all(0 < run.get(name, 1.0) < math.inf for run in given)
    ]

    def is_whole(name: str) -> bool:
        return "max" in name.lower() or "total" in name.lower() or "train_" in name.lower()

    return sorted(known, key=lambda name: (name not in differing, not is_whole(name), len(name)))


def _names_a_run(name: str) -> bool:
    return is_role(name, "run") and not any(is_role(name, role) for role in _OTHER_ROLES)


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
