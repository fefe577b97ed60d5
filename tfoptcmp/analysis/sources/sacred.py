"""Runs that sacred's FileStorageObserver kept, as comparisons; sacred is not needed to read them.

    <directory>/<id>/config.json
    <directory>/<id>/run.json
    <directory>/<id>/metrics.json

`run.json` has the status, the experiment's name and what the main function returned (`result`);
`metrics.json` lists of values for each metric, of which the last counts. What was searched over is
not recorded.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.runs import Run, comparisons_of, side_by_side
from tfoptcmp.analysis.sources.settings import flat, number
from tfoptcmp.study.files import exists
from tfoptcmp.study.files import find as find_files
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError


def find(path: Path) -> list[Path]:
    """Returns the run.json in folders of a path, or one level below, that have a config.json."""
    for pattern in ("*/run.json", "*/*/run.json"):
        if found := [f for f in find_files(path, pattern) if exists(f.parent / "config.json")]:
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
    experiments: dict[Path, set[str]] = {}
    for path in sorted(files):
        directory = path.parent.parent.resolve()
        state = read_json(path)
        name = (state.get("experiment") or {}).get("name")
        experiments.setdefault(directory, set()).add(str(name or directory.name))
        runs.setdefault(directory, []).append(_run(path, state))
    found = []
    for where, directories in side_by_side(runs).items():
        some = [run for directory in directories for run in runs[directory]]
        names = sorted({name for directory in directories for name in experiments[directory]})
        found += comparisons_of(
            some,
            workload=names[0] if len(names) == 1 else where.name,
            origin=where,
            tuning_budget=tuning_budget,
            remarks=(
                f"sacred experiment {', '.join(map(repr, names))}: {len(some)} runs, the last value"
                " of each metric; sacred records no search ranges.",
            ),
        )
    return found


def _run(path: Path, state: Mapping[str, Any]) -> Run:
    metrics: dict[str, float | None] = {}
    result = _plain(state.get("result"))
    for name, value in (flat(result) if isinstance(result, dict) else {"result": result}).items():
        if (found := number(value)) is not None:
            metrics[name] = found
    measured = path.parent / "metrics.json"
    try:
        for name, series in (read_json(measured) if exists(measured) else {}).items():
            if series["values"]:
                metrics[name] = number(_plain(series["values"][-1]))
        return Run(
            settings=flat(read_json(path.parent / "config.json")),
            metrics=metrics,
            status=str(state["status"]),
            label=path.parent.parent.name,
        )
    except (KeyError, TypeError) as error:
        raise StudyError(f"{path.parent} is not a run of sacred: {error!r}") from error


def _plain(value: Any) -> Any:
    """A number of numpy, which sacred writes with its type, as a number."""
    if isinstance(value, dict):
        if "value" in value and set(value) <= {"dtype", "value", "py/object"}:
            return value["value"]
        return {name: _plain(one) for name, one in value.items()}
    return value
