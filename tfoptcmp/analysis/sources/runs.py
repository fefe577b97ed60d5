"""Runs with nested settings and named metrics, as most tools keep them, as comparisons.

    {"optimizer": {"name": "adam", "lr": 0.1}, "seed": 3}, {"val_accuracy": 0.9, "test_loss": 0.8}

What importers of such tools have in common. `settings` says which settings are hyperparameters,
`measured` which metric decides.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.measured import Measured, measured
from tfoptcmp.analysis.sources.names import ends_of, searched_name, searched_value
from tfoptcmp.analysis.sources.result_names import metric_of
from tfoptcmp.analysis.sources.settings import (
    number,
    optimizer_settings,
    settings_of,
    spelled,
)
from tfoptcmp.analysis.sources.statuses import is_complete
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.sources.workloads import by_workload, workload_settings
from tfoptcmp.rules import rule_named
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.schema import StudyError

_MOST_NAMED = 20  # metrics that are not read; RLlib has hundreds

RangeOf = Callable[[str, str, str], Dimension | None]
"""Optimizer, name of the setting, name of the column: the range that was searched, if recorded."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a tool.

    Attributes:
        settings: Flat name to value, see `settings.flat`.
        metrics: Name to value, each the one that counts; None where the tool wrote null.
        status: A word of `statuses`, or "" if the tool keeps none.
        steps: What the run spent; NaN if not known.
        label: Name of its optimizer if no setting says it.
    """

    settings: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    status: str = ""
    steps: float = math.nan
    label: str = ""


def comparisons_of(
    runs: Sequence[Run],
    *,
    workload: str,
    origin: Path,
    tuning_budget: int | None = None,
    objective: str = "",
    maximize: bool | None = None,
    range_of: RangeOf = lambda optimizer, setting, column: None,
    remarks: tuple[str, ...] = (),
) -> list[Comparison]:
    """Returns a comparison for each workload that the settings name.

    Args:
        runs: At least one, of one tool.
        workload: If no setting names it.
        origin: Where they were read.
        tuning_budget: See `of_table`.
        objective: The metric that was searched for, if the tool records it.
        maximize: Its direction; None if the tool does not record it.
        range_of: The ranges that the tool records.
        remarks: What to say of what was read.

    Raises:
        StudyError: If the optimizer or the metric cannot be told, or no run ended.
    """
    names = [name for run in runs for name in run.metrics]
    if not names:
        counts = Counter(run.status.lower() or "without metrics" for run in runs)
        said = ", ".join(f"{count} {status}" for status, count in counts.items())
        raise StudyError(f"{origin}: no trial has a result; {said}")
    decided = measured(origin, names, objective, maximize)
    given = [run.settings for run in runs]
    named = workload_settings(given)
    statuses = [_results(run, decided)["status"] for run in runs]
    groups, more = by_workload(given, named, workload, statuses)
    return [
        _comparison(
            name,
            [runs[i] for i in places],
            decided,
            origin,
            tuning_budget,
            range_of,
            (*remarks, *more),
            named,
        )
        for name, places in groups.items()
    ]


def optimizers_of(runs: Sequence[Run]) -> list[str]:
    """Returns each run's optimizer: what the settings say, in the first spelling, or its label."""
    says = _optimizer_setting(runs)
    return spelled(run.settings.get(says) or run.label for run in runs)


def side_by_side(
    runs: Mapping[Path, Sequence[Run]], above: Callable[[Path], Path] = lambda one: one.parent
) -> dict[Path, list[Path]]:
    """Returns which directories are one comparison, by where it lies.

    A directory of several optimizers is one by itself. Those of one each are one together if they
    lie side by side.

    Args:
        runs: Directory to its runs.
        above: Directory to where its neighbours lie.
    """
    groups: dict[Path, list[Path]] = {}
    for directory, some in runs.items():
        alone = len(set(optimizers_of(some))) > 1
        groups.setdefault(directory if alone else above(directory), []).append(directory)
    return {some[0] if len(some) == 1 else where: some for where, some in groups.items()}


def _comparison(
    workload: str,
    runs: Sequence[Run],
    decided: Measured,
    origin: Path,
    tuning_budget: int | None,
    range_of: RangeOf,
    remarks: tuple[str, ...],
    used: Sequence[str],
) -> Comparison:
    says = _optimizer_setting(runs)
    optimizers = optimizers_of(runs)
    if not all(optimizers):
        raise StudyError(
            f"{origin}: a run has no setting that names its optimizer, such as 'optimizer' or "
            f"'optimizer/name'; its settings are {sorted(runs[optimizers.index('')].settings)}"
        )
    if not says:
        remarks += ("No setting names the optimizer: it is called after its directory.",)
    found = settings_of(
        [{n: v for n, v in run.settings.items() if n not in (says, *used)} for run in runs],
        optimizers,
        range_of,
        has_steps=any(not math.isnan(run.steps) for run in runs),
    )
    ranges, outside = _ranges(runs, optimizers, found.columns, range_of)
    results = pd.DataFrame([_results(run, decided) for run in runs])
    table = pd.concat([found.table, results], axis=1).dropna(axis=1, how="all")
    if "validation" not in table and "test" not in table:  # all diverged: it was measured
        table["validation" if decided.validation else "test"] = math.nan
    metrics = dict.fromkeys(name for run in runs for name in run.metrics)
    unread = [name for name in metrics if name not in (decided.validation, decided.test)]
    if len(unread) > _MOST_NAMED:
        unread = [*unread[:_MOST_NAMED], f"{len(unread) - _MOST_NAMED} other metrics"]
    results = [table[split] for split in ("validation", "test") if split in table]
    return of_table(
        workload,
        table,
        tuning_budget=tuning_budget,
        metric=metric_of(decided.measure, maximize=decided.maximize, values=results),
        ranges=ranges,
        unread=found.unread,
        not_read=tuple(unread),
        remarks=tuple(
            dict.fromkeys(filter(None, (*remarks, decided.remark, *found.said, *outside)))
        ),
        schedules=found.schedules,
        origin=origin,
    )


def _ranges(
    runs: Sequence[Run],
    optimizers: Sequence[str],
    columns: Mapping[str, Mapping[str, str]],
    range_of: RangeOf,
) -> tuple[dict[str, dict[str, Dimension]], list[str]]:
    """Ranges that hold all values, and what is to be said of the others."""
    found: dict[str, dict[str, Dimension]] = {}
    said = []
    for optimizer, of_one in columns.items():
        mine = [run for run, name in zip(runs, optimizers, strict=True) if name == optimizer]
        for setting, column in of_one.items():
            if dimension := range_of(optimizer, setting, column):
                values = [number(run.settings.get(setting)) for run in mine]
                searched = [searched_value(column, v) for v in values if v is not None]
                called = searched_name(column, rule_named(optimizer))
                first, last = ends_of(called, dimension)
                if all(first <= value <= last for value in searched):
                    found.setdefault(optimizer, {})[called] = dimension
                else:
                    said.append(
                        f"The range of {setting!r} was not used: values of {optimizer} lie outside."
                    )
    return found, said


def _results(run: Run, decided: Measured) -> dict[str, Any]:
    """The columns of a run's results; one that ended without its metric did not end well."""
    found: dict[str, Any] = {"status": run.status, "diverged": False}
    if not math.isnan(run.steps):
        found["steps"] = run.steps
    for split, name in (("validation", decided.validation), ("test", decided.test)):
        if name in run.metrics:
            value = run.metrics[name]
            found[split] = math.nan if value is None else value
    deciding = found.get("validation" if decided.validation else "test")
    if deciding is None:
        found["status"] = "incomplete" if is_complete(run.status) else run.status
    elif not math.isfinite(deciding):
        found["diverged"] = True
    return found


def _optimizer_setting(runs: Sequence[Run]) -> str:
    return next(iter(optimizer_settings([run.settings for run in runs])), "")
