"""Tables whose columns have other names: which column, or which sum of columns, is what.

    validation = 1 - val_accuracy        optimizer = params_optimizer

An expression has columns, numbers, + - * / and brackets. Columns are taken by their whole names,
the longest first, so `val/accuracy` is that column if there is one; backticks end all doubt. The
same can stand in a file `audit.toml` beside the table:

    maximize = false
    ignore = ["run_id"]
    [map]
    validation = "1 - val_accuracy"
    optimizer = "params_optimizer"
    [range]
    learning_rate = "1e-5:10:log"
    "adam:epsilon" = "1e-10:1:log"
"""

import math
import operator
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfoptcmp.analysis.sources.names import between, searched_name, searched_value
from tfoptcmp.rules import Rule
from tfoptcmp.spaces import Dimension, LogUniform, Uniform
from tfoptcmp.study.schema import StudyError

FILE = "audit.toml"

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\w.])")
_LONGEST = 500  # characters of an expression
_KEYS = {"map": dict, "range": dict, "ignore": list, "maximize": bool}
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True, kw_only=True)
class TableMap:
    """What the columns of a table mean.

    Attributes:
        columns: Our name of a column to an expression of the table's.
        ranges: Hyperparameter, perhaps after "optimizer:", to its range, "low:high" with ":log" or
            ":linear".
        ignore: Columns that say nothing of a trial.
        maximize: Whether higher values of the metric are better.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    maximize: bool = False

    @property
    def is_of_columns(self) -> bool:
        """Whether it says something of columns, which only tables have."""
        return bool(self.columns or self.ignore)

    def over(self, other: "TableMap") -> "TableMap":
        """Returns this map, completed by what another one says beside it."""
        return TableMap(
            columns={**other.columns, **self.columns},
            ranges={**other.ranges, **self.ranges},
            ignore=(*other.ignore, *self.ignore),
            maximize=other.maximize or self.maximize,
        )

    def applied(self, table: pd.DataFrame) -> pd.DataFrame:
        """Returns the table with the mapped columns, and without those that they replace.

        Raises:
            StudyError: If an expression names what is no column, or is none.
        """
        if missing := [name for name in self.ignore if name not in table]:
            raise StudyError(f"--ignore must name columns of {list(table)}; got {missing[0]!r}")
        parsed = {name: _Expression(text, table) for name, text in self.columns.items()}
        found = {name: expression.value() for name, expression in parsed.items()}
        used = {name for expression in parsed.values() for name in expression.used}
        gone = (used | {*self.ignore}) - found.keys()
        return table.drop(columns=list(gone)).assign(**found)

    def rises_with(self, target: str, table: pd.DataFrame) -> list[str]:
        """Returns the columns with which one of ours rises, of those that it is computed from.

        Args:
            target: Our name of the column.
            table: As it was read.
        """
        if target not in self.columns:
            return []
        text = self.columns[target]
        expression = _Expression(text, table)
        values = expression.value()
        if not all(pd.api.types.is_numeric_dtype(table[name]) for name in expression.used):
            return []  # refused later, with its line
        return [
            name
            for name in expression.used
            if np.mean(_Expression(text, _raised(table, name)).value() - values) > 0
        ]

    def dimensions(
        self, optimizer: str, rule: Rule | None, names: Sequence[str]
    ) -> dict[str, Dimension]:
        """Returns an optimizer's ranges, by the names of search spaces.

        Args:
            optimizer: Its name.
            rule: Its update rule; None if not known.
            names: Its hyperparameters, as the table calls them.

        Raises:
            StudyError: If a range is none.
        """
        found = {}
        known = {searched_name(name, rule) for name in names}
        for key, text in sorted(self.ranges.items(), key=lambda one: ":" in one[0]):
            whose, _, name = key.rpartition(":")
            searched = searched_name(name, rule)
            if searched in known and whose.casefold() in ("", optimizer.casefold()):
                found[searched] = _dimension(name, text)
        return found


def _raised(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with a column a little higher."""
    return table.assign(**{name: pd.to_numeric(table[name]) + 1e-3})


def parse_assignments(texts: Sequence[str], flag: str) -> dict[str, str]:
    """Returns name to value of texts "name=value".

    Raises:
        StudyError: If a text has no name or no value, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise StudyError(f"{flag} must be name=...; got {text!r}")
        if name in found:
            raise StudyError(f"{flag} must name each once; got {name!r} twice")
        found[name] = value
    return found


def beside(path: Path) -> TableMap:
    """Returns what the file `audit.toml` beside a file says; nothing without one.

    Raises:
        StudyError: If it cannot be read, or a key is not known.
    """
    file = path.with_name(FILE)
    if not file.is_file():
        return TableMap()
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{file} cannot be read: {error}") from error
    for key, value in given.items():
        if key not in _KEYS:
            raise StudyError(f"{file}: a key must be one of {list(_KEYS)}; got {key!r}")
        if not isinstance(value, _KEYS[key]):
            raise StudyError(f"{file}: {key!r} must be a {_KEYS[key].__name__}; got {value!r}")
    return TableMap(
        columns={str(k): str(v) for k, v in given.get("map", {}).items()},
        ranges={str(k): str(v) for k, v in given.get("range", {}).items()},
        ignore=tuple(map(str, given.get("ignore", ()))),
        maximize=given.get("maximize", False),
    )


def _dimension(name: str, text: str) -> Dimension:
    low_text, _, rest = text.partition(":")
    high_text, _, scale = rest.partition(":")
    try:
        low, high, scale = float(low_text), float(high_text), scale.strip()
    except ValueError:
        low, high = 1.0, 0.0
    if not low <= high or scale not in ("", "log", "linear"):
        raise StudyError(
            f"--range of {name} must be low:high, low:high:log or low:high:linear; got {text!r}"
        )
    ends = sorted((searched_value(name, low), searched_value(name, high)))
    kind = LogUniform if scale == "log" else Uniform
    try:
        if not scale or low == high:
            return between(name, low, high)
        return kind(low=ends[0], high=ends[1])
    except ValueError as error:
        raise StudyError(f"--range of {name}: {error}; got {text!r}") from error


class _Expression:
    """An expression of the columns of a table, read from left to right."""

    def __init__(self, text: str, table: pd.DataFrame) -> None:
        self._text, self._rest, self._table = text, text.strip(), table
        self._names = sorted(map(str, table.columns), key=len, reverse=True)
        self.used: list[str] = []  # its columns

    def value(self) -> Any:
        """Returns the column, or the number."""
        if (alone := self._rest.strip("`")) in self._table:
            self.used.append(alone)
            return self._table[alone]
        if len(self._text) > _LONGEST:
            raise StudyError(f"--map: an expression has at most {_LONGEST} characters")
        try:
            found = self._sum()
        except ZeroDivisionError:
            found = math.nan
        if self._rest:
            raise self._error()
        known = np.isfinite(self._table[self.used].astype(float)).all(axis=1) if self.used else True
        if not (np.isfinite(found) | ~np.asarray(known)).all():
            raise StudyError(f"--map: {self._text!r} is not finite for all rows: it divides by 0")
        return found

    def _error(self) -> StudyError:
        return StudyError(
            f"--map must have columns, numbers, + - * / and brackets; got {self._text!r}, "
            + (f"of which {self._rest!r} is none of these" if self._rest else "which ends early")
            + f"; columns: {', '.join(sorted(self._names))}"
        )

    def _sum(self) -> Any:
        found = self._product()
        while self._rest[:1] in ("+", "-"):
            found = _OPERATIONS[self._take(1)](found, self._product())
        return found

    def _product(self) -> Any:
        found = self._factor()
        while self._rest[:1] in ("*", "/"):
            found = _OPERATIONS[self._take(1)](found, self._factor())
        return found

    def _factor(self) -> Any:
        if self._rest[:1] == "-":
            self._take(1)
            return -self._factor()
        if self._rest[:1] == "(":
            self._take(1)
            found = self._sum()
            if self._take(1) != ")":
                raise self._error()
            return found
        if quoted := re.match(r"`([^`]+)`", self._rest):
            self._take(quoted.end())
            return self._column(quoted[1])
        if number := _NUMBER.match(self._rest):
            return float(self._take(number.end()))
        for name in self._names:
            if self._rest.startswith(name) and not re.match(r"\w", self._rest[len(name) :]):
                self._take(len(name))
                return self._column(name)
        raise self._error()

    def _column(self, name: str) -> "pd.Series[float]":
        if name not in self._table:
            self._rest = name
            raise self._error()
        self.used.append(name)
        numbers = pd.to_numeric(self._table[name], errors="coerce")
        if (numbers.isna() & self._table[name].notna()).any():
            raise StudyError(f"--map: {name!r} must be numbers to be computed with")
        return numbers.astype(float)

    def _take(self, number: int) -> str:
        taken = self._rest[:number]
        self._rest = self._rest[number:].lstrip()
        return taken
