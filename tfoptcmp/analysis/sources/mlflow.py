"""Experiments of MLflow as comparisons.

    the CSV of `mlflow.search_runs()`, an SQLite file (mlflow.db), or a directory `mlruns`

An experiment is a comparison, or one for each data set in it, and a run a trial. A parameter names
the optimizer (`optimizer`, `opt` ...). The validation metric is the one whose name says so
(`val_loss`, `eval/accuracy`). MLflow does not know what was searched over, so there are no ranges.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.command import command
from tfoptcmp.analysis.sources.containers import csv_header
from tfoptcmp.analysis.sources.mlflow_stores import (
    PARENT,
    Experiment,
    Run,
    experiments_in,
    stores,
)
from tfoptcmp.analysis.sources.result_names import (
    higher_is_better,
    is_test,
    is_validation,
    measure,
    metric_of,
    result_on_test,
)
from tfoptcmp.analysis.sources.setting_names import is_role
from tfoptcmp.analysis.sources.settings import optimizer_settings, settings_of, spelled
from tfoptcmp.analysis.sources.statuses import none_ended
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.sources.workloads import by_workload, workload_settings
from tfoptcmp.study.schema import StudyError

_ENDED = ("FINISHED", "FAILED", "KILLED")
_TRAIN_LOSS = "train_loss"
_UNKNOWN = "NAME"  # in a command, for the user to fill in
_MISSING = ("", "None", "nan", "NaN", "null")


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A run and the optimizer that it used."""

    run: Run
    optimizer: str


def find(path: Path) -> list[Path]:
    """Returns the stores of MLflow at a path."""
    return stores(path)


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads experiments; returns a comparison for each whose runs name their optimizer.

    Args:
        files: As `find` returns them.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.

    Raises:
        StudyError: If a store is damaged, no run names an optimizer, or it cannot be told which
            metric is the validation metric.
    """
    found: list[Comparison] = []
    without: list[Experiment] = []
    for experiment in (one for path in files for one in experiments_in(path)):
        name, trials, said = _trials(experiment)
        if trials:
            found += _comparisons(experiment, name, trials, said, tuning_budget)
        elif experiment.runs:
            without.append(experiment)
    if not found:
        names = ", ".join(one.name for one in without)
        hint = f"; name it, as in: {_hint(without[0], _UNKNOWN)}" if without else ""
        raise StudyError(
            f"{', '.join(map(str, files))}: no run of MLflow says which optimizer it used (looked "
            f"for a parameter 'optimizer' in: {names or 'no experiment with runs'}){hint}"
        )
    return found


def _trials(experiment: Experiment) -> tuple[str, list[_Trial], list[str]]:
    """Returns the parameter that names optimizers, the trials, and what was left out."""
    parents = {run.tags[PARENT] for run in experiment.runs if PARENT in run.tags}
    runs = [run for run in experiment.runs if run.run_id not in parents]
    said = [f"MLflow experiment '{experiment.name}', {len(runs)} runs."]
    if nested := len(experiment.runs) - len(runs):
        said.append(f"Runs left out, since others are nested in them: {nested}.")
    tags = [{n: v for n, v in run.tags.items() if not n.startswith("mlflow.")} for run in runs]
    candidates = optimizer_settings([run.parameters for run in runs]) or optimizer_settings(tags)
    if not candidates:
        return "", [], []
    named = candidates[0]
    names = [run.parameters.get(named, run.tags.get(named, "")) for run in runs]
    trials = [
        _Trial(run=run, optimizer=optimizer)
        for run, name, optimizer in zip(runs, names, spelled(names), strict=True)
        if name not in _MISSING
    ]
    if missing := len(runs) - len(trials):
        said.append(f"Runs left out, since they have no {named}: {missing}.")
    return named, trials, said


def _comparisons(
    experiment: Experiment,
    named: str,
    trials: Sequence[_Trial],
    said: Sequence[str],
    tuning_budget: int | None,
) -> list[Comparison]:
    """Returns a comparison for each data set that parameters name."""
    given = [_parameters(one.run, named) for one in trials]
    names = workload_settings(given)
    statuses = [one.run.status if one.run.metrics else "incomplete" for one in trials]
    groups, more = by_workload(given, names, experiment.name, statuses)
    return [
        _comparison(
            experiment,
            workload,
            (named, *names),
            [trials[i] for i in places],
            [*said, *more],
            tuning_budget,
        )
        for workload, places in groups.items()
    ]


def _comparison(
    experiment: Experiment,
    workload: str,
    used: tuple[str, ...],
    trials: Sequence[_Trial],
    said: Sequence[str],
    tuning_budget: int | None,
) -> Comparison:
    named = used[0]
    logged = pd.DataFrame([dict(one.run.metrics) for one in trials], index=range(len(trials)))
    validation, test = _chosen(experiment, [str(name) for name in logged], named)
    given = [_parameters(one.run, *used) for one in trials]
    found = settings_of(given, [one.optimizer for one in trials])
    results = {
        column: logged[name].astype(float)
        for column, name in (
            ("validation", validation),
            ("test", test),
            ("train_loss", _TRAIN_LOSS),
        )
        if name in logged
    }
    main = validation or test
    words = [_status(experiment, one.run, main) for one in trials]
    table = found.table.assign(
        **results, status=words, diverged=[word == "diverged" for word in words]
    )
    maximize = higher_is_better(main)
    roles = [f"validation is {validation}"] if validation else []
    roles += [f"test is {test}"] if test else []
    side = {True: "higher is better", False: "lower is better", None: "lower taken for better"}
    remarks = [*said, f"Of the metrics, {', '.join(roles)}; {side[maximize]}."]
    if maximize is None:
        remarks.append(f"If higher values of {main} are better, give --maximize.")
    remarks += _on_nan(experiment, trials, words, main)
    remarks += [*found.said, *none_ended(table)]
    read = {validation, test, _TRAIN_LOSS}
    return of_table(
        workload,
        table,
        tuning_budget=tuning_budget,
        metric=None
        if maximize is None
        else metric_of(
            main, maximize=maximize, values=[table[s] for s in results if s != "train_loss"]
        ),
        unread=found.unread.add_prefix("params."),
        not_read=tuple(f"metrics.{name}" for name in logged if name not in read),
        remarks=tuple(remarks),
        schedules=found.schedules,
        origin=experiment.path,
    )


def _chosen(experiment: Experiment, names: Sequence[str], named: str) -> tuple[str, str]:
    """Returns the names of the validation and the test metric; "" if there is none."""
    likely = _of_validation(names)
    tests = [name for name in names if is_test(name)]
    if len(likely) == 1:
        return likely[0], result_on_test(names, likely[0], higher_is_better(likely[0]))
    others = [n for n in names if n not in tests and not n.startswith(("system/", "train"))]
    if len(tests) == 1 and not others:
        return "", tests[0]
    among = likely or names
    if not among:
        raise StudyError(f"{experiment.path}: no run of '{experiment.name}' logged a metric")
    which = "several metrics" if likely else "none of the metrics"
    raise StudyError(
        f"{experiment.path}: {which} of '{experiment.name}' look like the validation metric: "
        f"{', '.join(sorted(among))}; name it, as in: {_hint(experiment, named)}"
    )


def _of_validation(names: Sequence[str]) -> list[str]:
    """Those that may be the validation metric: nobody ranks by val_time."""
    of_validation = [name for name in names if is_validation(name)]
    return [n for n in of_validation if higher_is_better(n) is not None or not measure(n)]


def _hint(experiment: Experiment, named: str) -> str:
    """The command that reads the CSV of an experiment as a table."""
    runs = experiment.runs
    names = sorted({name for run in runs for name in run.metrics})  # stores differ in their order
    rest = [n for n in names if not is_test(n) and not n.startswith(("system/", "train"))]
    directed = [name for name in rest if higher_is_better(name) is not None]
    validation = (_of_validation(names) or directed or rest or [_UNKNOWN])[0]
    test = result_on_test(names, validation, higher_is_better(validation))
    chosen = {"validation": validation, **({"test": test} if test else {})}
    logged = pd.DataFrame([dict(run.metrics) for run in runs])
    roles = {"optimizer": named, "status": "status"}
    with_optimizer = [one for one in runs if named in one.parameters or named in one.tags]
    optimizer = [one.parameters.get(named, one.tags.get(named)) for one in with_optimizer]
    given = [_parameters(one, named) for one in with_optimizer]
    roles |= settings_of(given, spelled(optimizer)).shared()
    if data := workload_settings(given):
        roles["workload"] = data[0]
    of_parameters = {name for run in runs for name in run.parameters} | {_UNKNOWN}
    prefixed = {
        role: name
        if role == "status"
        else f"{'params' if name in of_parameters else 'tags'}.{name}"
        for role, name in roles.items()
    }
    is_csv = not experiment.has_nan
    if is_csv and experiment.name != experiment.path.stem and "workload" not in roles:
        prefixed["workload"] = "experiment_id"
    # Between seeds of one trial what MLflow says of a run differs.
    tags = {f"tags.{name}" for run in runs for name in run.tags if name.startswith("mlflow.")}
    ignore = ["artifact_uri"] if not is_csv or "artifact_uri" in csv_header(experiment.path) else []
    ignore += sorted(tags)
    line = command(
        experiment.path if is_csv else "runs.csv",
        {split: f"metrics.{name}" for split, name in chosen.items()},
        [logged[name].astype(float) for name in chosen.values() if name in logged],
        prefixed,
        ignore if "seed" in roles else (),
    )
    if 0 < len(with_optimizer) < len(runs):
        line += f" (after taking out the rows without {prefixed['optimizer']})"
    if is_csv:
        return line
    export = f"mlflow.search_runs(experiment_names=[{experiment.name!r}]).to_csv('runs.csv')"
    return f"{export} and then {line}"


def _parameters(run: Run, *used: str) -> dict[str, str]:
    roles = ("seed", "steps")
    tags = {n: v for n, v in run.tags.items() if any(is_role(n, role) for role in roles)}
    return {
        name: value
        for name, value in {**tags, **run.parameters}.items()
        if name not in used and value not in _MISSING
    }


def _status(experiment: Experiment, run: Run, main: str) -> str:
    """Returns a run's status; one that failed after its loss was no number has diverged.

    A run that finished without the metric did not end, unless its NaN cannot be seen: then it
    diverged if it logged anything else.
    """
    if run.status not in _ENDED:
        return run.status
    losses = [run.metrics[name] for name in (main, _TRAIN_LOSS) if name in run.metrics]
    if not all(map(math.isfinite, losses)):
        return "diverged"
    if run.status != "FINISHED" or main in run.metrics:
        return run.status
    return "diverged" if run.metrics and not experiment.has_nan else "incomplete"


def _on_nan(
    experiment: Experiment, trials: Sequence[_Trial], words: Sequence[str], main: str
) -> list[str]:
    pairs = [(one.run, word) for one, word in zip(trials, words, strict=True)]
    said = []
    unseen = sum(word == "diverged" and main not in run.metrics for run, word in pairs)
    if unseen and not experiment.has_nan:
        said.append(
            f"Finished runs without {main} that count as diverged: {unseen}. A CSV of "
            "search_runs() has nothing in the place of NaN."
        )
    if failed := sum(word == "diverged" and run.status != "FINISHED" for run, word in pairs):
        said.append(
            f"Failed or killed runs that count as diverged, as their loss is not finite: {failed}."
        )
    if absent := sum(word == "incomplete" for _, word in pairs):
        said.append(f"Finished runs that did not log {main} and count as incomplete: {absent}.")
    return said
