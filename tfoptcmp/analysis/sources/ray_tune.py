"""Experiments of Ray Tune as comparisons; Ray is not needed to read them.

    <experiment>/experiment_state-<time>.json
    <experiment>/<trial>/params.json
    <experiment>/<trial>/result.json, one JSON object per report, in lines
    <experiment>/<trial>/error.txt, error.pkl

The last report counts. Pickles (`tuner.pkl` and those inside the state) are never opened: loading
one runs its code. Only they hold the search space and the direction of the metric.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.containers import find_beside, why
from tfoptcmp.analysis.sources.result_names import higher_is_better
from tfoptcmp.analysis.sources.runs import Run, comparisons_of, optimizers_of, side_by_side
from tfoptcmp.analysis.sources.setting_names import is_role
from tfoptcmp.analysis.sources.settings import flat, number
from tfoptcmp.analysis.sources.workloads import workload_settings
from tfoptcmp.study.files import exists, reading
from tfoptcmp.study.files import find as find_files
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

_STATE = "experiment_state-*.json"
_ROUNDS = "training_iteration"
# What Ray adds to each report.
_BOOKKEEPING = (
    *("timestamp", "checkpoint_dir_name", "done", "trial_id", "date", "time_this_iter_s"),
    *("time_total_s", "pid", "hostname", "node_ip", "config", "time_since_restore"),
    *(_ROUNDS, "iterations_since_restore", "timesteps_total", "episodes_total"),
    *("timesteps_since_restore", "experiment_id", "experiment_tag", "should_checkpoint"),
)


def find(path: Path) -> list[Path]:
    """Returns the states of the experiment at a path, or of those one level below."""
    return find_files(path, _STATE) or find_beside(path, f"*/{_STATE}")


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads experiments.

    Args:
        files: Their states; of several of one experiment, which was resumed, the last counts.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.

    Raises:
        StudyError: If a file is damaged or no trial ended; the message names it.
    """
    states = {path.parent.resolve(): read_json(path) for path in sorted(files)}
    runs = {directory: _runs(directory, state) for directory, state in states.items()}
    found = []
    for where, directories in side_by_side(runs).items():
        objectives = {_objective(states[directory]) for directory in directories}
        some = [run for directory in directories for run in runs[directory]]
        names = ", ".join(repr(directory.name) for directory in directories)
        objective = objectives.pop() if len(objectives) == 1 else ""
        said: tuple[str, ...] = (
            f"Ray Tune experiment{'s' if len(directories) > 1 else ''} {names}: {len(some)} trials,"
            f" metric {objective or 'not recorded'}, its direction by its name; the last report of "
            "each trial.",
            f"Steps are {_ROUNDS}, Ray's number of reports.",
            "Search ranges are not read: Ray keeps them in pickles only.",
        )
        if any(run.status == "stopped" for run in some):
            said += (
                "'stopped' are trials that ended without an error after fewer reports than others "
                "of their optimizer.",
            )
        found += comparisons_of(
            some,
            workload=where.name,
            origin=where,
            tuning_budget=tuning_budget,
            objective=objective,
            remarks=said,
        )
    return found


def _objective(state: Mapping[str, Any]) -> str:
    named = state.get("runner_data", {}).get("_metric")
    return named.replace(".", "/") if isinstance(named, str) else ""


def _runs(directory: Path, state: Mapping[str, Any]) -> list[Run]:
    """The runs of an experiment, those that were stopped early with the status "stopped"."""
    try:
        trials = [json.loads(pair[0]) for pair in state.get("trial_data", [])]
        known = {Path(one["relative_logdir"] or one["trial_id"]).name: one for one in trials}
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(f"{directory}: its {_STATE} is not of Ray Tune: {why(error)}") from error
    folders = {path.parent.name for path in find_beside(directory, "*/params.json")}
    runs = [_run(directory / name, known.get(name, {})) for name in sorted(folders | set(known))]
    if not runs:
        raise StudyError(f"{directory} has no trials: no folder in it has a params.json")
    return _with_stopped(runs, _objective(state))


def _run(folder: Path, known: Mapping[str, Any]) -> Run:
    given = folder / "params.json"
    config = read_json(given) if exists(given) else known.get("config", {})
    last = _last_report(folder / "result.json")
    status = str(known.get("status", "")) or ("TERMINATED" if last.get("done") else "RUNNING")
    has_error = any(exists(folder / f"error.{end}") for end in ("txt", "pkl"))
    # A trial that was tried again with success keeps the file of its first error.
    if status == "ERROR" or (has_error and known.get("status") != "TERMINATED"):
        status = "failed"
    criterion = known.get("stopping_criterion")
    if isinstance(criterion, dict) and _is_met(criterion, last):
        status = "done"  # by the experiment's own rule, not for being worse
    metrics = {
        name.replace(".", "/"): value
        for name, value in flat({k: v for k, v in last.items() if k not in _BOOKKEEPING}).items()
        if value is None or (number(value) is not None and not isinstance(value, str))
    }
    return Run(
        settings=flat(config),
        metrics=metrics,
        status=status,
        steps=float(last.get(_ROUNDS, math.nan)),
        label=folder.parent.name,
    )


def _last_report(path: Path) -> dict[str, Any]:
    """The last whole line: a run that was killed may leave a part of one."""
    if not exists(path):
        return {}
    last: dict[str, Any] = {}
    with reading(path), open(path, encoding="utf-8") as file:
        for place, line in enumerate(file, 1):
            if not line.endswith("\n") or not line.strip():
                continue
            try:
                found = json.loads(line)
            except ValueError as error:
                raise StudyError(f"{path}, line {place}, is not JSON: {error}") from error
            if not isinstance(found, dict):
                raise StudyError(f"{path}, line {place}, must hold a JSON object")
            last = found
    return last


def _is_met(criterion: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    reports = flat(last)
    limits = {name: number(value) for name, value in flat(criterion).items()}
    reached = {name: number(reports.get(name)) for name in limits}
    return any(
        limit is not None and (value := reached[name]) is not None and value >= limit
        for name, limit in limits.items()
    )


def _with_stopped(runs: Sequence[Run], objective: str) -> list[Run]:
    named = workload_settings([run.settings for run in runs])
    kinds = [
        (optimizer, *(run.settings.get(name) for name in named))
        for optimizer, run in zip(optimizers_of(runs), runs, strict=True)
    ]
    most: dict[tuple[Any, ...], float] = {}
    for kind, run in zip(kinds, runs, strict=True):
        if run.status in ("TERMINATED", "done") and not math.isnan(run.steps):
            most[kind] = max(run.steps, most.get(kind, 0.0))
    return [
        replace(run, status="stopped")
        if run.status == "TERMINATED"
        and run.steps < most.get(kind, 0.0)
        and not _has_diverged(run, objective)
        and not _is_whole(run)
        else run
        for kind, run in zip(kinds, runs, strict=True)
    ]


def _has_diverged(run: Run, objective: str) -> bool:
    """Whether what is to be ranked by is no number: then it was not stopped for being worse."""
    deciding = [objective] if objective in run.metrics else run.metrics
    values = [run.metrics[n] for n in deciding if n == objective or higher_is_better(n) is not None]
    return not all(value is not None and math.isfinite(value) for value in values)


def _is_whole(run: Run) -> bool:
    """Whether it reported as often as its own settings say: "epochs" may be searched, too."""
    own = [number(value) for name, value in run.settings.items() if is_role(name, "steps")]
    return run.steps in own
