"""Projects of keras-tuner as comparisons; keras-tuner is not needed to read them.

    <project>/oracle.json
    <project>/trial_<id>/trial.json

`trial.json` holds the space, the values, the status and all metrics: each with its direction and,
for the best epoch, one value per execution, of which the mean counts. The objective is not
recorded: it is the metric whose value is the trials' `score`.

Projects side by side are one comparison, each of the optimizer that its settings or else its
directory name; a project in which several optimizers were tuned is a comparison by itself.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.containers import find_beside, why
from tfoptcmp.analysis.sources.measured import is_of_validation
from tfoptcmp.analysis.sources.names import between, grid, one_of
from tfoptcmp.analysis.sources.runs import Run, comparisons_of, optimizers_of, side_by_side
from tfoptcmp.analysis.sources.settings import flat, number
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.files import exists
from tfoptcmp.study.files import find as find_files
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

_OF_TUNERS = "tuner/"  # Hyperband's own entries among the values


def find(path: Path) -> list[Path]:
    """Returns the trials' files of the project at a path, or of those one level below."""
    return find_files(path, "trial_*/trial.json") or find_beside(path, "*/trial_*/trial.json")


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads projects.

    Args:
        files: Their trial.json.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.

    Raises:
        StudyError: If a file is damaged or no trial ended; the message names it.
    """
    trials: dict[Path, list[Path]] = {}
    for path in files:
        trials.setdefault(path.parent.parent.resolve(), []).append(path)
    projects = {directory: _project(directory, some) for directory, some in trials.items()}
    projects = _with_objectives(projects, trials)
    groups: dict[tuple[Path, str, bool | None], list[_Project]] = {}
    for where, together in side_by_side({d: one.runs for d, one in projects.items()}).items():
        for one in map(projects.__getitem__, together):
            groups.setdefault((where, one.objective, one.maximize), []).append(one)
    return [
        comparison
        for (_, objective, maximize), some in groups.items()
        for comparison in _compared(some, objective, maximize, tuning_budget)
    ]


@dataclass(frozen=True, kw_only=True)
class _Project:
    """A project; `entries` are those of the space that were active, one tuple for each run."""

    directory: Path
    runs: list[Run]
    entries: list[tuple[Mapping[str, Any], ...]]
    objective: str
    maximize: bool | None
    is_scored: bool


def _with_objectives(
    projects: Mapping[Path, _Project], trials: Mapping[Path, Sequence[Path]]
) -> dict[Path, _Project]:
    """Gives projects of which nothing was scored the objective that all their neighbours have."""
    found = {}
    for directory, one in projects.items():
        beside = {
            (other.objective, other.maximize)
            for path, other in projects.items()
            if path.parent == directory.parent and other.objective
        }
        found[directory] = one
        if not one.is_scored and len(beside) == 1:
            ((objective, maximize),) = beside
            again = _project(directory, trials[directory], objective)
            found[directory] = replace(again, maximize=maximize)
    return found


def _project(directory: Path, files: Sequence[Path], known: str = "") -> _Project:
    """Reads a project; `known` is its objective, if that is known otherwise."""
    oracle = directory / "oracle.json"
    # FAILED is what did not reach finite numbers in projects of QuasiRandomOracle.
    ours = exists(oracle) and "num_feasible" in read_json(oracle)
    states = []
    for path in sorted(files):
        state = read_json(path)
        try:
            objective_of = set(_scored(state))
            entries = _active(state["hyperparameters"])
            _run(directory, state, entries, "", ours)  # for what it lacks
            states.append((state, objective_of, entries))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise StudyError(f"{path} is not a trial of keras-tuner: {why(error)}") from error
    scored = [names for state, names, _ in states if number(state["score"]) is not None and names]
    candidates = sorted(set.intersection(*scored)) if scored else []
    if len(candidates) > 1:
        candidates = [name for name in candidates if is_of_validation(name)]
    objective = candidates[0] if len(candidates) == 1 else known
    directions = {
        state["metrics"]["metrics"][objective]["direction"]
        for state, _, _ in states
        if objective in state["metrics"]["metrics"]
    }
    runs = [_run(directory, state, entries, objective, ours) for state, _, entries in states]
    return _Project(
        directory=directory,
        runs=runs,
        entries=[entries for _, _, entries in states],
        objective=objective,
        maximize=directions == {"max"} if len(directions) == 1 else None,
        is_scored=any(number(state["score"]) is not None for state, _, _ in states),
    )


def _run(
    directory: Path,
    state: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    objective: str,
    ours: bool,
) -> Run:
    values = {name: _value(state, name) for name in state["metrics"]["metrics"]}
    metrics = {name: value for name, value in values.items() if value is not None}
    status = str(state["status"])
    reached = metrics.get(objective)
    if status == "FAILED" and (ours or (reached is not None and not math.isfinite(reached))):
        status = "diverged"
    given = state["hyperparameters"]["values"]
    active = {entry["name"] for entry in entries}
    return Run(
        settings=flat({name: value for name, value in given.items() if name in active}),
        metrics=metrics,
        status=status,
        steps=float(given.get(f"{_OF_TUNERS}epochs", math.nan)),
        label=directory.name,
    )


def _value(state: Mapping[str, Any], metric: str) -> float | None:
    """The mean of the executions at the best epoch; None if nothing was observed."""
    observations = state["metrics"]["metrics"][metric]["observations"]
    best = [one for one in observations if one["step"] == state["best_step"]]
    for one in best or observations[-1:]:
        values = [float(value) for value in one["value"]]
        return sum(values) / len(values)
    return None


def _scored(state: Mapping[str, Any]) -> Iterator[str]:
    """The metrics whose value is the trial's score."""
    score = state["score"]
    for name in state["metrics"]["metrics"]:
        value = _value(state, name)
        if score is not None and value is not None and math.isclose(value, score, rel_tol=1e-9):
            yield name


def _active(hyperparameters: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The entries of the space whose conditions hold for a trial, with their kinds."""
    values = hyperparameters["values"]
    entries = [{**one["config"], "kind": one["class_name"]} for one in hyperparameters["space"]]

    def holds(entry: Mapping[str, Any], depth: int = 0) -> bool:
        parents = [one["config"] for one in entry["conditions"]]
        return entry["name"] in values and all(
            values.get(parent["name"]) in parent["values"]
            and depth < len(entries)
            and any(holds(one, depth + 1) for one in entries if one["name"] == parent["name"])
            for parent in parents
        )

    return tuple(
        entry for entry in entries if holds(entry) and not entry["name"].startswith(_OF_TUNERS)
    )


def _compared(
    projects: Sequence[_Project], objective: str, maximize: bool | None, tuning_budget: int | None
) -> list[Comparison]:
    runs = [run for project in projects for run in project.runs]
    optimizers = optimizers_of(runs)
    entries = [entries for project in projects for entries in project.entries]
    active: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for optimizer, some in zip(optimizers, entries, strict=True):
        for entry in some:
            known = active.setdefault((optimizer, entry["name"].replace(".", "/")), [])
            if all(_same(entry) != _same(one) for one in known):
                known.append(entry)

    def range_of(optimizer: str, setting: str, column: str) -> Dimension | None:
        found = active.get((optimizer, setting), [])
        return _dimension(found[0], column) if len(found) == 1 else None

    alone = len(projects) == 1
    where = projects[0].directory if alone else projects[0].directory.parent
    names = ", ".join(repr(project.directory.name) for project in projects)
    direction = {True: ", max", False: ", min", None: ""}[maximize]
    said = [
        f"keras-tuner project{'' if alone else 's'} {names}: {len(runs)} trials, objective "
        f"{objective or 'not recorded'}{direction}; each trial's numbers are of its best epoch."
    ]
    if any(not math.isnan(run.steps) for run in runs):
        said.append("Steps are tuner/epochs, the epochs that Hyperband gave each trial.")
    said += [
        f"The range of {setting!r} is not one for all trials of {optimizer}, and was not read."
        for (optimizer, setting), some in active.items()
        if len(some) > 1
    ]
    return comparisons_of(
        runs,
        workload=where.name,
        origin=where,
        tuning_budget=tuning_budget,
        objective=objective,
        maximize=maximize,
        range_of=range_of,
        remarks=tuple(said),
    )


def _same(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What two entries of one range have in common."""
    return {key: entry[key] for key in entry if key not in ("default", "conditions")}


def _dimension(entry: Mapping[str, Any], column: str) -> Dimension | None:
    """The dimension that an entry is to the searched name of its column; None for words."""
    match entry["kind"]:
        case "Fixed":
            return _choice(column, [entry["value"]])
        case "Choice":
            return _choice(column, entry["values"])
        case "Boolean":
            return None
    low, high, step = float(entry["min_value"]), float(entry["max_value"]), entry["step"]
    sampling = entry["sampling"] or "linear"
    if entry["kind"] == "Int" and sampling == "linear":
        step = step or 1
    if step and (values := grid(low, high, float(step), geometric=sampling != "linear")):
        return one_of(column, values)
    return between(column, low, high, logarithmic=sampling == "log")


def _choice(column: str, values: Sequence[object]) -> Dimension | None:
    found = [known for value in values if (known := number(value)) is not None]
    return one_of(column, found) if len(found) == len(values) else None
