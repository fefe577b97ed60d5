"""Reading the files of a study; `tfoptcmp.study.validate` says what they may hold.

If a file is wrong, a StudyError names the file, the field and what is allowed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tfoptcmp.conversion import from_bytes
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import SearchSpace
from tfoptcmp.study import pack, validate
from tfoptcmp.study.files import CannotRead, exists, find, reading
from tfoptcmp.study.rounds import (
    earlier,
    judged,
    read_plan,
    round_directory,
    round_numbers,
)
from tfoptcmp.study.schema import (
    GRID,
    Measurement,
    Status,
    StudyConfig,
    StudyError,
    Trial,
    trial_directory,
    trial_of,
)

_REDO = "; remove its folder to redo it"


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as read from its directory."""

    directory: Path
    config: StudyConfig
    signature: Signature
    trials: tuple[Trial, ...] = field(default=())
    packed: Mapping[int, str] | None = None
    """Index to the text of the measurements, for a packed study; None for an unpacked one."""

    @property
    def name(self) -> str:
        """Name of the signature."""
        return self.signature.name

    @cached_property
    def _trial(self) -> Mapping[int, Trial]:
        return {trial.index: trial for trial in self.trials}

    def measurements(self, index: int) -> list[Measurement]:
        """Returns the measurements of one of the trials, in the order of the steps.

        Raises:
            StudyError: If the file is damaged, or does not match the end of the trial.
        """
        if self.packed is None:
            path = trial_directory(self.directory, index) / "measurements.csv"
            measured = read_measurements(path)
        else:
            path = self.directory / pack.MEASUREMENTS
            measured = _measurements(path, self.packed[index])
        _check(path, measured, self._trial[index], self.config)
        return measured


def read_config(path: Path) -> StudyConfig:
    """Reads study.json.

    Raises:
        StudyError: If it is not a study.json, or was written by a newer version.
    """
    data = _read(path)
    with _damage(path):
        return validate.to_config(data)


def recorded_config(study: Path) -> StudyConfig | None:
    """Reads the study.json of a study; None if it was not begun.

    Raises:
        StudyError: As `read_config`.
    """
    path = study / "study.json"
    return read_config(path) if exists(path) else None


def read_study(directory: Path) -> Study:
    """Reads a study with all its trials, in the order of their indices.

    Raises:
        StudyError: If a file is missing or damaged; the message names all that are.
        CannotRead: If the file system refuses to read one.
    """
    path = directory / "study.json"
    if not exists(path):
        raise StudyError(f"{directory} holds no study.json")
    config = read_config(path)
    signature = Signature.from_json(config.signature)
    if pack.is_packed(directory):
        return _packed_study(directory, config, signature)
    trials: list[Trial] = []
    problems: list[str] = []
    files = find(directory, "trials/[0-9]*/metadata.json")
    for file in files:
        try:
            trial = _read_trial(file, config, signature.space)
            if file.parent.name != trial_directory(directory, trial.index).name:
                raise StudyError(f"{file} is damaged: it is that of trial {trial.index}")
            trials.append(trial)
        except CannotRead:
            raise
        except StudyError as error:
            problems.append(str(error))
    if problems:
        raise StudyError(
            f"{len(problems)} of {len(files)} trials in {directory} are damaged; remove their "
            "folders, and the same command redoes them and keeps the others:\n"
            + "\n".join(f"  {problem}" for problem in problems)
        )
    trials.sort(key=lambda trial: trial.index)
    return Study(directory=directory, config=config, signature=signature, trials=tuple(trials))


def num_that_count(directory: Path) -> int:
    """Returns how many trials on record count towards N; 0 if there is no study.

    They are the feasible ones, and in a grid search all that have ended.

    Raises:
        StudyError: As `read_study`.
    """
    if not exists(directory / "study.json"):
        return 0
    study = read_study(directory)
    if study.config.search == GRID:
        return sum(trial.status.has_ended for trial in study.trials)
    return sum(trial.status is Status.COMPLETE for trial in study.trials)


def read_reruns(directory: Path) -> dict[tuple[int, int], Trial]:
    """Reads the re-runs of a study that ended, in the order of trial and number.

    Returns:
        (index of the trial, number of the re-run) to the re-run.

    Raises:
        StudyError: If a file is damaged.
    """
    config = read_config(directory / "study.json")
    space = Signature.from_json(config.signature).space
    found = {}
    if pack.is_packed(directory):
        for one in pack.read_packed(directory, reruns=True):
            assert one.rerun is not None
            trial = _packed_trial(directory, one, config, space)
            if trial.status.has_ended:
                path = directory / pack.MEASUREMENTS
                _check(path, _measurements(path, one.measurements), trial, config)
                found[one.index, one.rerun] = trial
        return found
    for file in find(directory, "reruns/*/metadata.json"):
        index, rerun = trial_of(file.parent) or (None, None)
        if index is None or rerun is None:
            continue
        trial = _read_trial(file, config, space, rerun)
        if trial.index != index:
            raise StudyError(f"{file} is damaged: it is that of trial {trial.index}")
        if trial.status.has_ended:
            path = file.with_name("measurements.csv")
            _check(path, read_measurements(path), trial, config)
            found[index, rerun] = trial
    return dict(sorted(found.items()))


def find_studies(directory: Path) -> list[Path]:
    """Returns the study directories at or one level below `directory`, in alphabetical order.

    Of a refinement those of its last round.

    Raises:
        StudyError: If there is none.
    """
    directory = judged(directory)
    if exists(directory / "study.json"):
        return [directory]
    found = [file.parent for file in find(directory, "*/study.json")]
    if not found:
        raise StudyError(f"no study (study.json) in {directory} or one level below it")
    return found


def find_all_studies(directory: Path) -> list[Path]:
    """Returns the study directories that `find_studies` does, and of a refinement all rounds'.

    Raises:
        StudyError: If there is none, or a refinement's plan is damaged or a study of it missing.
    """
    read_plan(directory)
    numbers = round_numbers(directory)
    rounds = [path for i in numbers for path in find_studies(round_directory(directory, i))]
    for path in rounds:
        earlier(path)
    return rounds or find_studies(directory)


def read_measurements(path: Path) -> list[Measurement]:
    """Reads a measurements.csv; if there is none yet, returns no measurements.

    An unfinished last line is left out.

    Raises:
        StudyError: If the file is damaged; the message names it.
    """
    if not exists(path):
        return []
    with reading(path):
        content = path.read_bytes()
    with _damage(path, _REDO):
        text = content.decode().replace("\r\n", "\n")
    return _measurements(path, text, _REDO)


def read_space(path: Path, name: str) -> SearchSpace:
    """Reads a user's file with one search space, or with one for each of several names.

    Args:
        path: A JSON file.
        name: Whose space is wanted, where there are several.

    Raises:
        StudyError: If it holds no search space, or an invalid one.
    """
    data = _read(path)
    try:
        if not isinstance(data, dict):
            raise ValueError(f"it must hold a JSON object; got {data!r}")
        if "dimensions" not in data:
            if name not in data:
                raise ValueError(f"it must have a space for {name!r}; got {sorted(data)}")
            data = data[name]
        return SearchSpace.from_json(data, source=str(path))
    except ValueError as error:
        raise StudyError(f"{path}: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object written by any program, NaN and Infinity included.

    Raises:
        StudyError: If the file is not one; the message names it.
    """
    with reading(path):
        content = path.read_bytes()
    try:
        data = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise StudyError(f"{path} must hold a JSON object; got {type(data).__name__}")
    return data


def _packed_study(directory: Path, config: StudyConfig, signature: Signature) -> Study:
    entries = pack.read_packed(directory, reruns=False)
    trials = [_packed_trial(directory, one, config, signature.space) for one in entries]
    return Study(
        directory=directory,
        config=config,
        signature=signature,
        trials=tuple(trials),
        packed={one.index: one.measurements for one in entries},
    )


def _packed_trial(
    directory: Path, one: pack.Entry, config: StudyConfig, space: SearchSpace
) -> Trial:
    try:
        return validate.to_trial(one.metadata, config, space, one.rerun)
    except ValueError as error:
        where = trial_directory(directory, one.index, one.rerun)
        raise StudyError(f"{directory / pack.TRIALS} is damaged: {error} (of {where})") from error


def _measurements(path: Path, text: str, mend: str = "") -> list[Measurement]:
    with _damage(path, mend):
        return validate.to_measurements(text)


def _read_trial(
    path: Path, config: StudyConfig, space: SearchSpace, rerun: int | None = None
) -> Trial:
    data = _read(path, _REDO)
    with _damage(path, _REDO):
        return validate.to_trial(data, config, space, rerun)


def _check(path: Path, measured: Sequence[Measurement], trial: Trial, config: StudyConfig) -> None:
    with _damage(path, _REDO):
        validate.check_measurements(measured, trial, config)


def _read(path: Path, mend: str = "") -> Any:
    with reading(path):
        content = path.read_bytes()
    try:
        return from_bytes(content)
    except ValueError as error:
        raise StudyError(f"{path} cannot be read: {error}{mend}") from error


@contextmanager
def _damage(path: Path, mend: str = "") -> Iterator[None]:
    """Says which file is damaged, in what way, and what to do."""
    try:
        yield
    except ValueError as error:
        raise StudyError(f"{path} is damaged: {error}{mend}") from error
