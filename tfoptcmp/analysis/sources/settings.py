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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd

from tfoptcmp.analysis.sources.names import is_hyperparameter
from tfoptcmp.analysis.sources.setting_kinds import (
    Kinds,
    OfAllRuns,
    RangeOf,
    kinds_of,
    names_of,
    shown,
    values_of,
)
from tfoptcmp.analysis.sources.setting_names import is_role, names_a_run, part, short, whose
from tfoptcmp.rules import RULES, rule_named

_SWITCHES = {"true", "false", "yes", "no", "on", "off"}


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
    differing = {name for name in names_of(given) if len(values_of(given, name) - {""}) > 1}
    seeds = sorted(_numbers(given, "seed"), key=lambda n: (-len(values_of(given, n)), len(n)))
    budgets = [] if has_steps else _budgets(given, differing)
    roles = {k: names[0] for k, names in (("seed", seeds), ("steps", budgets)) if names}
    of_all = OfAllRuns(
        optimizers=optimizers, differing=differing, seeds=seeds, roles=roles, range_of=range_of
    )
    rows: list[dict[str, Any]] = [{"optimizer": name} for name in optimizers]
    unread: list[dict[str, Any]] = [{} for _ in runs]
    each = {}
    for optimizer in dict.fromkeys(optimizers):
        where = [i for i, one in enumerate(optimizers) if one == optimizer]
        kinds = each[optimizer] = kinds_of(optimizer, [given[i] for i in where], of_all)
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


def _said(roles: Mapping[str, str], each: Collection[Kinds]) -> list[str]:
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
    for name in names_of(runs):
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
    for name in names_of(runs):
        owners, called = whose(name, optimizers)
        others = any(is_role(name, role) for role in ("optimizer", "schedule", "seed"))
        if owners or names_a_run(name) or others or is_hyperparameter(called):
            continue
        mine: dict[str, set[str]] = {}
        for optimizer, run in zip(optimizers, runs, strict=True):
            mine.setdefault(optimizer, set()).add(shown(plain(run.get(name))))
        values = ["".join(of_one) for of_one in mine.values() if len(of_one) == 1]
        if len(values) == len(mine) and all(values) and len(set(values)) > 1:
            each = ", ".join(map(" ".join, zip(mine, values, strict=True)))
            told.append(f"{name} differs between optimizers: {each}.")
    return tuple(told)


def _numbers(given: Sequence[Mapping[str, Any]], role: str) -> list[str]:
    """The settings that are numbers and have a name of this role."""
    known = [name for name in names_of(given) if is_role(name, role)]
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
