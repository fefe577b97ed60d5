"""Tables of results as evidence; `columns` says what they hold."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.evidence import Entry, Evidence, default_tuning_budget
from tfoptcmp.analysis.sources.columns import RESULTS, read_table
from tfoptcmp.analysis.sources.names import (
    rule_named,
    searched_name,
    searched_range,
    searched_value,
)
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import Dimension, Fixed
from tfoptcmp.study.schema import StudyError


def read_csv(path: Path | str, tuning_budget: int | None = None) -> list[Evidence]:
    """Reads a table of results, an evidence for each workload.

    Args:
        path: A CSV file with the columns that `columns` lists.
        tuning_budget: K >= 1; by default a fifth of the trials.

    Raises:
        StudyError: If it cannot be read as such a table; the message says what is allowed.
    """
    table, not_read = read_table(path)
    named = table.get("workload", pd.Series(math.nan, table.index)).astype(object)
    workloads = named.fillna(Path(path).stem)
    return [
        replace(
            evidence_of_table(str(workload), group, tuning_budget=tuning_budget), not_read=not_read
        )
        for workload, group in table.groupby(workloads, sort=False)
    ]


def evidence_of_table(
    workload: str,
    table: pd.DataFrame,
    *,
    tuning_budget: int | None = None,
    metric_unit: str = "",
    ranges: dict[str, dict[str, Dimension]] | None = None,
) -> Evidence:
    """Returns the evidence in a table.

    Args:
        workload: What was trained.
        table: One row a trial, with columns as in `columns`, `diverged` among them.
        tuning_budget: K >= 1; by default a fifth of the trials.
        metric_unit: "share", "nats" or "" for not known; by default a share if all are in [0, 1]
            and the sizes of the sets are given.
        ranges: Optimizer to searched name to dimension, beside the columns `<name>_low`.
    """
    selected_by = "validation" if table.get("validation", pd.Series()).notna().any() else "test"
    entries = [
        _entry(str(name), rows, selected_by, (ranges or {}).get(str(name), {}))
        for name, rows in table.groupby("optimizer", sort=False)
    ]
    entries.sort(key=lambda e: list(RULES).index(e.rule) if e.rule else len(RULES))
    sizes = {
        split: int(table[f"num_{split}"].dropna().iloc[0])
        for split in ("validation", "test")
        if f"num_{split}" in table and table[f"num_{split}"].notna().any()
    }
    smallest = min((e.num_feasible for e in entries if e.num_feasible), default=0)
    results = pd.concat([e.feasible[["validation", "test"]] for e in entries])
    is_share = bool(sizes) and bool(results.stack().between(0, 1).all())
    return Evidence(
        workload=workload,
        metric_unit=metric_unit or ("share" if is_share else ""),
        entries=tuple(entries),
        tuning_budget=tuning_budget or default_tuning_budget(smallest),
        num_examples=sizes if metric_unit == "share" or is_share else {},
        selected_by=selected_by,
    )


def _entry(name: str, rows: pd.DataFrame, selected_by: str, ranges: dict[str, Dimension]) -> Entry:
    given = _hyperparameters(rows)
    called = _rule(name, rows)
    rule = "momentum" if called == "sgd" and _has_momentum(rows, given) else called
    values = pd.DataFrame(
        {searched_name(n, rule): [searched_value(n, v) for v in rows[n]] for n in given},
        index=rows.index,
    )
    repeated = _repeated(rows, values)
    trials = pd.DataFrame({"trial": range(len(rows))}, index=rows.index)
    for column in ("validation", "test"):
        trials[column] = rows.get(column, math.nan)
    if selected_by == "test":
        trials["validation"] = trials["test"]
    trials["diverged"] = rows["diverged"].astype(bool)
    for column in ("steps", "train_loss", "seed", "selected", "gradient_rms"):
        if column in rows:
            trials[column] = rows[column]
    if "steps_to_target" in rows:
        trials["steps_to_target"] = rows["steps_to_target"].fillna(math.inf)
    again = trials.loc[repeated.index, ["validation", "test"]]
    again["trial"] = trials.loc[repeated, "trial"].to_numpy()
    kept = trials.index.difference(repeated.index, sort=False)
    dimensions = {**_dimensions(name, rows.loc[kept], given, rule), **ranges}
    return Entry(
        name=name,
        title=name if rule == called else f"{name} with momentum",
        update_rule=RULES.get(rule or ""),
        trials=trials.loc[kept],
        values=values.loc[kept],
        dimensions=dimensions,
        reruns=again,
    )


def _rule(name: str, rows: pd.DataFrame) -> str | None:
    named = rows["rule"].dropna() if "rule" in rows else pd.Series(dtype=object)
    return rule_named(str(named.iloc[0]) if len(named) else name)


def _has_momentum(rows: pd.DataFrame, given: Sequence[str]) -> bool:
    """Whether a momentum other than 0 was used, which other tools have in their SGD."""
    return any(
        searched_value(name, value) != 1.0
        for name in given
        if searched_name(name, "sgd") == "one_minus_gamma"
        for value in rows[name].dropna()
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


def _repeated(rows: pd.DataFrame, values: pd.DataFrame) -> "pd.Series[int]":
    """Returns for each row that repeats a trial with another seed the row of its first run."""
    if "seed" not in rows or values.empty:
        return pd.Series(dtype=int)
    row = pd.Series(rows.index, index=rows.index)
    first = row.groupby([values[name] for name in values], dropna=False).transform("first")
    fresh = rows["seed"].to_numpy() != rows.loc[first, "seed"].to_numpy()
    return first[(first != row) & fresh]


def _dimensions(
    name: str, rows: pd.DataFrame, given: Sequence[str], rule: str | None
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
        elif len(rows) > 1 and rows[known].nunique(dropna=False) == 1:
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
