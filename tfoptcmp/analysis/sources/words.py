"""Settings of a run of another tool: numbers are hyperparameters, and words keep runs apart.

Runs that differ in a word, a switch or a list ("constant" and "linear", true and false) are not
runs of one trial. Either they are optimizers of their own, or the words become numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tfoptcmp.analysis.sources.names import is_hyperparameter
from tfoptcmp.analysis.sources.setting_names import column
from tfoptcmp.analysis.sources.settings import number, plain
from tfoptcmp.study.schema import StudyError

_SHOWN = 6  # words of one column; more are names of runs or paths, not settings


def numbers(settings: Mapping[str, Any]) -> dict[str, float]:
    """Returns the settings that are numbers, under names that no result has."""
    found = {column(name): number(value) for name, value in settings.items()}
    return {name: value for name, value in found.items() if value is not None}


def words(settings: Mapping[str, Any]) -> dict[str, str]:
    """Returns the other settings as text; those that are null have no value."""
    found = {column(name): plain(value) for name, value in settings.items()}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def as_numbers(
    table: pd.DataFrame, names: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Returns the table with words that differ within an optimizer as numbers 0, 1, ...

    Args:
        table: One row per run, with a column `optimizer`.
        names: Columns of words; those with one value for each optimizer are left out.

    Returns:
        The table, and column to word to number.

    Raises:
        StudyError: If words differ in a known argument of optimizers, whose numbers mean something.
    """
    differ = {name for of_one in differing(table, names).values() for name in of_one}
    kept = table.drop(columns=[name for name in names if name not in differ])
    codes = {}
    for name in (name for name in names if name in differ):
        known = sorted({str(word) for word in table[name].dropna()})
        if is_hyperparameter(name):
            raise StudyError(f"{name!r} must be numbers; got {known[0]!r}")
        codes[name] = {word: float(number) for number, word in enumerate(known)}
        kept[name] = table[name].map(codes[name], na_action="ignore").astype(float)
    return kept, codes


def legend(codes: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Says which numbers stand for which words, a sentence for each column."""
    return tuple(
        f"{name}: " + ", ".join(f"{number:g} is {word}" for word, number in code.items()) + "."
        if len(code) <= _SHOWN
        else f"{name}: {len(code)} different words, which keep runs apart."
        for name, code in codes.items()
    )


def differing(table: pd.DataFrame, names: Sequence[str]) -> dict[str, list[str]]:
    """Returns for each optimizer the columns in which its runs differ."""
    return {
        str(optimizer): [name for name in names if runs[name].nunique(dropna=False) > 1]
        for optimizer, runs in table.groupby("optimizer", sort=False)
    }
