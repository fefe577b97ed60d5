"""Reading a study directory; `tfoptcmp.study.schema` says what its files hold."""

import bisect
import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfoptcmp.study.schema import (
    SCHEMA_VERSION,
    Measurement,
    Status,
    StudyConfig,
    StudyError,
    Trial,
)


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
        """Returns the measurements of one of the trials, in the order of the steps.

        Raises:
            StudyError: If the file is damaged, or shorter than a trial that ended says.
        """
        path = trial_directory(self.directory, index) / "measurements.csv"
        measured = read_measurements(path) if path.exists() else []
        at = bisect.bisect_left(self.trials, index, key=lambda trial: trial.index)
        trial = self.trials[at]
        if trial.status in (Status.COMPLETE, Status.INFEASIBLE) and trial.final is not None:
            last = measured[-1]["step"] if measured else None
            if last != trial.final["step"]:
                raise StudyError(
                    f"{path} is damaged: its last step must be {trial.final['step']}; got {last}; "
                    "remove its folder to redo it"
                )
        return measured


def trial_directory(study: Path, index: int) -> Path:
    """Returns where the files of a trial are."""
    return study / "trials" / f"{index:06d}"


def read_config(path: Path) -> StudyConfig:
    """Reads study.json.

    Raises:
        StudyError: If it is no study.json, or was written by a newer version.
    """
    data = read_json(path)
    version = data.get("schema_version")
    if type(version) is not int or version > SCHEMA_VERSION:
        raise StudyError(
            f"{path} has schema version {version!r}; this tfoptcmp reads up to {SCHEMA_VERSION}: "
            "use the tfoptcmp that wrote it, or a newer one"
        )
    try:
        return StudyConfig(**data)
    except TypeError as error:
        raise StudyError(f"{path} is not a study: {error}") from error


def read_study(directory: Path) -> Study:
    """Reads a study with all its trials, in the order of their indices.

    Raises:
        StudyError: If a file is missing or damaged; the message names all that are.
    """
    path = directory / "study.json"
    if not path.exists():
        raise StudyError(f"{directory} holds no study.json")
    config = read_config(path)
    trials: list[Trial] = []
    problems: list[str] = []
    files = sorted(directory.glob("trials/[0-9]*/metadata.json"))
    for file in files:
        try:
            trial = read_trial(file)
            if file.parent != trial_directory(directory, trial.index):
                raise StudyError(f"{file} is damaged: it is that of trial {trial.index}")
            trials.append(trial)
        except StudyError as error:
            problems.append(str(error))
    if problems:
        raise StudyError(
            f"{len(problems)} of {len(files)} trials in {directory} are damaged; remove their "
            "folders, and the same command redoes them and keeps the others:\n"
            + "\n".join(f"  {problem}" for problem in problems)
        )
    return Study(directory=directory, config=config, trials=tuple(trials))


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
        trial = Trial(**{**data, "status": Status(data["status"]), "final": final})
        _check_trial(trial)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise StudyError(f"{path} is damaged: {error!r}; remove its folder to redo it") from error
    return trial


def _check_trial(trial: Trial) -> None:
    """Raises ValueError where a trial is none that was ever written."""
    if type(trial.index) is not int or trial.index < 0:
        raise ValueError(f"index must be an integer >= 0; got {trial.index!r}")
    for name in ("values", "arguments", "seeds"):
        if not isinstance(getattr(trial, name), Mapping):
            raise ValueError(f"{name} must be an object; got {getattr(trial, name)!r}")
    if trial.status == Status.COMPLETE:
        train_loss = (trial.final or {}).get("train_loss")
        if not isinstance(train_loss, float | int):
            raise ValueError(f"final train_loss must be a number; got {train_loss!r}")


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
    except (ValueError, OSError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise StudyError(f"{path} must hold a JSON object; got {type(data).__name__}")
    return data
