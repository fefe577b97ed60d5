"""Checkpoints of a trial, from which it resumes in a new process as if it had never stopped.

    <trial>/checkpoint-<step>.npz      state after so many steps

NumPy arrays and a JSON header; no pickle. A file is replaced durably (`tfoptcmp.study.durable`), so
that a kill leaves the old ones. The header holds the measurements up to the step:
a resumed run hands them over again, which repairs whatever a kill did to measurements.csv.
"""

import json
import logging
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfoptcmp.conversion import Count, convert
from tfoptcmp.study.durable import plain, replace_file
from tfoptcmp.study.files import find
from tfoptcmp.study.schema import Measurement, Status, StudyError, Trial, trial_directory
from tfoptcmp.study.trial import TrialTask
from tfoptcmp.study.validate import check_steps, to_measurement

_NUM_KEPT = 2  # if the newest is damaged, that costs one more interval, not the trial

ArrayKind = tuple[tuple[int, ...], np.dtype[Any]]
"""Shape and type of an array."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """State of a trial between two steps.

    Attributes:
        step: Updates that were applied.
        measurements: All up to this step.
        arrays: Value of every variable that the rest of the trial depends on.
    """

    step: int
    measurements: Sequence[Measurement]
    arrays: Sequence[np.ndarray]


@dataclass(frozen=True, kw_only=True)
class _Header:
    """The contents of a checkpoint besides the arrays.

    Attributes:
        schema_version: Of this file.
        trial: All that determines the trial.
        step: As in `Checkpoint`.
        measurements: As in `Checkpoint`; `Row` describes each.
        num_arrays: Number of the arrays, "arr_0" and so on.
    """

    schema_version: Literal[1]
    trial: Mapping[str, Any]
    step: Count
    measurements: Sequence[Mapping[str, Any]]
    num_arrays: Count


class Checkpoints:
    """The checkpoints in the directory of one trial.

    Args:
        directory: The trial's.
        identity: All that determines the trial, JSON-ready. A checkpoint of another is not used.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        self._directory = directory
        self._identity = json.loads(json.dumps(plain(identity)))

    def newest(self, kinds: Sequence[ArrayKind] | None = None) -> Checkpoint | None:
        """Returns the newest intact checkpoint of this trial; logs those that are skipped.

        Args:
            kinds: Those that its arrays must have; None for any.
        """
        for path in self._paths():
            try:
                identity, checkpoint = read_checkpoint(path, kinds)
            except StudyError as error:
                _log.warning("%s, and is not used", error)
                continue
            if identity == self._identity:
                return checkpoint
            _log.warning("%s was made with other settings or versions and is not used", path)
        return None

    def write(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, durably, then removes all but the newest two.

        Raises:
            StudyError: If it cannot be written, as on a full disk.
        """
        header = _Header(
            schema_version=1,
            trial=self._identity,
            step=checkpoint.step,
            measurements=checkpoint.measurements,
            num_arrays=len(checkpoint.arrays),
        )
        text = json.dumps(plain(asdict(header)), allow_nan=False)
        path = self._directory / f"checkpoint-{checkpoint.step}.npz"
        try:
            replace_file(
                path, lambda file: np.savez(file, *checkpoint.arrays, header=np.array(text))
            )
        except OSError as error:
            raise StudyError(f"{path} cannot be written: {error.strerror}") from error
        for old in self._paths()[_NUM_KEPT:]:
            old.unlink()

    def _paths(self) -> list[Path]:
        """Newest first."""
        steps = {
            path: int(step)
            for path in find(self._directory, "checkpoint-*.npz")
            if (step := path.stem.removeprefix("checkpoint-")).isdecimal()
        }
        return sorted(steps, key=steps.__getitem__, reverse=True)


class CheckpointRemover:
    """Observes a study and removes the checkpoints of trials whose end is recorded.

    Args:
        directory: Of the study.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def on_study_begin(self, counts: object) -> None:
        """Does nothing."""

    def on_trial_begin(self, task: TrialTask) -> None:
        """Does nothing."""

    def on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        """Does nothing."""

    def on_trial_end(self, trial: Trial, counts: object) -> None:
        """Removes the trial's checkpoints, unless it crashed and will resume from one."""
        if trial.status != Status.FAILED:
            remove_checkpoints(trial_directory(self._directory, trial.index))


def remove_checkpoints(directory: Path) -> None:
    """Removes all checkpoints of a trial, unfinished ones included."""
    for path in find(directory, "checkpoint-*.npz*"):
        path.unlink()


def read_checkpoint(
    path: Path, kinds: Sequence[ArrayKind] | None = None
) -> tuple[Mapping[str, Any], Checkpoint]:
    """Reads a checkpoint; returns which trial it belongs to, and the checkpoint.

    Args:
        path: Of the file.
        kinds: Those that its arrays must have; None for any.

    Raises:
        StudyError: If it is damaged, with the reason.
    """
    try:
        _check_arrays(path, kinds)
        with np.load(path, allow_pickle=False) as file:  # each array is read against its checksum
            arrays = {name: file[name] for name in file.files}
        data = plain(json.loads(str(arrays.pop("header"))))
        header = convert(data, _Header)
        measurements = [to_measurement(row, "measurements") for row in data["measurements"]]
        _check(path, header, measurements, arrays)
    except Exception as error:  # damaged bytes may raise anything
        raise StudyError(f"{path} is damaged: {error}") from error
    return header.trial, Checkpoint(
        step=header.step,
        measurements=measurements,
        arrays=[arrays[f"arr_{i}"] for i in range(header.num_arrays)],
    )


def _check_arrays(path: Path, kinds: Sequence[ArrayKind] | None) -> None:
    """Checks, before an array is read, that it is no larger than the file, and what it must be."""
    found: dict[str, ArrayKind] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read_header = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, _, dtype = read_header(file)
                num_bytes = file.tell() + math.prod(shape) * dtype.itemsize
            # Objects are refused by what reads them.
            if not dtype.hasobject and (
                member.compress_type != zipfile.ZIP_STORED or num_bytes != member.file_size
            ):
                raise ValueError(f"{member.filename} must have {num_bytes} bytes")
            found[member.filename.removesuffix(".npy")] = shape, dtype
    for i, kind in enumerate(kinds or ()):
        if found.get(f"arr_{i}") != kind:
            raise ValueError(f"arr_{i} must be {kind}; got {found.get(f'arr_{i}')}")
    if kinds is not None and len(found) != len(kinds) + 1:
        raise ValueError(f"must hold {len(kinds)} arrays and a header; got {len(found)}")


def _check(
    path: Path,
    header: _Header,
    measurements: Sequence[Measurement],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Raises ValueError where parts of a checkpoint contradict each other."""
    if path.stem != f"checkpoint-{header.step}":
        raise ValueError(f"step must be that of its name; got {header.step}")
    if set(arrays) != {f"arr_{i}" for i in range(header.num_arrays)}:
        raise ValueError(f"num_arrays must be {len(arrays)}; got {header.num_arrays}")
    check_steps(measurements, header.step)
