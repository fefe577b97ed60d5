"""Which rows of a table are runs of one trial, with other seeds."""

import re

import numpy as np
import pandas as pd

from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.study.schema import StudyError

# Tools write the same number with 7 digits or 17.
_SAME = 1e-6

# What may differ between runs of one trial: a name with one of these words is a result or a time.
_RESULTS = frozenset(
    (
        *("loss", "losses", "acc", "accuracy", "err", "error", "auc", "f1", "bleu", "ppl", "score"),
        *("perplexity", "metric", "metrics", "objective", "norm", "date", "time", "timestamp"),
        *("duration", "runtime", "walltime", "started", "ended", "created", "updated", "finished"),
        *("uuid", "url", "host", "hostname", "pid", "note", "notes", "comment", "comments"),
    )
)
# A name of only such words names a run, or says how far it came.
_RUNS = frozenset(
    (
        *("id", "run", "name", "trial", "experiment", "rank", "index", "row", "number", "unnamed"),
        *("start", "end", "seconds", "secs", "minutes", "hours", "wall", "node", "gpu", "cpu"),
        *("user", "path", "dir", "directory", "file", "log", "commit", "hash", "version", "tag"),
        *("tags", "remark", "remarks", "state", "status", "epoch", "step", "steps", "iterations"),
        *("iteration", "value", "result", "val", "valid", "validation", "train", "training"),
        *("test", "best", "last", "final", "mean", "sum", "total", "display", "group", "seed"),
    )
)


def repeated_rows(
    optimizer: str, rows: pd.DataFrame, values: pd.DataFrame, unread: pd.DataFrame | None = None
) -> "pd.Series[int]":
    """Returns for each row that repeats a trial with another seed the row of its first run.

    Values are the same within one in a million. Rows that differ in a text that was not understood
    are trials of their own, if the text may be a setting.

    Args:
        optimizer: Whose trials.
        rows: They, with `seed` if it is known.
        values: Their hyperparameters.
        unread: Columns that were not understood, of these rows or more.

    Raises:
        StudyError: If rows differ in a number that was not understood and may be a hyperparameter.
    """
    if "seed" not in rows or values.empty:
        return pd.Series(dtype=int)
    row = pd.Series(rows.index, index=rows.index)
    others = pd.DataFrame(index=rows.index) if unread is None else unread.loc[rows.index]
    settings = [name for name in others if not _is_of_a_run(str(name))]
    is_number = {n: pd.api.types.is_numeric_dtype(others[n]) for n in settings}
    keys = [pd.Series(_group(values[name].to_numpy()), index=rows.index) for name in values]
    keys += [others[name].astype(str) for name in settings if not is_number[name]]
    first = row.groupby(keys, dropna=False).transform("first")
    fresh = rows["seed"].to_numpy() != rows.loc[first, "seed"].to_numpy()
    found = first[(first != row) & fresh]
    for name in (n for n in settings if is_number[n]):
        own, of_first = others.loc[found.index, name], others.loc[found, name].to_numpy()
        if not np.isclose(own, of_first, rtol=_SAME, atol=0.0, equal_nan=True).all():
            raise StudyError(
                f"{optimizer}: trials with the same hyperparameters and other seeds differ in "
                f"{name!r}, which is not understood. If it is a hyperparameter, say --range "
                f"'{name}=<low>:<high>'; if it says nothing, --ignore='{name}'"
            )
    return found


def _is_of_a_run(name: str) -> bool:
    """Whether a column may differ between runs of one trial, by its name."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()  # "runTime" has two words
    words = set(re.findall(r"[a-z]+\d*", apart))
    return bool(words & _RESULTS) or words <= _RUNS


def _group(numbers: FloatArray) -> FloatArray:
    """Returns for each number the first of those that are the same; NaN is the same as NaN."""
    known, places = np.unique(numbers, return_inverse=True)
    apart = np.abs(np.diff(known)) > _SAME * np.abs(known[:-1])
    apart |= np.isnan(known[1:])
    starts = np.concatenate([[True], apart]) if len(known) else np.zeros(0, dtype=bool)
    firsts = known[starts][np.cumsum(starts) - 1]
    return np.asarray(firsts[places])
