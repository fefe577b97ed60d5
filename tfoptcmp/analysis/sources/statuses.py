"""Which trials of another tool count: those that ended, and those that diverged.

What was pruned, killed, crashed or still runs has no final result. It is left out and counted.
"""

import re
from typing import Any

import pandas as pd

from tfoptcmp.study.schema import StudyError

_COMPLETE = (
    *("complete", "completed", "finished", "terminated"),
    *("success", "succeeded", "done", "ok"),
)
_DIVERGED = ("diverged", "infeasible")
_UNFINISHED = (
    *("pruned", "stopped", "killed", "interrupted", "preempted", "timeout"),
    *("failed", "fail", "crashed", "error", "errored", "invalid"),
    *("running", "waiting", "paused", "pending", "queued", "scheduled", "initiated", "idle"),
    "incomplete",
)


def _letters(word: object) -> str:
    """A status in small letters, without the type that some tools put before it."""
    text = str(word).strip()
    return re.sub("[^a-z]", "", text.rpartition(".")[2].lower()) or text or "complete"


def is_status(values: "pd.Series[Any]") -> bool:
    """Returns whether a column has nothing but words that say how trials ended."""
    words = {_letters(word) for word in values.dropna().unique()}
    return bool(words) and words <= {*_COMPLETE, *_DIVERGED, *_UNFINISHED}


def is_complete(word: str) -> bool:
    """Returns whether a status is that of a trial that ran to its end; an empty one is."""
    return _letters(word) in _COMPLETE


def has_ended(word: str) -> bool:
    """Returns whether a status is that of a trial that counts: it is none of what did not end."""
    return _letters(word) not in _UNFINISHED


def finished(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Returns the trials that count, without the column `status`, and what was left out.

    Args:
        table: One row per trial; `status` as words of the tool, in any case. Without that column
            all count. An empty status counts as complete.

    Raises:
        StudyError: If a status is not known, or if no trial counts.
    """
    if "status" not in table:
        return table, ()
    words = table["status"].astype(object).where(table["status"].notna(), "complete")
    words = words.map({word: _letters(word) for word in words.unique()})
    if wrong := sorted(set(words) - {*_COMPLETE, *_DIVERGED, *_UNFINISHED}):
        raise StudyError(
            f"'status' must be one of {[*_COMPLETE, *_DIVERGED, *_UNFINISHED]}; got {wrong[0]!r}"
        )
    out = words[words.isin(_UNFINISHED)]
    kept = table.drop(columns="status")
    if words.isin(_DIVERGED).any():
        before = kept["diverged"].astype(bool) if "diverged" in kept else False
        kept["diverged"] = before | words.isin(_DIVERGED)
    if out.empty:
        return kept, ()
    counts = ", ".join(f"{number} {word}" for word, number in out.value_counts().items())
    if len(out) == len(table):
        raise StudyError(f"there is no trial that ended: {counts}")
    return kept.drop(index=out.index), (f"Left out: {counts}.",)


def none_ended(table: pd.DataFrame) -> tuple[str, ...]:
    """Says of which optimizers of a table no trial counts.

    Args:
        table: As for `finished`, with `optimizer`.
    """
    kept, _ = finished(table)
    names = dict.fromkeys(str(name) for name in table["optimizer"])
    gone = [name for name in names if name != "?" and name not in set(kept["optimizer"])]
    return (f"No trial ended of: {', '.join(gone)}.",) if gone else ()
