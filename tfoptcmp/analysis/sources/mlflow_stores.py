"""Runs in MLflow's stores: the CSV of `search_runs`, an SQLite file, the files of `mlruns`.

Each run has the last value of each metric, as MLflow itself counts it. MLflow need not be
installed.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.sources.containers import (
    csv_header,
    find_beside,
    opened,
    rows,
    sqlite_tables,
    why,
)
from tfoptcmp.analysis.sources.folders import folders
from tfoptcmp.study.files import exists, find_below, reading
from tfoptcmp.study.schema import StudyError

PARENT = "mlflow.parentRunId"

_TABLES = frozenset(("experiments", "runs", "params", "tags", "latest_metrics"))
_COLUMNS = frozenset(("run_id", "experiment_id", "status"))
_META = "meta.yaml"
_DATABASE = "mlflow.db"
_STATUSES = ("", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")  # by number, in files
_LARGEST = 1.7e308  # databases have this in the place of infinity


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of an experiment.

    Attributes:
        run_id: Unique.
        status: FINISHED, FAILED, KILLED, RUNNING or SCHEDULED.
        parameters: Name to text.
        metrics: Name to last value. What is NaN is absent from a CSV.
        tags: Name to text.
    """

    run_id: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """The runs of an experiment that were not deleted.

    Attributes:
        name: For people.
        path: Where it was read from.
        runs: In the order of their start.
        has_nan: Whether a metric that is NaN can be told from one that was not logged.
    """

    name: str
    path: Path
    runs: tuple[Run, ...]
    has_nan: bool = True


def stores(path: Path) -> list[Path]:
    """Returns what `experiments_in` reads at a path: files, or experiments of a file store."""
    if not path.is_dir():
        return [path] if _is_csv(path) or sqlite_tables(path) >= _TABLES else []
    if exists(path / _META) and _is_experiment(path):
        return [path]
    below = list(folders(path))
    experiments = [
        meta.parent
        for folder, _ in below
        for meta in find_beside(folder, f"*/{_META}")
        if _is_experiment(meta.parent)
    ]
    databases = [folder / _DATABASE for folder, names in below if _DATABASE in names]
    return [*(one for one in databases if sqlite_tables(one) >= _TABLES), *experiments]


def experiments_in(path: Path) -> list[Experiment]:
    """Reads the experiments at a path that `stores` returned.

    Raises:
        StudyError: If something is damaged; the message names the file.
    """
    with reading(path):
        try:
            if path.is_dir():
                return [_experiment_of_files(path)]
            return _csv_experiments(path) if _is_csv(path) else _sqlite_experiments(path)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StudyError(f"{path} is not a store of MLflow's: {why(error)}") from error


def _is_csv(path: Path) -> bool:
    return set(csv_header(path)) >= _COLUMNS


def _csv_experiments(path: Path) -> list[Experiment]:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    metrics = [name for name in table if name.startswith("metrics.")]
    wrong = table[metrics].apply(pd.to_numeric, errors="coerce")  # an error names no column
    if bool((wrong.isna() & ~table[metrics].isin(["", "nan", "NaN"])).any(axis=None)):
        column = next(n for n in metrics if (wrong[n].isna() & (table[n] != "")).any())
        raise StudyError(f"{path}: {column} must be numbers")
    found: dict[str, list[Run]] = {}
    for row in reversed(table.to_dict("records")):  # the newest is the first
        text = {str(name): str(value) for name, value in row.items() if value != ""}
        values = _with_prefix("metrics.", text)
        run = Run(
            run_id=text["run_id"],
            status=text["status"],
            parameters=_with_prefix("params.", text),
            metrics={name: _restored(float(value)) for name, value in values.items()},
            tags=_with_prefix("tags.", text),
        )
        found.setdefault(text["experiment_id"], []).append(run)
    return [
        Experiment(
            name=path.stem if len(found) == 1 else f"{path.stem}, experiment {number}",
            path=path,
            runs=tuple(runs),
            has_nan=False,
        )
        for number, runs in found.items()
    ]


def _with_prefix(prefix: str, row: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)
    }


def _sqlite_experiments(path: Path) -> list[Experiment]:
    with opened(path) as database:
        experiments = rows(
            database,
            "SELECT experiment_id, name FROM experiments WHERE lifecycle_stage = 'active'",
        )
        runs = rows(
            database,
            "SELECT run_uuid, experiment_id, status FROM runs WHERE lifecycle_stage = 'active' "
            "ORDER BY start_time, rowid",
        )
        metrics: dict[str, dict[str, float]] = defaultdict(dict)
        for row in rows(database, "SELECT run_uuid, key, value, is_nan FROM latest_metrics"):
            metrics[row["run_uuid"]][row["key"]] = (
                math.nan if row["is_nan"] else _restored(float(row["value"]))
            )
        texts: dict[str, dict[str, dict[str, str]]] = {}
        for table in ("params", "tags"):
            of_run = texts.setdefault(table, defaultdict(dict))
            for row in rows(database, f"SELECT run_uuid, key, value FROM {table}"):
                of_run[row["run_uuid"]][row["key"]] = str(row["value"])
    return [
        Experiment(
            name=str(experiment["name"]),
            path=path,
            runs=tuple(
                Run(
                    run_id=run["run_uuid"],
                    status=run["status"],
                    parameters=texts["params"][run["run_uuid"]],
                    metrics=metrics[run["run_uuid"]],
                    tags=texts["tags"][run["run_uuid"]],
                )
                for run in runs
                if run["experiment_id"] == experiment["experiment_id"]
            ),
        )
        for experiment in experiments
    ]


def _restored(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) > _LARGEST else value


def _is_experiment(folder: Path) -> bool:
    meta = _meta(folder)
    return {"experiment_id", "lifecycle_stage", "name"} <= meta.keys() and "run_id" not in meta


def _meta(folder: Path) -> dict[str, str]:
    """Returns a meta.yaml, of which MLflow writes one `name: value` a line."""
    path = folder / _META
    with reading(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if line[:1] not in ("", " ", "#", "-"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def _experiment_of_files(folder: Path) -> Experiment:
    found = []
    for path in find_beside(folder, f"*/{_META}"):
        meta = _meta(path.parent)
        if "run_id" not in meta or meta.get("lifecycle_stage") != "active":
            continue
        if "status" not in meta:
            raise StudyError(f"{path} is not a run of MLflow's: {why(KeyError('status'))}")
        status = meta["status"]
        run = Run(
            run_id=meta["run_id"],
            status=_STATUSES[int(status)] if status.isdigit() else status,
            parameters=_texts(path.parent / "params"),
            metrics={
                name: _last(name, text) for name, text in _texts(path.parent / "metrics").items()
            },
            tags=_texts(path.parent / "tags"),
        )
        found.append((int(meta.get("start_time") or 0), run))
    return Experiment(
        name=_meta(folder)["name"],
        path=folder,
        runs=tuple(run for _, run in sorted(found, key=lambda one: one[0])),
    )


def _texts(folder: Path) -> dict[str, str]:
    """Returns name to contents of the files of a folder; a name with slashes is in folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in find_below(folder, "*")
    }


def _last(name: str, text: str) -> float:
    """Returns a metric's last value: that of the largest step, then time, then value."""
    values = []
    for line in text.splitlines():
        time, value, *step = line.split(" ")
        values.append((int(step[0]) if step else 0, int(time), float(value)))
    if not values:
        raise ValueError(f"metric {name} has no value")
    return max(values)[2]
