"""Runs with nested settings and named metrics, as most tools keep them, as comparisons.

    {"optimizer": {"name": "adam", "lr": 0.1}, "seed": 3}, {"val_accuracy": 0.9, "test_loss": 0.8}

What importers of such tools have in common. `settings` says which settings are hyperparameters,
`measured` which metric decides.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.measured import Measured, measured, metric_of
from tfoptcmp.analysis.sources.names import searched_name, searched_value
from tfoptcmp.analysis.sources.settings import (
    OPTIMIZER,
    SEED,
    STEPS,
    RangeOf,
    Settings,
    number,
    short,
)
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.rules import rule_named
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.schema import StudyError

_NAMES_IT = (
    rf"(?:.*/)?(?:{OPTIMIZER})(?:_?(?:name|type|class|kind))?"
    rf"|(?:.*/)?(?:{OPTIMIZER})/(?:name|type|class|class_name|kind|_target_)"
)
_WORKLOAD = r"(?:.*/)?(?:workload|dataset|task|testproblem|problem)(?:/name|_name)?"
_SCHEDULE = r"(?:.*/)?(?:lr_|learning_rate_)?schedule[r]?(?:/name|_name|/_target_|/type)?"
_MOST_NAMED = 20  # metrics that are not read; RLlib has hundreds


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
    named = _setting_that_names(runs, _WORKLOAD, varying=True)
    groups: dict[str, list[Run]] = {}
    for run in runs:
        key = str(run.settings.get(named, "")) if named else ""
        groups.setdefault(f"{workload}, {key}" if key else workload, []).append(run)
    return [
        _comparison(name, some, decided, origin, tuning_budget, range_of, remarks, {named})
        for name, some in groups.items()
    ]


def optimizers_of(runs: Sequence[Run]) -> list[str]:
    """Returns each run's optimizer: what the settings say, in the first spelling, or its label."""
    says = _setting_that_names(runs, _NAMES_IT, varying=False)
    found = [short(run.settings.get(says)) or run.label for run in runs]
    spelled: dict[str, str] = {}
    return [spelled.setdefault(name.lower(), name) for name in found]


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
    used: set[str],
) -> Comparison:
    says = _setting_that_names(runs, _NAMES_IT, varying=False)
    optimizers = optimizers_of(runs)
    if not all(optimizers):
        raise StudyError(
            f"{origin}: a run has no setting that names its optimizer, such as 'optimizer' or "
            f"'optimizer/name'; its settings are {sorted(runs[optimizers.index('')].settings)}"
        )
    if not says:
        remarks += ("No setting names the optimizer: it is called after its directory.",)
    rows: list[dict[str, Any]] = [{} for _ in runs]
    ranges: dict[str, dict[str, Dimension]] = {}
    schedules: dict[str, str] = {}
    not_read: dict[str, None] = {}
    said: dict[str, None] = dict.fromkeys(filter(None, (*remarks, decided.remark)))
    for optimizer in dict.fromkeys(optimizers):
        where = [i for i, one in enumerate(optimizers) if one == optimizer]
        of_it = Settings(optimizer, [runs[i].settings for i in where], set(optimizers))
        for i in where:
            rows[i] = {"optimizer": optimizer, **_results(runs[i], decided)}
        rest = of_it.read(range_of, used | {says})
        for setting, column in of_it.columns.items():
            for i in where:
                value = runs[i].settings.get(setting)
                rows[i][column] = math.nan if value is None else number(value)
            if dimension := range_of(optimizer, setting, column):
                values = [number(one.get(setting)) for one in of_it.settings]
                searched = [searched_value(column, v) for v in values if v is not None]
                called = searched_name(column, rule_named(optimizer))
                if _holds(dimension, searched):
                    ranges.setdefault(optimizer, {})[called] = dimension
                else:
                    said[
                        f"The range of {setting!r} was not used: values of {optimizer} lie outside."
                    ] = None
        steps = of_it.matching(STEPS)
        if steps and all(math.isnan(runs[i].steps) for i in where):
            said[f"{steps!r} is what a trial spent, and shown as its steps."] = None
            for i in where:
                rows[i]["steps"] = number(runs[i].settings.get(steps))
            rest.pop(steps, None)
        if schedule := of_it.constant(_SCHEDULE):
            schedules[optimizer] = schedule
        seed = of_it.matching(SEED)
        texts = [
            name
            for name in rest
            if name not in (seed, steps) and of_it.varies(name) and not of_it.is_of_another(name)
        ]
        if seed and texts:
            said[f"{seed!r} was not read: runs of one point differ in {_listed(texts)}."] = None
        elif seed:
            rest.pop(seed, None)
            for i in where:
                rows[i]["seed"] = number(runs[i].settings.get(seed))
        elif texts:
            said[f"{_listed(texts)} differ between trials of {optimizer} and were not read."] = None
        not_read |= rest
        if of_it.always("nesterov"):
            for i in where:
                rows[i]["rule"] = "nesterov"
    table = pd.DataFrame(rows).dropna(axis=1, how="all")
    if "validation" not in table and "test" not in table:  # all diverged: it was measured
        table["validation" if decided.validation else "test"] = math.nan
    metrics = dict.fromkeys(name for run in runs for name in run.metrics)
    unread = [name for name in metrics if name not in (decided.validation, decided.test)]
    if len(unread) > _MOST_NAMED:
        unread = [*unread[:_MOST_NAMED], f"{len(unread) - _MOST_NAMED} other metrics"]
    finite = [
        v for split in ("validation", "test") if split in table for v in table[split].dropna()
    ]
    return of_table(
        workload,
        table.assign(diverged=[row["diverged"] for row in rows]),
        tuning_budget=tuning_budget,
        metric=metric_of(decided.name, decided.maximize, [v for v in finite if math.isfinite(v)]),
        ranges=ranges,
        not_read=(*sorted(not_read), *unread),
        remarks=tuple(said),
        schedules=schedules,
        origin=origin,
    )


def _results(run: Run, decided: Measured) -> dict[str, Any]:
    """The columns of a run's results; one that ended without its metric did not end well."""
    found: dict[str, Any] = {"status": run.status, "steps": run.steps, "diverged": False}
    for split, name in (("validation", decided.validation), ("test", decided.test)):
        if name in run.metrics:
            value = run.metrics[name]
            found[split] = math.nan if value is None else value
    deciding = found.get("validation" if decided.validation else "test")
    if deciding is None:
        found["status"] = run.status if _unlike_complete(run.status) else "incomplete"
    elif not math.isfinite(deciding):
        found["diverged"] = True
    return found


def _unlike_complete(status: str) -> bool:
    return status.lower() not in ("", "complete", "completed", "terminated", "finished")


def _setting_that_names(runs: Sequence[Run], pattern: str, *, varying: bool) -> str:
    """The setting of this name that is a text: one that differs between runs, else the first."""
    found: list[str] = []
    for name in dict.fromkeys(name for run in runs for name in run.settings):
        if not re.fullmatch(pattern, name, re.IGNORECASE):
            continue
        given = [run.settings.get(name) for run in runs]
        texts = [value for value in given if value is not None]
        if texts and all(isinstance(value, str) for value in texts):
            if len(set(given)) > 1:
                return name
            found.append(name)
    return "" if varying or not found else found[0]


def _holds(dimension: Dimension, values: Sequence[float]) -> bool:
    slack = 1e-6 * max(abs(dimension.low), abs(dimension.high))
    return all(dimension.low - slack <= value <= dimension.high + slack for value in values)


def _listed(names: Sequence[str]) -> str:
    shown = [repr(name) for name in names[:5]]
    return ", ".join(shown) + (" and others" if len(names) > 5 else "")
