"""Tables of results as comparisons; `columns` describes the tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tfoptcmp.analysis.comparison import Comparison, comparison
from tfoptcmp.analysis.contestant import RERUNS, Contestant, errors, trials_table
from tfoptcmp.analysis.sources.columns import RESULTS, read_table
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.names import (
    searched_name,
    searched_range,
    searched_value,
)
from tfoptcmp.analysis.sources.repeated import repeated_rows
from tfoptcmp.analysis.sources.settings import is_nesterov
from tfoptcmp.analysis.sources.statuses import finished
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.hyperparameters import HYPERPARAMETERS
from tfoptcmp.metrics import SHARE, Metric
from tfoptcmp.rules import RULES, Rule, rule_named
from tfoptcmp.spaces import Choice, Dimension, Fixed
from tfoptcmp.study.schema import Status, StudyError

# What a table's columns are called in `Contestant.trials`.
_COLUMNS = {
    "validation": "validation_metric",
    "test": "test_metric",
    "gradient_rms": "largest_gradient_rms",
    "steps": "steps",
    "train_loss": "train_loss",
    "seconds": "seconds",
    "steps_to_target": "steps_to_target",
    "seed": "seed",
    "selected": "selected",
}
_ROUNDING = 1e-6  # relative; tables are written with few digits
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
            _contestant(
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


def _contestant(
    name: str,
    rows: pd.DataFrame,
    selected_by: str,
    ranges: Mapping[str, Dimension],
    unread: pd.DataFrame | None,
    how: TableMap | None,
    remarks: list[str],
) -> Contestant:
    given = _hyperparameters(rows)
    called = _rule(name, rows)
    with_momentum = called is not None and called.name == "sgd" and _has_momentum(rows, given)
    rule = RULES["momentum"] if with_momentum else called
    called_same: dict[str, str] = {}
    for column in given:
        first = called_same.setdefault(searched_name(column, rule), column)
        if first != column:
            raise StudyError(
                f"{name}: {first!r} and {column!r} are two columns of one hyperparameter; --ignore "
                "one of them, or rename it"
            )
    values = pd.DataFrame(
        {searched_name(n, rule): searched_value(n, rows[n]) for n in given},
        index=rows.index,
    )
    repeated = repeated_rows(name, rows, rows[given], values, unread, remarks)
    again = rows.index.isin(repeated.index)
    reported = _dimensions(name, rows[~again] if again.any() else rows, given, rule)
    if how is not None:
        reported |= how.dimensions(name, rule, given)
    check_inside(name, values[~again] if again.any() else values, reported)
    trials = rows[[column for column in _COLUMNS if column in rows]].rename(columns=_COLUMNS)
    if selected_by == "test":
        trials["validation_metric"] = trials["test_metric"]
    if "steps_to_target" in trials:
        trials["steps_to_target"] = trials["steps_to_target"].fillna(math.inf)
    diverged = rows["diverged"].astype(bool)
    status = diverged.map({True: Status.INFEASIBLE.value, False: Status.COMPLETE.value})
    trials = trials.assign(trial=range(len(rows)), status=status, feasible=~diverged)
    values, used = values.add_prefix("searched_"), _used(values).add_prefix("used_")
    trials = trials_table(pd.concat([trials, values, used], axis=1))
    reruns = trials.loc[again, [column for column in RERUNS if column in trials]].assign(
        trial=trials.loc[repeated, "trial"].to_numpy()
    )
    reruns["rerun"] = reruns.groupby("trial").cumcount()
    return Contestant(
        name=name,
        title=f"{name} with momentum" if with_momentum else name,
        rule=rule,
        trials=trials[~again] if again.any() else trials,
        dimensions={**reported, **ranges},
        reruns=reruns[list(RERUNS)],
    )


def check_inside(name: str, values: pd.DataFrame, reported: Mapping[str, Dimension]) -> None:
    """Raises StudyError if a value is outside its range: then one of the two is wrong."""
    for searched, dimension in reported.items():
        if searched not in values or isinstance(dimension, Choice):
            continue
        low, high, known = dimension.low, dimension.high, values[searched].dropna()
        outside = known[
            (known < low - _ROUNDING * abs(low)) | (known > high + _ROUNDING * abs(high))
        ]
        if len(outside):
            raise StudyError(
                f"{name}: {searched} must lie between {low:g} and {high:g}, its range; got "
                f"{outside.iloc[0]:g}"
            )


def _rule(name: str, rows: pd.DataFrame) -> Rule | None:
    named = rows["rule"].dropna() if "rule" in rows else pd.Series(dtype=object)
    return rule_named(str(named.iloc[0]) if len(named) else name)


def _has_momentum(rows: pd.DataFrame, given: Sequence[str]) -> bool:
    """Whether a momentum other than 0 was used, which other tools have in their SGD."""
    return any(
        searched_value(name, value) != 1.0
        for name in given
        if searched_name(name, None) == "one_minus_gamma"
        for value in rows[name].dropna().unique()
    )


def _hyperparameters(rows: pd.DataFrame) -> list[str]:
    """Columns of values of this optimizer: numbers, not results, not ends of ranges."""
    ends = {n for n in rows if n.endswith(("_low", "_high"))}
    return [
        name
        for name in rows
        if name not in RESULTS
        and name not in ends
        and pd.api.types.is_numeric_dtype(rows[name])
        and rows[name].notna().any()
    ]


def _used(values: pd.DataFrame) -> pd.DataFrame:
    """Returns the arguments that the optimizer got, as far as the searched names say it.

    Where two names become one argument, the later column counts. Columns are in the order in which
    rows have them.
    """
    nothing = np.full(len(values), math.nan)
    epsilon = values["epsilon"].to_numpy() if "epsilon" in values else nothing
    used: dict[str, FloatArray] = {}
    first: dict[str, tuple[int, int]] = {}
    for place, name in enumerate(values):
        meaning = HYPERPARAMETERS.get(name)
        if meaning is None or meaning.transform == "fraction_of_budget":
            continue
        searched = values[name].to_numpy()
        known = ~np.isnan(searched) & (epsilon > 0 if meaning.needs_epsilon else True)
        if not known.any():
            continue
        given = (
            [
                meaning.value(name, {name: value, "epsilon": e}, 0)
                for value, e in zip(searched[known].tolist(), epsilon[known].tolist(), strict=True)
            ]
            if meaning.needs_epsilon
            else meaning.value(name, {name: searched[known]}, 0)  # of all at once
        )
        column = used.setdefault(meaning.argument, nothing.copy())
        column[known] = given
        where = int(known.argmax()), place
        first[meaning.argument] = min(where, first.get(meaning.argument, where))
    order = sorted(used, key=lambda argument: first[argument])
    return pd.DataFrame(used, index=values.index, columns=order, dtype=float)


def _dimensions(
    name: str, rows: pd.DataFrame, given: Sequence[str], rule: Rule | None
) -> dict[str, Dimension]:
    """Ranges that are reported, and what did not vary in two trials or more."""
    found: dict[str, Dimension] = {}
    ends = rows[[n for n in rows if n.endswith(("_low", "_high"))]].dropna(axis=1, how="all")
    with_ends = [n.removesuffix("_low") for n in ends if n.endswith("_low")]
    for known in dict.fromkeys([*with_ends, *given]):
        if f"{known}_low" in ends:
            low, high = (_end(name, ends, f"{known}_{end}") for end in ("low", "high"))
            if not low <= high:
                raise StudyError(
                    f"{name}: {known}_low must be <= {known}_high; got {low:g} and {high:g}"
                )
            found[searched_name(known, rule)] = searched_range(known, low, high)
        elif len(rows) > 1 and (rows[known] == rows[known].iloc[0]).all():
            value = searched_value(known, float(rows[known].iloc[0]))
            found[searched_name(known, rule)] = Fixed(fixed=value)
    return found


def _end(name: str, ends: pd.DataFrame, column: str) -> float:
    values = ends[column].dropna().unique() if column in ends else []
    if len(values) != 1:
        raise StudyError(
            f"{name}: {column} must be one number for all trials of an optimizer; got "
            f"{[float(value) for value in values]} (give trials of another search space another "
            "optimizer name)"
        )
    return float(values[0])
