"""Which rows of a table are runs of one trial, with other seeds."""

import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tfoptcmp.analysis.sources.names import searched_value
from tfoptcmp.analysis.sources.result_names import TRAINING, VALIDATION, higher_is_better
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.study.schema import StudyError

IntArray = NDArray[np.int64]

# Tools write the same number with 7 digits or 17.
_SAME = 1e-6
# Of 1 - beta: 0.999999 and 0.9999999 are two points, although they differ by less than that.
_SAME_COMPLEMENT = 0.5
# Runs with a budget of time differ in their steps, by some percent.
_OF_ONE_BUDGET = 0.2

# Last words of times, and of what identifies a run or is told of it.
_OF_A_RUN = (
    *("date", "time", "timestamp", "started", "ended", "created", "updated", "finished"),
    *("duration", "runtime", "uuid", "url", "host", "hostname"),
    *("note", "notes", "comment", "comments"),
)
# What may differ between runs of one trial: numbers whose name ends with one of these words, or
# with that of a metric, and else has only words below, are results or times.
_RESULTS = frozenset(
    (
        *("losses", "metric", "metrics", "objective", "walltime", "pid"),
        *_OF_A_RUN,
    )
)
# What results are of: an "aux_loss" may as well be the weight of one.
_PARTS = frozenset(
    (
        *(*TRAINING, *VALIDATION, "test"),
        *("max", "min", "avg", "average", "std", "total", "model"),
        *("cross", "entropy", "squared", "absolute", "top", "top1", "top5"),
    )
)
# A name of only such words names a run, or says how far it came.
_RUNS = frozenset(
    (
        *("id", "run", "name", "trial", "experiment", "rank", "index", "row", "number", "unnamed"),
        *("start", "end", "seconds", "secs", "minutes", "hours", "wall", "node", "gpu", "cpu"),
        *("user", "path", "dir", "directory", "file", "log", "commit", "hash", "version", "tag"),
        *("tags", "remark", "remarks", "state", "status", "epoch", "step", "iteration", "value"),
        *("result", "best", "last", "final", "mean", "display", "group", "seed", "checkpoint"),
        *("checkpoints", "weights", "artifact", "link", "job", "slurm", "machine", "date"),
    )
)

# Texts with such a last word say something of a run, and are no settings.
_TOLD = frozenset(
    (
        *_OF_A_RUN,
        *("path", "dir", "directory", "file", "log", "commit", "hash", "version", "id"),
        *("checkpoint", "artifact", "link", "user", "tag", "tags"),
    )
)


def repeated_rows(
    optimizer: str,
    rows: pd.DataFrame,
    values: pd.DataFrame,
    searched: pd.DataFrame,
    unread: pd.DataFrame | None,
    remarks: list[str],
) -> "pd.Series[int]":
    """Returns for each row that repeats a trial with another seed the row of its first run.

    Values are the same within one in a million, as they were given. Rows that differ in a text that
    was not understood are trials of their own, if the text may be a setting.

    Args:
        optimizer: Whose trials.
        rows: They, with `seed` if it is known.
        values: Their hyperparameters, as they were given.
        searched: The same, in the same order, as search spaces have them.
        unread: Columns that were not understood, of these rows or more.
        remarks: What is to be said is added to them.

    Raises:
        StudyError: If rows differ in a number that was not understood and may be a hyperparameter.
    """
    if "seed" not in rows or values.empty:
        return pd.Series(dtype=int)
    alike = _first_alike([_group(values[name].to_numpy()) for name in values])
    near = [
        _near(searched[own].to_numpy(), _SAME_COMPLEMENT, alike)
        for own, name in zip(searched, values, strict=True)
        if searched_value(name, 0.0) != 0.0
    ]
    if "steps" in rows:
        near.append(_near(rows["steps"].to_numpy(), _OF_ONE_BUDGET, alike))
    row = np.arange(len(rows))
    whole = _first_alike([alike, *near])
    if (whole == row).all():
        return pd.Series(dtype=int)
    others = pd.DataFrame(index=rows.index) if unread is None else unread.loc[rows.index]
    is_number = {n: pd.api.types.is_numeric_dtype(others[n]) for n in others}
    settings = [n for n in others if not _is_of_a_run(str(n), is_number=is_number[n])]
    words = [name for name in settings if not is_number[name]]
    texts = (pd.factorize(others[n].astype(str), use_na_sentinel=False)[0] for n in words)
    first = _first_alike([whole, *texts])
    own = rows["seed"].to_numpy()
    fresh = (own != own[first]) & ~np.isnan(own) & ~np.isnan(own[first])
    again = np.flatnonzero((first != row) & fresh)
    if (first != whole).any():
        apart = [n for n in words if (others[n] != others[n].iloc[whole].to_numpy()).any()]
        remarks.append(
            f"{optimizer}: rows that differ in {', '.join(map(str, apart))} count as trials of "
            "their own; if it says nothing, --ignore it in a table."
        )
    for name in (n for n in settings if is_number[n]):
        numbers = others[name].to_numpy()
        if not np.isclose(
            numbers[again], numbers[first[again]], rtol=_SAME, atol=0.0, equal_nan=True
        ).all():
            raise StudyError(
                f"{optimizer}: trials with the same hyperparameters and other seeds differ in "
                f"{name!r}, which is not understood. In a table: if it is a hyperparameter, say "
                f"--range '{name}=<low>:<high>'; if it says nothing, --ignore='{name}'"
            )
    return pd.Series(rows.index[first[again]], index=rows.index[again])


def _is_of_a_run(name: str, *, is_number: bool) -> bool:
    """Whether a column may differ between runs of one trial, by its name."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()  # "runTime" has two words
    words = re.findall(r"[a-z]+\d*", apart)
    if not words or set(words) <= _RUNS:
        return True
    last = words[-1] if words[-1] not in _RUNS or len(words) == 1 else words[-2]
    is_result = all(w in _PARTS | _RUNS or _is_result(w) for w in words) and _is_result(last)
    return is_result if is_number else words[-1] in _TOLD


def _is_result(word: str) -> bool:
    return word in _RESULTS or higher_is_better(word) is not None


def _group(numbers: FloatArray) -> IntArray:
    """Returns for each number which group of the same it is in; NaN is the same as NaN."""
    known, places = np.unique(numbers, return_inverse=True)
    apart = np.abs(np.diff(known)) > _SAME * np.abs(known[:-1])
    apart |= np.isnan(known[1:])
    starts = np.concatenate([[True], apart]) if len(known) else np.zeros(0, dtype=bool)
    return np.asarray((np.cumsum(starts) - 1)[places])


def _near(numbers: FloatArray, tolerance: float, alike: IntArray) -> IntArray:
    """Returns for each number which group it is in of those near to one another.

    All of a group are within the tolerance of its least, so that groups do not chain, and their
    rows are alike otherwise: the numbers of other rows draw no line between them.
    """
    order = np.lexsort((numbers, alike))  # NaN comes last
    starts, row, least = np.zeros(len(order), dtype=bool), -1, math.nan
    for i, (other, number) in enumerate(
        zip(alike[order].tolist(), numbers[order].tolist(), strict=True)
    ):
        same = number == least or (math.isnan(number) and math.isnan(least))
        near = math.isfinite(least) and number - least <= tolerance * abs(least)
        if other != row or not (same or near):
            starts[i], row, least = True, other, number
    groups = np.empty(len(order), dtype=np.int64)
    groups[order] = np.cumsum(starts) - 1
    return groups


def _first_alike(keys: Sequence[IntArray]) -> IntArray:
    """Returns for each row the place of the first row with the same keys, each >= 0."""
    alike, *others = keys
    for key in others:
        alike = pd.factorize(alike * (key.max() + 1) + key)[0]
    number, _ = pd.factorize(alike)  # in the order in which they come
    firsts = np.flatnonzero(np.diff(np.maximum.accumulate(number), prepend=-1))
    return np.asarray(firsts[number])
