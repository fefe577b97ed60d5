"""The table of runs that Weights & Biases exports as CSV, one row per run.

It has columns of the run (Name, State, Created, Runtime, ...), the configuration (`lr`,
`config.optimizer`), and the last value of what was logged (`val/accuracy`, `_step`). Which is which
only names say (`wandb_columns`). Numbers of the configuration are hyperparameters; words of it keep
runs apart. Runs of different data or models are comparisons of their own. What was searched over is
not in the export.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.containers import csv_header
from tfoptcmp.analysis.sources.result_names import higher_is_better, metric_of
from tfoptcmp.analysis.sources.setting_names import column, is_role
from tfoptcmp.analysis.sources.settings import differing_between, is_nesterov
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.sources.wandb_columns import (
    Columns,
    as_floats,
    measured,
    metrics,
)
from tfoptcmp.analysis.sources.words import as_numbers, differing, legend
from tfoptcmp.metrics import Metric
from tfoptcmp.study.schema import StudyError

PATTERN = "Name, State, Created, Runtime, ..."

_STATES = {"preempting": "preempted"}


def find(path: Path) -> list[Path]:
    """Returns the path if it is a file whose first row names the columns of a run.

    One with the columns of our own tables is such a table, made out of an export.
    """
    if not path.is_file():
        return []
    names = set(csv_header(path))
    ours = {name.strip().lower() for name in names}
    if "optimizer" in ours and ours & {"validation", "test"}:
        return []
    return [path] if {"Name", "State"} <= names and names & {"Created", "Runtime"} else []


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads exports; returns a comparison for each, and for each data set and model in it.

    Args:
        files: CSV files.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.

    Raises:
        StudyError: If it cannot be told which column is the optimizer, or the validation metric,
            or whether runs that differ in a column are trials of their own.
    """
    return [one for path in files for one in _read(path, tuning_budget)]


def _read(path: Path, tuning_budget: int | None) -> Iterator[Comparison]:
    try:
        runs = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read as an export of runs (CSV): {error}") from error
    header = csv_header(path)
    if twice := [name for name in header if header.count(name) > 1]:
        raise StudyError(f"{path}: a column must appear only once; got {twice[0]!r} twice")
    if runs.empty:
        raise StudyError(f"{path}: must have a row for each run; got none")
    results = metrics(path, runs)
    shown = measured(results)
    columns = Columns(path, runs, results)
    table = columns.settings.table.assign(
        optimizer=columns.optimizers,
        status=runs["State"].str.strip().str.lower().replace(_STATES),
        **{split: as_floats(runs[name]) for split, name in results.items()},
    )
    given = runs[next(iter(results.values()))].str.strip() != ""
    table.loc[~given & table["status"].isin(("finished", "")), "status"] = "incomplete"
    table["diverged"] = ~np.isfinite(table[next(iter(results))])
    if "Runtime" in runs:
        table["seconds"] = as_floats(runs["Runtime"])
    for name, new in columns.words.items():
        table[new] = runs[columns.names[name]].str.strip().replace("", None)
    table = _with_nesterov(table)
    workloads = _workloads(path, runs, columns.workload)
    maximize = higher_is_better(shown) is True
    metric = metric_of(shown, maximize=maximize, values=[table[split] for split in results])
    for workload, rows in table.groupby(workloads, sort=False):
        found = _comparison(str(workload), rows, columns, metric, tuning_budget, path)
        _refuse_doubtful(found, rows, runs, columns, path)
        yield found


def _comparison(
    workload: str,
    rows: pd.DataFrame,
    columns: Columns,
    metric: Metric,
    tuning_budget: int | None,
    path: Path,
) -> Comparison:
    where, rows = list(rows.index), rows.reset_index(drop=True)
    texts = [name for name in columns.words.values() if name in rows]
    apart = differing(rows, texts)
    schedules = {}
    for name in (new for old, new in columns.words.items() if is_role(old, "schedule")):
        for optimizer, of_one in rows.groupby("optimizer", sort=False):
            if name not in apart[str(optimizer)] and of_one[name].notna().any():
                schedules[str(optimizer)] = str(of_one[name].iloc[0])
    between = differing_between([columns.given[i] for i in where], list(rows["optimizer"]))
    table, codes = as_numbers(rows, texts)
    found = of_table(
        workload,
        table,
        tuning_budget=tuning_budget,
        metric=metric,
        remarks=(
            f"Read as the result: {', '.join(columns.results)} ({metric.direction}); as settings: "
            f"{', '.join(columns.read) or 'nothing'}.",
            "An export of Weights & Biases does not say over which ranges was searched.",
            *between,
            *legend(codes),
        ),
        schedules=schedules,
        origin=path,
    )
    # Not as `unread`: what was logged may differ between runs of one trial.
    return replace(found, not_read=tuple(columns.not_read))


def _refuse_doubtful(
    found: Comparison, rows: pd.DataFrame, runs: pd.DataFrame, columns: Columns, path: Path
) -> None:
    """Refuses runs that are one trial only if what could be a setting was logged."""
    again = sum(len(one.reruns) for one in found.contestants)
    if not again:
        return
    numbers = {name: as_floats(runs.loc[rows.index, name]) for name in columns.doubtful}
    known, _ = as_numbers(rows, list(columns.words.values()))
    doubtful = [
        name
        for name, values in numbers.items()
        if again
        > sum(
            len(one.reruns)
            for one in of_table("", known.assign(**{column(name): values})).contestants
        )
    ]
    if doubtful:
        named, settings, logged = (
            ", ".join(f"'{prefix}{name}'" for name in doubtful)
            for prefix in ("", "config.", "summary.")
        )
        raise StudyError(
            f"{path}: {again} runs differ from others only in the seed and in {named}: in the "
            f"header of the file, call it {settings} if it is a setting, {logged} if it was logged"
        )


def _with_nesterov(table: pd.DataFrame) -> pd.DataFrame:
    """Gives Nesterov's momentum, a switch of other tools' SGD, its name and its rule."""
    if "nesterov" not in table:
        return table
    name = table["optimizer"]
    is_on = pd.Series(map(is_nesterov, name, table["nesterov"]), index=table.index, dtype=bool)
    return table.drop(columns="nesterov").assign(
        rule=name.where(~is_on, "nesterov"),
        optimizer=name.where(~is_on, name + " (Nesterov)"),
    )


def _workloads(path: Path, runs: pd.DataFrame, names: Sequence[str]) -> "pd.Series[str]":
    if not names:
        return pd.Series(path.stem, index=runs.index)
    return runs[list(names)].agg(", ".join, axis=1).str.strip(", ").replace("", path.stem)
