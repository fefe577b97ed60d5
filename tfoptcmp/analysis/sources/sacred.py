"""Runs that sacred's FileStorageObserver kept, as comparisons; sacred is not needed to read them.

    <directory>/<id>/config.json
    <directory>/<id>/run.json
    <directory>/<id>/metrics.json

`run.json` has the status, the experiment's name and what the main function returned (`result`);
`metrics.json` lists of values for each metric, of which the last counts. What was searched over is
not recorded.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.containers import find_beside, why
from tfoptcmp.analysis.sources.runs import Run, comparisons_of, optimizers_of, side_by_side
from tfoptcmp.analysis.sources.settings import flat, number
from tfoptcmp.study.files import exists
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

_EXPERIMENT = "(experiment)"  # no name that a setting can have


def find(path: Path) -> list[Path]:
    """Returns the run.json in folders of a path, or one level below, that have a config.json."""
    for pattern in ("*/run.json", "*/*/run.json"):
        if found := [f for f in find_beside(path, pattern) if exists(f.parent / "config.json")]:
            return found
    return []


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads runs, a comparison for each experiment.

    Args:
        files: Their run.json.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the runs.

    Raises:
        StudyError: If a file is damaged or no run ended; the message names it.
    """
    runs: dict[Path, list[Run]] = {}
    for path in sorted(files):
        runs.setdefault(path.parent.parent.resolve(), []).append(_run(path))
    found = []
    for where, directories in side_by_side(runs).items():
        some = [run for directory in directories for run in runs[directory]]
        names = sorted({str(run.settings[_EXPERIMENT]) for run in some})
        found += comparisons_of(
            [_known_by(run, len(names) > 1 and _says_optimizer(some)) for run in some],
            workload=names[0] if len(names) == 1 else where.name,
            origin=where,
            tuning_budget=tuning_budget,
            remarks=(
                f"sacred experiment {', '.join(map(repr, names))}: {len(some)} runs, the last value"
                " of each metric; sacred records no search ranges.",
            ),
        )
    return found


def _says_optimizer(runs: Sequence[Run]) -> bool:
    return any(optimizers_of([replace(run, label="") for run in runs]))


def _known_by(run: Run, is_workload: bool) -> Run:
    """A run without the setting that is its experiment's name, which is the workload's or none."""
    settings = dict(run.settings)
    name = settings.pop(_EXPERIMENT)
    return replace(run, settings=settings | ({"workload": name} if is_workload else {}))


def _run(path: Path) -> Run:
    state = read_json(path)
    experiment = (state.get("experiment") or {}).get("name") or path.parent.parent.name
    metrics: dict[str, float | None] = {}
    result = _plain(state.get("result"))
    for name, value in (flat(result) if isinstance(result, dict) else {"result": result}).items():
        if (found := number(value)) is not None:
            metrics[name] = found
    measured = path.parent / "metrics.json"
    where = measured
    try:
        for name, series in (read_json(measured) if exists(measured) else {}).items():
            if series["values"]:
                metrics[name] = number(_plain(series["values"][-1]))
        where = path
        return Run(
            settings=flat(read_json(path.parent / "config.json")) | {_EXPERIMENT: experiment},
            metrics=metrics,
            status=str(state["status"]),
            label=str(experiment),
        )
    except (KeyError, TypeError) as error:
        raise StudyError(f"{where} is not a run of sacred: {why(error)}") from error


def _plain(value: Any) -> Any:
    """A number of numpy, which sacred writes with its type, as a number."""
    if isinstance(value, dict):
        if "value" in value and set(value) <= {"dtype", "value", "py/object"}:
            return value["value"]
        return {name: _plain(one) for name, one in value.items()}
    return value
