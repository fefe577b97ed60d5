"""What the files of a study may hold: their types, and what must agree within and between them.

The types are in `tfoptcmp.study.schema`. This module sees plain data, not files: errors are
ValueErrors that name the field; `tfoptcmp.study.read` adds the file. No other module repeats these
checks.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

from tfoptcmp.conversion import convert
from tfoptcmp.metrics import SHARE, TRAINING_LOSS, Metric
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import SearchSpace
from tfoptcmp.study.schema import (
    COLUMNS,
    SCHEMA_VERSION,
    SEARCHES,
    Measurement,
    Row,
    Status,
    StudyConfig,
    Trial,
    planned_tuning_budget,
)
from tfoptcmp.study.trial import rerun_seeds, trial_seeds
from tfoptcmp.workload import Budget

_SPLITS = {"train", "validation", "test"}
_METRICS = tuple(name for name in COLUMNS if name.endswith("_metric"))

_NUMBER = r"\d++(?:\.\d++)?(?:e[+-]?\d{1,3})?"
_NOT_NEGATIVE = re.compile(rf"(?:{_NUMBER}|nan|inf|-0\.0)?", re.ASCII)
_ANY = re.compile(rf"(?:-?{_NUMBER}|nan|-?inf)?", re.ASCII)
_STEP = re.compile(r"\d{1,18}", re.ASCII)
_CELLS = {
    name: _ANY if name.endswith(("_loss", "_metric")) else _NOT_NEGATIVE for name in COLUMNS[1:]
}
_LINE = ",".join(cell.pattern for cell in (_STEP, *_CELLS.values())) + r"\n"
_BODY = re.compile(f"(?:{_LINE})*+", re.ASCII)

T = TypeVar("T")


def to_config(data: Any) -> StudyConfig:
    """Returns what a study.json says.

    Raises:
        ValueError: If it is not a study.json, or is of a newer version.
    """
    version = data.get("schema_version") if isinstance(data, dict) else None
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(
            f"has schema version {version!r}; this tfoptcmp reads up to {SCHEMA_VERSION}: use the "
            "tfoptcmp that wrote it, or a newer one"
        )
    if version < SCHEMA_VERSION:
        data = _as_of_now(data)
    config = _whole(data, StudyConfig)
    convert(config.budget, Budget, "budget")
    for name in ("metric", "loss"):
        _whole(data[name], Metric, name)
    if config.search not in SEARCHES:
        raise ValueError(f"search must be one of {SEARCHES}; got {config.search!r}")
    if not {"train", "validation"} <= set(config.num_examples) <= _SPLITS:
        raise ValueError(
            "num_examples must be those of 'train', 'validation' and, if there is one, 'test'; "
            f"got {dict(config.num_examples)}"
        )
    if config.num_feasible > config.max_trials:
        raise ValueError(f"max_trials must be >= {config.num_feasible}; got {config.max_trials}")
    try:
        Signature.from_json(config.signature)
    except ValueError as error:
        raise ValueError(f"signature: {error}") from error
    return config


def _as_of_now(data: dict[str, Any]) -> dict[str, Any]:
    """Returns a record of an earlier version as one of this version."""
    new = {**data, "schema_version": SCHEMA_VERSION}
    if data["schema_version"] == 1:
        planned = data.get("num_feasible")
        new |= {"tuning_budget": 2, "num_classes": None}
        if type(planned) is int and planned > 0:
            new["tuning_budget"] = planned_tuning_budget(planned)
    described = {"metric": str, "metric_unit": str, "num_classes": int | None}
    name, unit, classes = (_taken(new, key, kind) for key, kind in described.items())
    if classes is not None and classes < 1:
        raise ValueError(f"num_classes must be >= 1; got {classes}")
    guessing = {} if classes is None else {SHARE: 1 - 1 / classes, "nats": math.log(classes)}
    metric = Metric(name=name, unit=unit, guess=guessing.get(unit))
    loss = TRAINING_LOSS.with_classes(classes)
    return {**new, "metric": asdict(metric), "loss": asdict(loss), "fingerprints": {}}


def _taken(data: dict[str, Any], name: str, kind: Any) -> Any:
    if name not in data:
        raise ValueError(f"{name} is missing")
    return convert(data.pop(name), kind, name)


def to_trial(data: Any, config: StudyConfig, space: SearchSpace, rerun: int | None = None) -> Trial:
    """Returns what a metadata.json says.

    Args:
        data: Its contents.
        config: The study's.
        space: The study's.
        rerun: Number of the re-run; None for the trial itself.

    Raises:
        ValueError: If it is not valid in this study.
    """
    if isinstance(data, dict) and data.get("final") is not None:
        data = {**data, "final": to_measurement(data["final"], "final")}
    trial = _whole(data, Trial)
    seeds = (
        trial_seeds(config.seed, trial.index)
        if rerun is None
        else rerun_seeds(config.seed, trial.index, rerun)
    )
    if trial.seeds != seeds:
        raise ValueError(f"seeds must be {seeds}, those of study seed and index; got {trial.seeds}")
    for problem in (*_disagreements(trial, config), *_misplaced(trial, config, space)):
        raise ValueError(problem)
    return trial


def to_measurement(data: Any, path: str) -> Measurement:
    """Returns a measurement as a JSON file has it, with numbers for what JSON lacks."""
    cells: dict[str, Any] = {**convert(data, Row, path)}
    return {name: float(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}


def to_measurements(text: str) -> list[Measurement]:
    """Returns what a measurements.csv says; an unfinished last line is left out.

    Raises:
        ValueError: If it is not a measurements.csv.
    """
    if "\n" not in text:
        return []
    header, _, body = text[: text.rfind("\n") + 1].partition("\n")
    if header != ",".join(COLUMNS):
        raise ValueError(f"its first line must be {','.join(COLUMNS)}; got {header!r}")
    if not _BODY.fullmatch(body):
        raise ValueError(next(_bad_cells(body)))
    cells = body[:-1].replace("\n", ",").split(",") if body else []
    numbers = [float(c) if c else None for c in cells] if "" in cells else [*map(float, cells)]
    if (math.inf in numbers or -math.inf in numbers) and (lost := next(_lost(body), None)):
        raise ValueError(f"a number must fit into a float; got {lost!r}")
    width = len(COLUMNS)
    measured: list[Measurement] = []
    for start in range(0, len(cells), width):
        row: Measurement = dict(zip(COLUMNS, numbers[start : start + width], strict=True))
        row["step"] = int(cells[start])
        measured.append(row)
    return measured


def _lost(body: str) -> Iterator[str]:
    """Lines with a number that is infinite only because a float cannot hold it."""
    for line in body.splitlines():
        if "inf" not in line and any(math.isinf(float(cell)) for cell in line.split(",") if cell):
            yield line


def check_steps(measured: Sequence[Measurement], most: int) -> None:
    """Raises ValueError where the steps of measurements do not increase, or go beyond `most`."""
    last = -1
    for row in measured:
        step = row["step"]
        assert isinstance(step, int)  # as `Row` has it
        if not last < step <= most:
            raise ValueError(f"steps must increase and be <= {most}; got {step} after {last}")
        last = step


def check_measurements(measured: Sequence[Measurement], trial: Trial, config: StudyConfig) -> None:
    """Checks the measurements of a trial against its end and the study.

    Raises:
        ValueError: If they cannot belong to it.
    """
    check_steps(measured, config.budget["steps"])
    for row in measured if config.metric.unit == SHARE else ():
        for name in _METRICS:
            value = row[name]
            if value is not None and (value < 0 or value > 1):
                raise ValueError(
                    f"step {row['step']}: {name} must be a share in [0, 1]; got {value}"
                )
    if trial.status is Status.RUNNING:
        return
    last: Measurement = measured[-1] if measured else {}
    final = trial.final or {}
    for name in COLUMNS:
        there, stated = last.get(name), final.get(name)
        if there != stated and not (there != there and stated != stated):  # NaN
            raise ValueError(
                f"its last {name} must be {stated}, as metadata.json says; got {there}"
            )


def _whole(data: Any, kind: type[T], path: str = "") -> T:
    """Converts what a program has written, so no field may be missing."""
    converted = convert(data, kind, path)
    for field in fields(kind):  # type: ignore[arg-type]  # T is a dataclass
        if field.name not in data:
            raise ValueError(f"{path and path + '.'}{field.name} is missing")
    return converted


def _disagreements(trial: Trial, config: StudyConfig) -> Iterator[str]:
    """Contradictions in the end of a trial."""
    steps, budget = trial.steps, config.budget["steps"]
    if steps > budget:
        yield f"steps must be <= {budget}, the budget; got {steps}"
    if trial.status is not Status.RUNNING and trial.seconds is None:
        yield f"seconds must be a number where status is {trial.status}; got None"
    if trial.status is Status.RUNNING:
        for name in ("seconds", "final"):
            if getattr(trial, name) is not None:
                yield f"{name} must be null where status is RUNNING; got {getattr(trial, name)}"
    if trial.status is Status.COMPLETE:
        final = trial.final or {}
        train_loss = final.get("train_loss")
        if train_loss is None or not math.isfinite(train_loss):
            yield f"final.train_loss must be finite where status is COMPLETE; got {train_loss}"
        if final.get("step") != steps:
            yield f"final.step must be {steps}, the steps done; got {final.get('step')}"
        if trial.message:
            yield f"message must be '' where status is COMPLETE; got {trial.message!r}"
    elif trial.final and trial.final["step"] > steps:  # type: ignore[operator]  # a step is never None
        yield f"final.step must be <= {steps}, the steps done; got {trial.final['step']}"


def _misplaced(trial: Trial, config: StudyConfig, space: SearchSpace) -> Iterator[str]:
    """Hyperparameters of a trial that do not follow from the study's search space."""
    try:
        arguments = space.derive(trial.values, budget_steps=config.budget["steps"])
    except ValueError as error:
        yield f"values: {error}"
        return
    for name, dimension in space.dimensions.items():
        if trial.values[name] not in dimension:
            yield f"values.{name} must be {dimension}; got {trial.values[name]}"
    if set(trial.arguments) != set(arguments):
        yield f"arguments must name exactly {sorted(arguments)}; got {sorted(trial.arguments)}"
        return
    for name, value in arguments.items():
        if trial.arguments[name] != value:
            yield (
                f"arguments.{name} must be {value}, which follows from values; "
                f"got {trial.arguments[name]}"
            )


def _bad_cells(body: str) -> Iterator[str]:
    """Invalid cells in the lines of a measurements.csv."""
    for number, line in enumerate(body.split("\n")[:-1], start=2):
        cells = line.split(",")
        if len(cells) != len(COLUMNS):
            yield f"line {number} must have {len(COLUMNS)} fields; got {len(cells)}"
        elif not _STEP.fullmatch(cells[0]):
            yield f"line {number}: step must be an integer >= 0; got {cells[0]!r}"
        for (name, allowed), cell in zip(_CELLS.items(), cells[1:], strict=False):
            if not allowed.fullmatch(cell):
                what = "a number" if allowed is _ANY else "a number >= 0"
                yield f"line {number}: {name} must be {what} or empty; got {cell!r}"
