"""The settings of a tool's runs: the one answer of all importers to what a setting is.

An importer gives the settings of each run, name to value, and each run's optimizer. Names may have
folders, separated by "/", "." or ":".

    {"optimizer.name": "adam", "adam.lr": 0.1, "sgd.lr": 1.0, "seed": 3, "epochs": 9, "ema": True}

- `optimizer_settings` says which of them names the optimizer.
- A setting is one optimizer's if its name begins or ends with the optimizer's, as a word of its
  own: "adam_lr", "lr/adam". It says nothing of the others, and is called "lr" in its own trials.
- A folder does not count if it is the optimizer's ("optimizer/lr") or one of all settings
  ("config.lr"), and a learning rate is one in any folder: "model/eps" is a layer's.
- A number is a number or a text that is one. A switch (true, false) is a word, as "on" and "off"
  are: 0 and 1 would be values of a hyperparameter.
- Hyperparameters are numbers that are known arguments of optimizers, that differ between runs, or
  that have a range. Words that differ keep runs apart.
- If two settings would be one hyperparameter, it is the one that is the optimizer's own, or else
  that varies, or the first. The other is called `<name>_setting`, as is one called like a result.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd

from tfoptcmp.analysis.sources.columns import RESULTS
from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name
from tfoptcmp.rules import RULES, rule_named

_APART = r"[\W_]"
_OPTIMIZER = r"opt|optim|optimi[sz]er"
_KIND = rf"(?:{_APART}*(?:name|type|class|class_name|kind|target)_?)?"
_ROLES = {
    "optimizer": rf"(.*{_APART})?(?:{_OPTIMIZER}){_KIND}",
    "method": rf"(.*[./:])?(?:algorithm|algo|method){_KIND}",
    "seed": rf"(.*{_APART})?(?:random|rng|global)?seed",
    "steps": r"(.*[./:])?(?:(?:num|max|train|training|total|n)[_-]?)*"
    r"(?:steps|epochs|iterations|iters)",
    "schedule": rf"(.*{_APART})?(?:lr)?scheduler?{_KIND}",
    "workload": rf"(.*{_APART})?(?:workload|data|data[_-]?set|task|test_?problem|problem){_KIND}",
    "model": rf"(.*{_APART})?(?:model|arch|architecture){_KIND}",
    # Words that name a run, a place or a day.
    "run": rf"(.*{_APART})?(?:path|dir|directory|folder|file|name|id|uuid|url|uri|commit|host|"
    r"hostname|device|checkpoint|ckpt|resume|date|time|timestamp|project|entity|group|tags?|notes?)",
}
# Folders of all settings.
_FOLDERS = (
    *("config", "cfg", "args", "hp", "hparams", "params", "parameters", "hyperparameters"),
    *("train", "training", "trainer", "experiment"),
)

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
    everywhere = {name: {_shown(run.get(name)) for run in given} - {""} for name in _names(given)}
    roles = {
        role: name
        for role in (("seed",) if has_steps else ("seed", "steps"))
        if (name := min(_with_role(given, role), key=len, default=""))
    }
    rows: list[dict[str, Any]] = [{"optimizer": name} for name in optimizers]
    unread: list[dict[str, Any]] = [{} for _ in runs]
    columns: dict[str, dict[str, str]] = {}
    schedules: dict[str, str] = {}
    texts: dict[str, None] = {}
    for optimizer in dict.fromkeys(optimizers):
        mine = [i for i, one in enumerate(optimizers) if one == optimizer]
        own = {
            name: called
            for name, (owner, called) in ((n, whose(n, optimizers)) for n in everywhere)
            if owner in ("", optimizer) and any(name in given[i] for i in mine)
        }
        varying = {n for n in own if len({_shown(given[i].get(n)) for i in mine}) > 1}
        words = [n for n in own if any(isinstance(given[i].get(n), str) for i in mine)]
        asked = [
            name
            for name in own
            if name not in (*words, *roles.values())
            and (
                is_hyperparameter(own[name])
                or name in varying
                or len(everywhere[name]) > 1
                or range_of(optimizer, name, own[name])
            )
        ]
        asked.sort(key=lambda n: (not is_owned(n, optimizers), n not in varying))
        columns[optimizer] = _columns(optimizer, {name: own[name] for name in asked})
        placed = {**{name: role for role, name in roles.items()}, **columns[optimizer]}
        for i in mine:
            rows[i] |= {placed[n]: given[i].get(n, math.nan) for n in own if n in placed}
            unread[i] |= {name: given[i].get(name) for name in own if name not in placed}
        texts |= dict.fromkeys(name for name in words if name in varying)
        constant = [name for name in words if name not in varying]
        if named := [name for name in constant if is_role(name, "schedule")]:
            schedules[optimizer] = short(given[mine[0]][named[0]])
        switches = [given[mine[0]][name] for name in constant if name.lower().endswith("nesterov")]
        if any(is_nesterov(optimizer, switch) for switch in switches):
            for i in mine:
                rows[i]["rule"] = "nesterov"
    said = []
    if "steps" in roles:
        said.append(f"{roles['steps']!r} is what a trial spent, and shown as its steps.")
    if texts:
        said.append(f"Trials of one optimizer differ in what is no number: {', '.join(texts)}.")
    return Settings(
        table=pd.DataFrame(rows),
        columns=columns,
        roles=roles,
        unread=pd.DataFrame(unread, index=range(len(runs))),
        schedules=schedules,
        said=(*said, *differing_between(given, optimizers)),
    )


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


def is_role(name: str, role: str) -> bool:
    """Returns whether a setting's name says that it is `seed`, `steps`, or another of `_ROLES`."""
    match = re.fullmatch(_ROLES[role], name, re.IGNORECASE)
    inside = match is not None and role == "steps" and match[1]
    return match is not None and (not inside or _is_of_all(re.split(r"[./:]", name)[:-1]))


def optimizer_settings(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the settings that name the optimizer, the likeliest first; often one or none.

    They are texts. One that differs between runs comes before one that does not, then one without a
    folder. `algorithm` and `method` count if there is no other, and if they differ between runs or
    name a rule: "PPO" is no optimizer.
    """
    found = []
    for name in _names(runs):
        given = [plain(run.get(name)) for run in runs]
        values = {one for one in given if one is not None}
        if values and all(isinstance(one, str) for one in values):
            differ = len(set(given)) > 1
            if match := re.fullmatch(_ROLES["optimizer"], name, re.IGNORECASE):
                found.append((0, not differ, bool(match[1]), name))
            elif is_role(name, "method") and (differ or rule_named(str(given[0]))):
                found.append((1, not differ, "/" in name, name))
    found.sort(key=lambda one: one[:3])
    return [one[-1] for one in found if one[0] == found[0][0]]


def spelled(names: Iterable[object]) -> list[str]:
    """Returns names of optimizers without modules, and in one spelling: Adam, adam are Adam."""
    first: dict[str, str] = {}
    return [first.setdefault(one.casefold(), one) for one in map(short, names)]


def short(value: object) -> str:
    """A name without the modules that it is in: "Adam" of "torch.optim.Adam"; "" for None."""
    text = "" if value is None else str(value).strip()
    return text.rpartition(".")[2] if re.fullmatch(r"([A-Za-z_]\w*\.)+[A-Za-z_]\w*", text) else text


def is_nesterov(optimizer: str, switch: object) -> bool:
    """Returns whether a switch `nesterov` is on and means something: only SGD has it."""
    sgd = rule_named(optimizer) in (RULES["sgd"], RULES["momentum"])
    return sgd and str(switch).strip().lower() in ("true", "1")


def whose(name: str, optimizers: Iterable[str]) -> tuple[str, str]:
    """Returns the optimizer that a setting is of, "" if of any, and the name of its column."""
    found = [
        (is_hyperparameter(called), len(alias), optimizer, called)
        for optimizer in dict.fromkeys(optimizers)
        for alias in _aliases(optimizer)
        for rest in _without(alias, name)
        if (called := _called(rest, is_owned=True)) and not _is_of_optimizer(rest)
    ]
    return max(found, key=lambda one: one[:2])[2:] if found else ("", _called(name))


def is_owned(name: str, optimizers: Iterable[str]) -> bool:
    """Returns whether a setting's name says that it is one of an optimizer, of one or of any."""
    folders = re.split(r"[./:]", name)[:-1]
    return bool(whose(name, optimizers)[0]) or any(map(_is_of_optimizer, folders))


def column(name: str) -> str:
    """Returns the column of a setting, which is neither a result nor the end of a range."""
    taken = name in RESULTS or name.endswith(("_low", "_high"))
    return f"{name}_setting" if taken else name


def differing_between(
    runs: Sequence[Mapping[str, Any]], optimizers: Sequence[str]
) -> tuple[str, ...]:
    """Says which settings are the same in all runs of an optimizer, and differ between two.

    Those that are hyperparameters, schedules or one optimizer's are not said, nor what names a run.
    """
    told = []
    for name in _names(runs):
        owner, called = whose(name, optimizers)
        others = ("optimizer", "schedule", "seed", "run")
        if owner or is_hyperparameter(called) or any(is_role(name, role) for role in others):
            continue
        known: dict[str, set[str]] = {}
        for optimizer, run in zip(optimizers, runs, strict=True):
            known.setdefault(optimizer, set()).add(_shown(run.get(name)))
        values = {optimizer: "".join(of_one) for optimizer, of_one in known.items()}
        if all(len(one) == 1 and "" not in one for one in known.values()) and (
            len(set(values.values())) > 1
        ):
            each = ", ".join(f"{optimizer} {value}" for optimizer, value in values.items())
            told.append(f"{name} differs between optimizers: {each}.")
    return tuple(told)


def _names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run))


def _shown(value: float | str | None) -> str:
    """A value as it is shown and compared; "" if there is none."""
    return f"{value:.15g}" if isinstance(value, float) else value or ""


def _with_role(given: Sequence[Mapping[str, Any]], role: str) -> list[str]:
    """The settings that are numbers and have a name of this role."""
    known = [name for name in _names(given) if is_role(name, role)]
    return [n for n in known if not any(isinstance(run.get(n), str) for run in given)]


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


def _called(name: str, *, is_owned: bool = False) -> str:
    """The name of a setting's column: without folders that do not count."""
    *folders, last = re.split(r"[./:]", name)
    bare = re.sub(rf"^(?:{_OPTIMIZER})[_-](?=.)", "", last, flags=re.IGNORECASE)
    last = bare if is_hyperparameter(bare) else last
    own = is_owned or any(map(_is_of_optimizer, folders))
    is_rate = searched_name(last, None) == "eta0" and last.lower() not in ("alpha", "eta")
    known = is_hyperparameter(last) and (is_rate or _is_of_all(folders))
    return last if own or known else name


def _is_of_optimizer(folder: str) -> bool:
    return bool(re.fullmatch(_OPTIMIZER, folder, re.IGNORECASE))


def _is_of_all(folders: Sequence[str]) -> bool:
    return not folders or folders[-1].lower() in _FOLDERS


def _aliases(optimizer: str) -> Iterator[str]:
    for one in dict.fromkeys((optimizer.lower(), short(optimizer).lower())):
        yield one
        if (rest := one.removesuffix("optimizer").strip("_- ")) not in ("", one):
            yield rest


def _without(alias: str, name: str) -> Iterator[str]:
    own = re.escape(alias)
    for pattern in (rf"(?:.*[./:])?{own}{_APART}+(.+)", rf"(.+?){_APART}+{own}"):
        if match := re.fullmatch(pattern, name, re.IGNORECASE):
            yield match[1]
