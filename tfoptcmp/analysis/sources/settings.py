"""Which settings of a tool's runs are hyperparameters of the optimizer, and their columns.

Settings are flat, with names joined by "/": {"optimizer/name": "adam", "optimizer/lr": 0.1}. An
optimizer's own are those that are known to be its arguments, that vary, or that have a range;
"adam_lr" is the learning rate of Adam's trials and says nothing about others.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfoptcmp.analysis.sources.columns import RESULTS
from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name
from tfoptcmp.spaces import Dimension

OPTIMIZER = r"opt|optim|optimi[sz]er"
"""What tools call the optimizer."""

SEED = r"(?:.*/)?(?:random_?)?seed"
STEPS = r"(?:.*/)?(?:(?:num|max|train|training|total|n)_?)?(?:steps|epochs|iterations|iters)"

RangeOf = Callable[[str, str, str], Dimension | None]
"""Optimizer, name of the setting, name of the column: the range that was searched, if recorded."""


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
    """Returns a number, also of a bool or of a text that is one; None if it is none."""
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


class Settings:
    """The settings of one optimizer's runs, and the columns that they become."""

    def __init__(
        self, optimizer: str, settings: Sequence[Mapping[str, Any]], optimizers: set[str]
    ) -> None:
        self.optimizer = optimizer
        self.settings = settings
        self.columns: dict[str, str] = {}
        self._optimizers = optimizers
        self._names = list(dict.fromkeys(name for one in settings for name in one))
        self._values = {
            name: {json.dumps(one.get(name), default=str) for one in settings}
            for name in self._names
        }

    def read(self, range_of: RangeOf, used: set[str]) -> dict[str, None]:
        """Fills `columns`; returns the names of what is not read."""
        rest: dict[str, None] = {}
        taken: dict[str, tuple[tuple[bool, bool], str]] = {}
        for name in self._names:
            owner = _owner(name, self._optimizers)
            column = _column(name, owner)
            asked = is_hyperparameter(column) or self.varies(name)
            if name in used or self._values[name] == {"null"}:
                continue
            if (
                self.is_of_another(name)
                or re.fullmatch(f"{SEED}|{STEPS}", name, re.IGNORECASE)
                or not self._are_numbers(name)
                or not (asked or range_of(self.optimizer, name, column))
                or column in RESULTS
                or column.endswith(("_low", "_high"))
            ):
                rest[name] = None
                continue
            called, rank = searched_name(column, None), (_is_owned(name, owner), self.varies(name))
            if called in taken:
                worse = min((taken[called], (rank, name)), key=lambda one: one[0])[1]
                rest[worse] = None
                self.columns.pop(worse, None)
                if worse == name:
                    continue
            taken[called] = rank, name
            self.columns[name] = column
        return rest

    def is_of_another(self, name: str) -> bool:
        """Whether a setting's name says that it is another optimizer's."""
        owner = _owner(name, self._optimizers)
        return bool(owner) and owner != self.optimizer

    def varies(self, name: str) -> bool:
        """Whether a setting has several values."""
        return len(self._values[name]) > 1

    def matching(self, pattern: str) -> str:
        """The first setting of this name that is a number; "" if there is none."""
        return next(
            (
                name
                for name in self._names
                if re.fullmatch(pattern, name, re.IGNORECASE) and self._are_numbers(name)
            ),
            "",
        )

    def constant(self, pattern: str) -> str:
        """The one text that a setting of this name always is; "" if there is none."""
        for name in self._names:
            if re.fullmatch(pattern, name, re.IGNORECASE) and not self.varies(name):
                value = self.settings[0].get(name)
                return short(value) if isinstance(value, str) else ""
        return ""

    def always(self, switch: str) -> bool:
        """Whether a switch of this name is on in all runs."""
        names = [n for n in self._names if n.lower().endswith(switch)]
        return any(all(one.get(name) is True for one in self.settings) for name in names)

    def _are_numbers(self, name: str) -> bool:
        given = [one.get(name) for one in self.settings if one.get(name) is not None]
        return bool(given) and all(number(value) is not None for value in given)


def short(value: object) -> str:
    """A name without the modules that it is in: "Adam" of "torch.optim.Adam"."""
    return "" if value is None else str(value).strip().rpartition(".")[2]


def _owner(name: str, optimizers: set[str]) -> str:
    """The optimizer that a setting's name names: "adam/lr", "lr/adam", "adam_lr"; "" if none."""
    parts = name.lower().split("/")
    last = parts[-1]
    owners = [
        one
        for one in optimizers
        if (one.lower() in parts and len(parts) > 1)
        or re.match(rf"{re.escape(one.lower())}[_-].", last)
        or re.search(rf".[_-]{re.escape(one.lower())}$", last)
    ]
    return max(owners, key=len, default="")


def _is_owned(name: str, owner: str) -> bool:
    return bool(owner or re.fullmatch(rf"(.*/)?({OPTIMIZER})[/_].*", name, re.IGNORECASE))


def _column(name: str, owner: str) -> str:
    """The name of a hyperparameter without what says whose it is."""
    parts = name.split("/")
    last = next((part for part in reversed(parts) if part.lower() != owner.lower()), name)
    if owner:
        own = re.escape(owner)
        last = re.sub(rf"^{own}[_-](?=.)|(?<=.)[_-]{own}$", "", last, flags=re.IGNORECASE)
    last = re.sub(rf"^({OPTIMIZER})[_-](?=.)", "", last, flags=re.IGNORECASE)
    return last if is_hyperparameter(last) or _is_owned(name, owner) else name
