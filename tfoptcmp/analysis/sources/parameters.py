"""Parameters as tuning tools record them: which names the optimizer, and which belong to only one.

Tools that tune several optimizers in one search give each its own parameters, such as `adam_lr` and
`sgd.lr`. Here each optimizer has its `lr`.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from tfoptcmp.analysis.sources.columns import RESULTS
from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name
from tfoptcmp.rules import rule_named

# Without case and punctuation; the first that is there is taken.
_OPTIMIZER = (
    *("optimizer", "optimiser", "opt", "optim"),
    *("optimizername", "optimizertype", "optimizerclass", "optname", "opttype"),
    *("algorithm", "algo", "method"),
)
_RESULTS_BY_LETTERS = {
    **{"seed": "seed", "randomseed": "seed", "rngseed": "seed"},
    **{"steps": "steps", "trainsteps": "steps", "numsteps": "steps", "trainingsteps": "steps"},
    **{"maxsteps": "steps", "numtrainsteps": "steps"},
}
# Folders of configurations, and Keras's arguments as MLflow logs them: optimizer.lr, opt_epsilon.
_FOLDERS = ("optimizer", "optimiser", "optim", "opt", "hparams", "hp", "config", "cfg", "args")
_SEPARATOR = r"[_./:\- ]"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What can be made of the parameters of trials.

    Attributes:
        table: `optimizer`, and a column for each parameter; with the index of what was given.
        columns: Optimizer to the parameter as its tool calls it to its column.
        unread: Those that are no numbers, and those of another optimizer only, as given.
        said: What is to be said of them, in sentences.
    """

    table: pd.DataFrame
    columns: Mapping[str, Mapping[str, str]]
    unread: pd.DataFrame
    said: tuple[str, ...]


def optimizer_parameter(names: Iterable[str]) -> str | None:
    """Returns which of several parameters names the optimizer; None if none does."""
    by_letters: dict[str, str] = {}
    for name in names:
        by_letters.setdefault(letters(name), name)
        by_letters.setdefault(letters(re.split(r"[./]", name)[-1]), name)
    return next((by_letters[known] for known in _OPTIMIZER if known in by_letters), None)


def result_called(name: str) -> str:
    """Returns which column of RESULTS a name stands for: `seed`, `steps`; "" for none."""
    return _RESULTS_BY_LETTERS.get(letters(name), "")


def letters(name: str) -> str:
    """Returns a name in lower case and without punctuation, as spellings are compared."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_number(value: object) -> bool:
    """Returns whether a value is a number, or a text that is one; a switch is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def parameters(given: pd.DataFrame, optimizer: "pd.Series[str]") -> Parameters:
    """Returns the columns of the trials' parameters.

    Args:
        given: One row per trial, a column per parameter, as the tool has them; missing where a
            trial does not have it. The one that names the optimizer is not among them.
        optimizer: Of each row.
    """
    names = list(dict.fromkeys(optimizer))
    table = pd.DataFrame({"optimizer": optimizer}, index=given.index)
    columns: dict[str, dict[str, str]] = {}
    read: set[str] = set()
    texts: dict[str, None] = {}
    for name in names:
        rows = given[optimizer == name].dropna(axis=1, how="all")
        numbers = {column: _numbers(rows[column]) for column in rows}
        texts |= {c: None for c in rows if numbers[c] is None and rows[c].nunique() > 1}
        usable = [column for column, values in numbers.items() if values is not None]
        columns[name] = _columns(name, names, usable)
        read |= columns[name].keys()
        for source, column in columns[name].items():
            if column not in table:
                table[column] = math.nan
            table.loc[rows.index, column] = numbers[source]
    differ = f"Trials of one optimizer differ in what is no number: {', '.join(texts)}."
    unread = [c for c in given if c not in read and given[c].notna().any()]
    return Parameters(
        table=table,
        columns=columns,
        unread=given[unread],
        said=(differ,) if texts else (),
    )


def _numbers(values: "pd.Series[object]") -> "pd.Series[float] | None":
    """Returns the values as float64; None if one is none."""
    words = values.map(lambda value: str(value) if pd.notna(value) else None)
    found = pd.to_numeric(words, errors="coerce").astype(float)
    return found if bool(found.notna().sum() == values.notna().sum()) else None


def _columns(optimizer: str, optimizers: Collection[str], names: Iterable[str]) -> dict[str, str]:
    """Returns for each parameter that an optimizer has the name of its column.

    Where two would become the same hyperparameter, the one that is only this optimizer's is it,
    then the first; the other keeps its name, marked as a mere parameter.
    """
    wanted: list[tuple[bool, str, str]] = []
    for name in names:
        owner, own = _owner(name, optimizers)
        if owner in (optimizer, None):
            wanted.append((owner is None, name, own))
    rule = rule_named(optimizer)
    taken: set[str] = set()
    found: dict[str, str] = {}
    for _, name, own in sorted(wanted, key=lambda one: one[0]):
        column = result_called(own) or own
        clash = searched_name(column, rule) in taken
        end_of_range = column.endswith(("_low", "_high"))
        result = column in RESULTS and not result_called(own)
        if clash or end_of_range or result:
            column = f"{name} (parameter)"
        taken.add(searched_name(column, rule))
        found[name] = column
    return found


def _owner(name: str, optimizers: Collection[str]) -> tuple[str | None, str]:
    """Returns whose parameter it is, None if anybody's, and its name without the optimizer's."""
    found = [
        (is_hyperparameter(rest), len(alias), optimizer, rest)
        for optimizer in optimizers
        for alias in _aliases(optimizer)
        for rest in _without(alias, name)
    ]
    if not found:
        inside = [rest for folder in _FOLDERS for rest in _without(folder, name)]
        return None, next((rest for rest in inside if is_hyperparameter(rest)), name)
    _, _, owner, rest = max(found, key=lambda one: one[:2])
    return owner, rest


def _aliases(optimizer: str) -> Iterator[str]:
    short = re.split(r"[./]", optimizer)[-1]
    yield from dict.fromkeys(one.lower() for one in (optimizer, short))
    if (plain := short.lower().removesuffix("optimizer").strip("_- ")) != short.lower() and plain:
        yield plain


def _without(alias: str, name: str) -> Iterator[str]:
    for pattern in (
        rf"{re.escape(alias)}{_SEPARATOR}+(.+)",
        rf"(.+?){_SEPARATOR}+{re.escape(alias)}",
    ):
        if match := re.fullmatch(pattern, name, flags=re.IGNORECASE):
            yield match[1]
