"""Tables of results as comparisons; `columns` describes the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison, comparison
from tfoptcmp.analysis.contestant import errors
from tfoptcmp.analysis.sources.columns import read_table
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.rows import contestant_of
from tfoptcmp.analysis.sources.settings import is_nesterov
from tfoptcmp.analysis.sources.statuses import finished
from tfoptcmp.metrics import SHARE, Metric
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.schema import StudyError

_ERROR = Metric(name="error", unit=SHARE)
_UNKNOWN = Metric(name="metric", unit="")


def find(path: Path) -> list[Path]:
    """Returns the path if it is a file: every other layout is a directory."""
    return [path] if path.is_file() else []


def read(
    files: Sequence[Path], tuning_budget: int | None = None, how: TableMap | None = None
) -> list[Comparison]:
    """Reads tables of results; returns a comparison for each table and each workload in it.

    Args:
        files: CSV files with the columns that `columns` lists.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.
        how: What their columns are.

    Raises:
        StudyError: If a file is not such a table; the message says what is allowed.
    """
    how = TableMap() if how is None else how
    return [one for path in files for one in _read(path, tuning_budget, how)]


def _read(path: Path, tuning_budget: int | None, how: TableMap) -> list[Comparison]:
    known = read_table(path, how)
    table, unread = _with_nesterov(known.read, known.unread)
    groups = [(path.stem, table)]
    if "workload" in table:  # else no copy of a million rows
        named = table["workload"].astype(object).fillna(path.stem).astype(str).str.strip()
        groups = [(str(workload), rows) for workload, rows in table.groupby(named, sort=False)]
    found = [
        of_table(
            workload,
            rows,
            tuning_budget=tuning_budget,
            unread=unread.loc[rows.index] if len(groups) > 1 else unread,
            remarks=known.remarks,
            how=how,
            origin=path,
        )
        for workload, rows in groups
    ]
    return [higher_is_better(one) for one in found] if how.maximize else found


def _with_nesterov(table: pd.DataFrame, unread: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives SGD whose switch `nesterov` is on in all its rows the rule of that name."""
    if "nesterov" not in unread or "rule" in table:
        return table, unread
    switches = map(is_nesterov, table["optimizer"], unread["nesterov"])
    is_on = pd.Series(switches, index=table.index, dtype=bool)
    in_all = is_on.groupby(table["optimizer"]).transform("all")
    table = table.assign(rule=in_all.map({True: "nesterov", False: None}))
    return table, unread.drop(columns="nesterov") if is_on.equals(in_all) else unread


def of_table(
    workload: str,
    table: pd.DataFrame,
    *,
    tuning_budget: int | None = None,
    metric: Metric | None = None,
    ranges: Mapping[str, Mapping[str, Dimension]] | None = None,
    unread: pd.DataFrame | None = None,
    not_read: tuple[str, ...] = (),
    how: TableMap | None = None,
    remarks: tuple[str, ...] = (),
    schedules: Mapping[str, str] | None = None,
    origin: Path | str = "",
) -> Comparison:
    """Returns the comparison in a table; every source makes one and comes here.

    Args:
        workload: What was trained.
        table: One row per trial, with columns as in `columns`, `diverged` among them. Metrics are
            values: those of a metric that is maximised are the better the higher they are.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.
        metric: None if not known; then a share if all are in [0, 1] and the sizes of the sets are
            given.
        ranges: Optimizer to searched name to dimension, beside the columns `<name>_low`.
        unread: Columns of the input that are not understood, of the same rows: where two rows
            differ in one of them, they need not be runs of one trial.
        not_read: Names of what else was ignored.
        how: Has ranges beside `ranges`.
        remarks: What else is to be said of what was read, in sentences.
        schedules: Optimizer to the name of its learning-rate schedule, where that is known.
        origin: Where it was read from.

    Raises:
        StudyError: If no trial ended, or a status or a range makes no sense.
    """
    table, left_out = finished(table)
    if metric is not None and metric.maximize:
        splits = [split for split in ("validation", "test") if split in table]
        table = table.assign(**{split: errors(metric, table[split]) for split in splits})
    selected_by = "validation" if table.get("validation", pd.Series()).notna().any() else "test"
    said = [*left_out, *remarks]
    contestants = [
        replace(
            contestant_of(
                str(name),
                rows,
                selected_by,
                (ranges or {}).get(str(name), {}),
                unread,
                how,
                said,
            ),
            schedule=(schedules or {}).get(str(name), ""),
            directory=str(origin),
        )
        for name, rows in table.groupby("optimizer", sort=False)
    ]
    sizes = {
        split: _one_size(table[f"num_{split}"], workload)
        for split in ("validation", "test")
        if f"num_{split}" in table and table[f"num_{split}"].notna().any()
    }
    is_share = bool(sizes) and all(_are_shares(one.trials) for one in contestants)
    metric = metric or (_ERROR if is_share else _UNKNOWN)
    steps = {float(s) for one in contestants for s in _feasible(one.trials, "steps").unique()}
    return comparison(
        workload=workload,
        metric=metric,
        contestants=contestants,
        tuning_budget=tuning_budget,
        budget={"steps": int(steps.pop())} if len(steps) == 1 else {},
        num_examples=sizes,
        selected_by=selected_by,
        not_read=(*(() if unread is None else unread), *not_read),
        remarks=tuple(said),
    )


def _one_size(values: "pd.Series[float]", workload: str) -> int:
    sizes = values.dropna().unique()
    if len(sizes) > 1:
        raise StudyError(
            f"{workload}: {values.name} must be one number for all trials; got {sizes[0]:g} and "
            f"{sizes[1]:g}"
        )
    return int(sizes[0])


def higher_is_better(comparison: Comparison) -> Comparison:
    """Returns the comparison in a table whose metric is maximised.

    Args:
        comparison: As read, with values in the place of errors.

    Raises:
        StudyError: If its source knows which values are better.
    """
    if comparison.metric not in (_ERROR, _UNKNOWN):
        raise StudyError(
            f"{comparison.workload}: its study says itself whether higher values are better: "
            f"{comparison.metric.name}, {comparison.metric.direction}"
        )
    metric = replace(comparison.metric, maximize=True)
    if metric == replace(_ERROR, maximize=True):
        metric = replace(metric, name="score")
    contestants = []
    for one in comparison.contestants:
        columns = ("validation_metric", "test_metric")
        trials, reruns = (
            table.assign(**{name: errors(metric, table[name]) for name in columns})
            for table in (one.trials, one.reruns)
        )
        contestants.append(replace(one, trials=trials, reruns=reruns))
    return replace(comparison, metric=metric, contestants=tuple(contestants))


def _are_shares(trials: pd.DataFrame) -> bool:
    metrics = (_feasible(trials, f"{split}_metric") for split in ("validation", "test"))
    return all(bool(metric.between(0, 1).all()) for metric in metrics)


def _feasible(trials: pd.DataFrame, column: str) -> "pd.Series[float]":
    """What feasible trials have in a column, where they have it; `Contestant.feasible` copies."""
    return trials.loc[trials["feasible"], column].dropna()
