"""A table of results, one row a trial, from any tool.

Columns (an example below); all but the first two may be missing:

    optimizer    required: the optimizer's name. Trials of one optimizer have the same.
    test         required, unless `validation` is there: final test metric, LOWER is better.
    validation   final validation metric, which trials are selected by; lower is better.
    rule         update rule (sgd, momentum, nesterov, rmsprop, adam, nadam) where the optimizer's
                 name does not say it.
    workload     what was trained, if several things were.
    diverged     1 or true for trials whose loss became NaN or infinite. Without this column those
                 with neither a validation nor a test metric.
    steps        training steps of the trial.
    steps_to_target   steps until the target was reached; empty if it was not.
    train_loss   final training loss.
    seed         seed of the trial. Rows that differ in nothing but the seed are runs of one trial:
                 the first counts, the others show what a seed changes.
    selected     1 for the trial whose result the comparison reports.
    gradient_rms largest root mean square of the gradient during the trial.
    num_validation, num_test   examples in these sets, for the standard error of error rates.
    <name>       a hyperparameter's value: learning_rate, momentum, rho, beta_1, beta_2, epsilon;
                 alpha0_over_epsilon and the other names of our search spaces; or any other.
    <name>_low, <name>_high   the range it was searched over, or twice the value it was fixed at.

    optimizer,validation,test,learning_rate,learning_rate_low,learning_rate_high
    momentum,0.081,0.083,0.02,0.0001,10
    momentum,0.090,0.088,0.3,0.0001,10
    adam,0.079,0.084,0.001,0.00001,1
"""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.evidence import Entry, Evidence, default_tuning_budget
from tfoptcmp.analysis.importers.names import (
    rule_named,
    searched_name,
    searched_range,
    searched_value,
)
from tfoptcmp.records import StudyError
from tfoptcmp.signatures import RULES
from tfoptcmp.spaces import Dimension, Fixed

_RESULTS = (
    "optimizer",
    "rule",
    "workload",
    "validation",
    "test",
    "diverged",
    "steps",
    "steps_to_target",
    "train_loss",
    "seed",
    "selected",
    "gradient_rms",
    "num_validation",
    "num_test",
)
_TRUE, _FALSE = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no", "", "nan")
_NUMBERS = tuple(n for n in _RESULTS if n not in ("optimizer", "rule", "workload", "diverged"))


def read_csv(path: Path | str, tuning_budget: int | None = None) -> list[Evidence]:
    """Reads a table of results, an evidence for each workload.

    Args:
        path: A CSV file with the columns above.
        tuning_budget: K >= 1; by default a fifth of the trials.

    Raises:
        StudyError: If it cannot be read as such a table; the message says what is allowed.
    """
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read as CSV: {error}") from error
    table.columns = [str(name).strip() for name in table.columns]
    _check_columns(path, table)
    table = _checked(path, table)
    workloads = table.get("workload", pd.Series(Path(path).stem, index=table.index))
    return [
        evidence_of_table(str(workload), group, tuning_budget=tuning_budget)
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
    """Returns the evidence in a table with the columns above, `diverged` among them.

    Args:
        workload: What was trained.
        table: One row a trial.
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


def _check_columns(path: Path | str, table: pd.DataFrame) -> None:
    for name in table.columns:
        if "accuracy" in name.lower():
            raise StudyError(
                f"{path}: lower must be better; got a column {name!r}: give 1 - accuracy as "
                "'validation' and 'test'"
            )
    needed = ["optimizer"] if {"validation", "test"} & set(table.columns) else ["optimizer", "test"]
    if missing := [name for name in needed if name not in table.columns]:
        raise StudyError(
            f"{path}: columns must include 'optimizer' and 'validation' or 'test'; "
            f"missing {missing} of {list(table.columns)}; all columns: tfoptcmp-audit --help"
        )
    if table.empty:
        raise StudyError(f"{path}: must have a row for each trial; got none")
    for name in table.columns:
        for end, other in (("_low", "_high"), ("_high", "_low")):
            if name.endswith(end) and name.removesuffix(end) + other not in table.columns:
                raise StudyError(
                    f"{path}: {name!r} needs a column {name.removesuffix(end) + other!r}"
                )


def _checked(path: Path | str, table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as numbers, `diverged` and `selected` as booleans; names as strings."""
    table = table.copy()
    if table["optimizer"].isna().any():
        row = int(table["optimizer"].isna().idxmax()) + 2
        raise StudyError(f"{path}, line {row}: 'optimizer' must be a name; got nothing")
    for rule in table.get("rule", pd.Series(dtype=object)).dropna():
        if rule not in RULES:
            raise StudyError(f"{path}: rule must be one of {list(RULES)}; got {rule!r}")
    for name in (n for n in table.columns if n in ("diverged", "selected")):
        words = table[name].astype(str).str.strip().str.lower()
        if not words.isin(_TRUE + _FALSE).all():
            wrong = words[~words.isin(_TRUE + _FALSE)].iloc[0]
            raise StudyError(f"{path}: {name!r} must be 0, 1, true or false; got {wrong!r}")
        table[name] = words.isin(_TRUE)
    for name in table.columns:
        if name in ("optimizer", "rule", "workload", "diverged", "selected"):
            continue
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = table[name][numbers.isna() & table[name].notna()]
        if len(wrong) and (name in _NUMBERS or name.endswith(("_low", "_high"))):
            raise StudyError(
                f"{path}, line {int(wrong.index[0]) + 2}: {name!r} must be a number; "
                f"got {wrong.iloc[0]!r}"
            )
        if not len(wrong):
            table[name] = numbers.astype(float)
    metrics = table[[n for n in ("validation", "test") if n in table]]
    without = ~metrics.map(math.isfinite).any(axis=1)
    if "diverged" not in table:
        table["diverged"] = without
    elif (without & ~table["diverged"]).any():
        row = int((without & ~table["diverged"]).idxmax()) + 2
        raise StudyError(f"{path}, line {row}: a trial that did not diverge must have a metric")
    return table


def _entry(name: str, rows: pd.DataFrame, selected_by: str, ranges: dict[str, Dimension]) -> Entry:
    named = rows["rule"].dropna() if "rule" in rows else pd.Series(dtype=object)
    rule = str(named.iloc[0]) if len(named) else rule_named(name)
    given = _hyperparameters(rows)
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
    dimensions = {**_dimensions(rows.loc[kept], given, rule), **ranges}
    return Entry(
        name=name,
        title=name,
        update_rule=RULES.get(rule or ""),
        trials=trials.loc[kept],
        values=values.loc[kept],
        dimensions=dimensions,
        reruns=again,
    )


def _hyperparameters(rows: pd.DataFrame) -> list[str]:
    """Columns of values of this optimizer: numbers, not results, not ends of ranges."""
    ends = {n for n in rows if n.endswith(("_low", "_high"))}
    return [
        name
        for name in rows
        if name not in _RESULTS
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


def _dimensions(rows: pd.DataFrame, given: Sequence[str], rule: str | None) -> dict[str, Dimension]:
    """Ranges that are reported, and what did not vary in two trials or more."""
    found: dict[str, Dimension] = {}
    with_ends = [n.removesuffix("_low") for n in rows if n.endswith("_low")]
    for name in dict.fromkeys([*with_ends, *given]):
        if f"{name}_low" in rows and rows[f"{name}_low"].notna().any():
            low, high = (float(rows[f"{name}_{end}"].dropna().iloc[0]) for end in ("low", "high"))
            if not low <= high:
                raise StudyError(f"{name}_low must be <= {name}_high; got {low:g} and {high:g}")
            found[searched_name(name, rule)] = searched_range(name, low, high)
        elif len(rows) > 1 and rows[name].nunique(dropna=False) == 1:
            value = searched_value(name, float(rows[name].iloc[0]))
            found[searched_name(name, rule)] = Fixed(fixed=value)
    return found
