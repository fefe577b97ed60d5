"""The files of a study directory, the only truth about a study.

    <study_dir>/<signature>/
        study.json                    what was studied: `StudyConfig`
        lock                          held by the one process that writes
        trials/<index>/metadata.json  `Trial`: point, hyperparameters, status, times
        trials/<index>/measurements.csv   one row per measurement, see COLUMNS
        trials/<index>/               TensorBoard events beside them

Plain text, no pickle. JSON files are replaced atomically and durably (temporary file, fsync,
rename); measurements are appended a line at a time, so that a kill loses at most the line being
written. Steps count training steps from 1; losses are in nats; times in seconds since 1970 (UTC).
Nothing here imports TensorFlow.
"""

import csv
import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

SCHEMA_VERSION = 1

# Columns of measurements.csv. Losses are without regularisation and label smoothing, in evaluation
# mode, "train" on a fixed subset of the training split; metrics are the workload's. gradient_rms is
# the root mean square over all entries of the training objective's gradient, and learning_rate the
# rate, that the step named used: both from before its update. Empty where a split is absent.
COLUMNS = (
    "step",
    "learning_rate",
    "train_loss",
    "train_metric",
    "validation_loss",
    "validation_metric",
    "test_loss",
    "test_metric",
    "gradient_rms",
)

Measurement = dict[str, float | int | None]


class StudyError(Exception):
    """A study directory cannot be used as asked; the message says why and what to do."""


class Status(StrEnum):
    """What became of a trial."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"  # feasible: the training loss stayed finite to the end
    INFEASIBLE = "INFEASIBLE"  # the training loss became NaN or infinite
    FAILED = "FAILED"  # a crash: says nothing about the optimizer


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Everything that determines the trials of a study, and where they were run.

    Attributes:
        signature: `Signature.to_json()`.
        workload: Name of the workload.
        metric: Name of the workload's metric; lower is better.
        metric_unit: "share" or "nats".
        budget: `asdict` of the `Budget`, with the scale.
        num_examples: Split name to number of examples, for standard errors.
        partial: What the data lack; "" if complete.
        seed: Seed of the study.
        search: "quasirandom" or "random".
        num_feasible: N, the feasible trials to reach; may be raised later.
        max_trials: Hard cap on all trials, infeasible ones included.
        threads_per_trial: Threads of one operation; 0 leaves the choice to TensorFlow.
        versions: Package name to version, as far as they can change a result.
        provenance: Command line, git commit, hardware, start time: for people, never compared.
    """

    signature: Mapping[str, Any]
    workload: str
    metric: str
    metric_unit: str
    budget: Mapping[str, Any]
    num_examples: Mapping[str, int]
    partial: str
    seed: int
    search: str
    num_feasible: int
    max_trials: int
    threads_per_trial: int
    versions: Mapping[str, str]
    provenance: Mapping[str, Any]
    schema_version: int = SCHEMA_VERSION


# What a resumed study may change; "scale" is but a label for the numbers beside it.
_MAY_DIFFER = (
    "num_feasible",
    "max_trials",
    "provenance",
    "budget.num_feasible",
    "budget.scale",
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial; `metadata.json`.

    Attributes:
        index: Number of its point in the sequence, from 0.
        status: See `Status`.
        values: Hyperparameters as searched, by the search space's names.
        arguments: Hyperparameters as used, by the optimizer's and schedule's names.
        seeds: Purpose ("weights", "data", ...) to the seed derived from (study seed, index).
        started: Start, in seconds since 1970.
        seconds: Duration; None while running.
        steps: Training steps done; at divergence the number of updates that were applied.
        final: The last measurement; None if there is none.
        message: Why a trial is infeasible or failed; "" otherwise.
    """

    index: int
    status: Status
    values: Mapping[str, float]
    arguments: Mapping[str, float]
    seeds: Mapping[str, int]
    started: float
    seconds: float | None = None
    steps: int = 0
    final: Measurement | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as read from its directory."""

    directory: Path
    config: StudyConfig
    trials: tuple[Trial, ...] = field(default=())

    @property
    def name(self) -> str:
        """Name of the signature."""
        return str(self.config.signature["name"])

    def measurements(self, index: int) -> list[Measurement]:
        """Returns the measurements of one trial, in the order of the steps."""
        path = trial_directory(self.directory, index) / "measurements.csv"
        return read_measurements(path) if path.exists() else []


def trial_directory(study: Path, index: int) -> Path:
    """Returns where the files of a trial are."""
    return study / "trials" / f"{index:06d}"


class StudyWriter:
    """The one writer of a study directory; use `open_study` to get it."""

    def __init__(self, directory: Path, config: StudyConfig) -> None:
        self.directory = directory
        self.config = config

    def write_trial(self, trial: Trial) -> None:
        """Writes a trial's metadata durably; makes its directory if needed."""
        directory = trial_directory(self.directory, trial.index)
        directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / "metadata.json", asdict(trial))

    @contextmanager
    def measurements(self, index: int) -> Iterator["MeasurementWriter"]:
        """Opens a trial's measurements.csv anew, for one measurement after the other."""
        path = trial_directory(self.directory, index) / "measurements.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            yield MeasurementWriter(file)


class MeasurementWriter:
    """Appends measurements to an open measurements.csv."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        self._writer.writeheader()
        file.flush()

    def write(self, measurement: Measurement) -> None:
        """Appends one row; floats keep all their digits."""
        self._writer.writerow(measurement)
        self._file.flush()


def check_study(directory: Path, config: StudyConfig) -> None:
    """Checks, without writing anything, that `open_study` can be expected to work.

    For the studies that a command comes to only after hours.

    Args:
        directory: `<study_dir>/<signature>`; need not exist.
        config: What is to be studied.

    Raises:
        StudyError: As `open_study`, but for a lock.
    """
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        reason = "permission denied" if existing.is_dir() else "not a directory"
        raise StudyError(f"cannot write study directory {directory}: {existing}: {reason}")
    if existing != directory:
        return
    found = {path.name for path in directory.iterdir()}
    if "study.json" in found:
        _check_same(directory, read_config(directory / "study.json"), config)
    elif not found <= {"lock", "study.json.tmp"}:
        raise StudyError(
            f"{directory} is not empty and holds no study.json; name another --study_dir"
        )


@contextmanager
def open_study(directory: Path, config: StudyConfig) -> Iterator[StudyWriter]:
    """Creates a study directory or goes on with it, and locks it for this process.

    What is there keeps its provenance, that of the first run.

    Args:
        directory: `<study_dir>/<signature>`.
        config: What is to be studied.

    Raises:
        StudyError: If another process writes there, if the directory holds something else or
            another study, or if it cannot be written.
    """
    check_study(directory, config)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"cannot write study directory {directory}: {error.strerror}") from error
    with _locked(directory):
        path = directory / "study.json"
        if path.exists():
            old = read_config(path)
            _check_same(directory, old, config)  # once more, now that nobody else writes
            config = replace(config, provenance=old.provenance)
        if not path.exists() or _plain(asdict(old)) != _plain(asdict(config)):
            write_json(path, asdict(config))
        yield StudyWriter(directory, config)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Holds an advisory lock that the kernel drops when the process dies."""
    try:
        file = open(directory / "lock", "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise StudyError(f"cannot write study directory {directory}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise StudyError(
                f"{directory} is being written by another process ({file.read().strip()}); "
                "wait for it or name another --study_dir"
            ) from error
        file.truncate(0)
        file.write(f"pid {os.getpid()}\n")
        file.flush()
        yield


def _check_same(directory: Path, old: StudyConfig, new: StudyConfig) -> None:
    there, now = _compared(old), _compared(new)
    differences = [
        f"  {name}: {_shown(there.get(name))} there, {_shown(now.get(name))} now"
        for name in dict.fromkeys([*there, *now])
        if there.get(name) != now.get(name)
    ]
    if differences:
        raise StudyError(
            f"{directory} holds another study, which cannot be resumed with these settings:\n"
            + "\n".join(differences)
            + "\nName another --study_dir, or repeat the settings of the first run."
        )
    if new.num_feasible < old.num_feasible:
        raise StudyError(
            f"{directory} was started with num_feasible={old.num_feasible}, which cannot be "
            f"lowered; got {new.num_feasible}"
        )


def _compared(config: StudyConfig) -> dict[str, Any]:
    """What must be the same in a resumed study, as "budget.steps" and the like to its value."""
    flat: dict[str, Any] = {}

    def flatten(name: str, value: Any) -> None:
        if name in _MAY_DIFFER:
            return
        if not isinstance(value, Mapping):
            flat[name] = _plain(value)
            return
        if name == "signature.space.dimensions":  # their order says which coordinate is whose
            flat["order of dimensions"] = list(value)
        for key, entry in value.items():
            flatten(f"{name}.{key}", entry)

    for name in (f.name for f in fields(StudyConfig)):
        flatten(name, getattr(config, name))
    return flat


def read_config(path: Path) -> StudyConfig:
    """Reads study.json.

    Raises:
        StudyError: If it is no study.json, or was written by a newer version.
    """
    data = read_json(path)
    version = data.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise StudyError(
            f"{path} has schema version {version!r}; this tfoptcmp reads up to {SCHEMA_VERSION}"
        )
    try:
        return StudyConfig(**data)
    except TypeError as error:
        raise StudyError(f"{path} is not a study: {error}") from error


def read_study(directory: Path) -> Study:
    """Reads a study with all its trials, in the order of their indices.

    Raises:
        StudyError: If a file is missing or damaged; the message names it.
    """
    path = directory / "study.json"
    if not path.exists():
        raise StudyError(f"{directory} holds no study.json")
    trials = tuple(
        read_trial(file) for file in sorted(directory.glob("trials/[0-9]*/metadata.json"))
    )
    return Study(directory=directory, config=read_config(path), trials=trials)


def find_studies(directory: Path) -> list[Path]:
    """Returns the study directories at or one level below `directory`, in alphabetical order.

    Raises:
        StudyError: If there is none.
    """
    if (directory / "study.json").exists():
        return [directory]
    found = sorted(file.parent for file in directory.glob("*/study.json"))
    if not found:
        raise StudyError(f"no study (study.json) in {directory} or one level below it")
    return found


def read_trial(path: Path) -> Trial:
    """Reads a metadata.json.

    Raises:
        StudyError: If the file is damaged; the message names it.
    """
    data = read_json(path)
    try:
        final = data["final"] and {
            name: float(value) if isinstance(value, str) else value  # "nan", "inf"
            for name, value in data["final"].items()
        }
        return Trial(**{**data, "status": Status(data["status"]), "final": final})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise StudyError(f"{path} is damaged: {error}; remove its folder to redo it") from error


def read_measurements(path: Path) -> list[Measurement]:
    """Reads a measurements.csv; an unfinished last line is left out.

    Raises:
        StudyError: If the file is damaged; the message names it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (ValueError, OSError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    complete = text[: text.rfind("\n") + 1]
    rows = list(csv.reader(complete.splitlines()))
    if not rows:
        return []
    header, *body = rows
    try:
        return [
            {
                name: int(cell) if name == "step" else float(cell) if cell else None
                for name, cell in zip(header, row, strict=True)
            }
            for row in body
        ]
    except ValueError as error:
        raise StudyError(f"{path} is damaged: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        StudyError: If the file is not one; the message names it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise StudyError(f"{path} must hold a JSON object; got {type(data).__name__}")
    return data


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replaces a JSON file atomically and durably: the old or the new text, never a part."""
    text = json.dumps(_plain(data), indent=1, allow_nan=False) + "\n"
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _plain(data: Any) -> Any:
    """JSON-ready copy: NaN and infinities as strings, which `float` reads back."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return repr(data)
    return data


def _shown(value: Any) -> str:
    text = json.dumps(_plain(value), sort_keys=True)
    return text if len(text) <= 300 else text[:297] + "..."
