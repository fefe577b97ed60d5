"""Runs of hydra joined with the metrics that each wrote, as comparisons; hydra is not needed.

    <sweep>/multirun.yaml
    <sweep>/<run>/.hydra/config.yaml
    <sweep>/<run>/.hydra/overrides.yaml
    <sweep>/<run>/metrics.json, or another file of METRICS

Hydra itself records no results. Search ranges are those of the sweep in `multirun.yaml`, as far as
they are a list of numbers, `choice(...)`, `interval(...)` or `tag(log, interval(...))`.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.names import between, one_of
from tfoptcmp.analysis.sources.plain_yaml import parse
from tfoptcmp.analysis.sources.runs import Run, comparisons_of, side_by_side
from tfoptcmp.analysis.sources.settings import flat, number
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.files import exists, find_below, reading
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

METRICS = (
    *("metrics.json", "results.json", "metrics.csv", "results.csv"),
    *("metrics.yaml", "results.yaml"),
)
"""Files of results in a run's directory; the first that is there is read."""

_REFERENCE = re.compile(r"\$\{(\.*)(\w[\w./]*)\}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def find(path: Path) -> list[Path]:
    """Returns the config.yaml of the runs below a path."""
    return [file for file in find_below(path, "config.yaml") if file.parent.name == ".hydra"]


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads runs, a comparison for each sweep; sweeps of one optimizer each are one.

    Args:
        files: Their .hydra/config.yaml.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the runs.

    Raises:
        StudyError: If a file is damaged, or no run has metrics; the message names it.
    """
    runs: dict[Path, list[Run]] = {}
    sources: dict[Path, set[str]] = {}
    for path in sorted(files):
        folder = path.parent.parent.resolve()
        sweep = next((one for one in folder.parents if exists(one / "multirun.yaml")), None)
        sweep = sweep or folder.parent
        run, source = _run(folder)
        runs.setdefault(sweep, []).append(run)
        sources.setdefault(sweep, set()).update(filter(None, [source]))
    found = []
    for where, sweeps in side_by_side(runs, _above).items():
        some = [run for sweep in sweeps for run in runs[sweep]]
        read_from = sorted({source for sweep in sweeps for source in sources[sweep]})
        if not read_from:
            raise StudyError(f"{where}: no run of hydra has a file of metrics: {list(METRICS)}")
        asked = [_swept(sweep) for sweep in sweeps]
        # Of sweeps that are joined, a range counts if all have it.
        shared = {k: v for k, v in asked[0].items() if all(one.get(k) == v for one in asked)}

        def range_of(
            optimizer: str, setting: str, column: str, shared: Mapping[str, str] = shared
        ) -> Dimension | None:
            return _dimension(column, shared[setting]) if setting in shared else None

        named = ", ".join(repr(sweep.name) for sweep in sweeps)
        found += comparisons_of(
            some,
            workload=where.name,
            origin=where,
            tuning_budget=tuning_budget,
            range_of=range_of,
            remarks=(
                f"hydra sweep{'s' if len(sweeps) > 1 else ''} {named}: {len(some)} runs, metrics of"
                f" {', '.join(read_from)}; ranges are those in multirun.yaml.",
            ),
        )
    return found


def _above(sweep: Path) -> Path:
    """Where sweeps lie side by side: above the folders of days that hydra makes."""
    return sweep.parent.parent if _DATE.fullmatch(sweep.parent.name) else sweep.parent


def _run(folder: Path) -> tuple[Run, str]:
    """A run, and the name of the file of its metrics."""
    settings = flat(_mapping(folder / ".hydra" / "config.yaml"))
    chosen = folder / ".hydra" / "overrides.yaml"
    for name, value in _overrides(_yaml(chosen) if exists(chosen) else []).items():
        if any(known.startswith(f"{name}/") for known in settings):  # a group: optimizer=adam
            settings.setdefault(name, value)
    for name in settings:
        settings[name] = _resolved(settings, name)
    file = next((name for name in METRICS if exists(folder / name)), "")
    metrics = _metrics(folder / file) if file else {}
    return Run(settings=settings, metrics=metrics, label=folder.parent.name), file


def _resolved(settings: Mapping[str, Any], name: str) -> Any:
    """The value of a setting that hydra wrote as a reference, "${optimizer.lr}"."""
    for _ in settings:
        value = settings[name]
        reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if reference is None:
            break
        dots, there = reference.groups()
        above = name.split("/")[: -len(dots)] if dots else []  # of "${..lr}", two levels
        there = "/".join([*above, there.replace(".", "/")])
        if there not in settings:
            return None
        name = there
    return value


def _metrics(path: Path) -> dict[str, float | None]:
    """The numbers of a file: the last of a list, and the last in a column of a table."""
    if path.suffix == ".csv":
        last: dict[str, Any] = {}
        with reading(path), open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                last.update({k: v for k, v in row.items() if k and v})
    else:
        last = flat(read_json(path) if path.suffix == ".json" else _mapping(path))
    ends = {name: v[-1] if isinstance(v, list) and v else v for name, v in last.items()}
    return {
        name: number(value)
        for name, value in ends.items()
        if value is None or number(value) is not None
    }


def _swept(sweep: Path) -> dict[str, str]:
    """What each setting was swept over, as it was written."""
    path = sweep / "multirun.yaml"
    if not exists(path):
        return {}
    given = _mapping(path).get("hydra") or {}
    params = (given.get("sweeper") or {}).get("params") or {}
    task = (given.get("overrides") or {}).get("task") or []
    return {str(name).replace(".", "/"): str(v) for name, v in params.items()} | _overrides(task)


def _overrides(given: Sequence[Any]) -> dict[str, str]:
    pairs = [str(one).lstrip("+").partition("=") for one in given]
    return {name.replace(".", "/"): value for name, equals, value in pairs if equals}


def _dimension(column: str, swept: str) -> Dimension | None:
    """The dimension of a sweep in hydra's notation; None if it is another notation."""
    text = re.sub(r"\s", "", swept)
    if ends := re.fullmatch(r"(tag\(log,)?interval\((?:start=)?([^,]+),(?:end=)?([^,)]+)\)+", text):
        low, high = number(ends[2]), number(ends[3])
        if low is None or high is None or low > high:
            return None
        return between(column, low, high, logarithmic=ends[1] is not None)
    listed = re.sub(r"^choice\((.*)\)$", r"\1", text).split(",")
    values = [number(value) for value in listed]
    return None if None in values else one_of(column, [v for v in values if v is not None])


def _mapping(path: Path) -> dict[str, Any]:
    value = _yaml(path)
    if not isinstance(value, dict):
        raise StudyError(f"{path} must hold a mapping; got {type(value).__name__}")
    return value


def _yaml(path: Path) -> Any:
    with reading(path):
        content = path.read_bytes()
    try:
        return parse(content.decode())
    except ValueError as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
