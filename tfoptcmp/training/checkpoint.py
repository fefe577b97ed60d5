"""Checkpoints of a trial, from which it goes on in a new process as if it had never stopped.

    <trial>/checkpoint-<step>.npz      state after so many steps

NumPy arrays and a JSON header; no pickle. A file is written under a temporary name, made durable
and renamed, so that a kill leaves the old ones. The header holds the measurements up to the step:
a run that goes on hands them over again, and whatever the kill did to measurements.csv is mended.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfoptcmp.study.read import trial_directory
from tfoptcmp.study.schema import Measurement, Status, Trial
from tfoptcmp.study.trial import TrialTask

_SCHEMA_VERSION = 1
_NUM_KEPT = 2  # a damaged newest one then costs one more interval, not the trial

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


class Checkpoints:
    """The checkpoints in the directory of one trial.

    Args:
        directory: The trial's.
        identity: All that determines the trial, JSON-ready. A checkpoint of another is not used.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        self._directory = directory
        self._identity = json.loads(json.dumps(identity))

    def newest(self) -> Checkpoint | None:
        """Returns the newest one that is whole and this trial's; what is passed over is logged."""
        for path in self._paths():
            try:
                header, checkpoint = _read(path)
            except Exception as error:  # what may damaged bytes not raise
                _log.warning("%s is damaged (%s) and not used", path, error)
                continue
            if header["schema_version"] == _SCHEMA_VERSION and header["trial"] == self._identity:
                return checkpoint
            _log.warning("%s was made with other settings or versions and is not used", path)
        return None

    def write(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, durably, then removes all but the newest two."""
        path = self._directory / f"checkpoint-{checkpoint.step}.npz"
        temporary = path.with_name(path.name + ".tmp")
        header = {
            "schema_version": _SCHEMA_VERSION,
            "trial": self._identity,
            "step": checkpoint.step,
            "measurements": checkpoint.measurements,
            "num_arrays": len(checkpoint.arrays),
        }
        try:
            with open(temporary, "wb") as file:
                np.savez(file, *checkpoint.arrays, header=np.array(json.dumps(header)))
                file.flush()
                os.fsync(file.fileno())
        except OSError:  # a full disk is not to stay full of this
            temporary.unlink(missing_ok=True)
            raise
        os.replace(temporary, path)
        _sync_directory(self._directory)
        for old in self._paths()[_NUM_KEPT:]:
            old.unlink()

    def _paths(self) -> list[Path]:
        """Newest first."""
        steps = {
            path: int(step)
            for path in self._directory.glob("checkpoint-*.npz")
            if (step := path.stem.removeprefix("checkpoint-")).isdecimal()
        }
        return sorted(steps, key=steps.__getitem__, reverse=True)


class CheckpointRemover:
    """Observes a study and removes the checkpoints of trials whose end is on record.

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
        """Removes the trial's checkpoints, unless it crashed and is to go on from one."""
        if trial.status != Status.FAILED:
            remove_checkpoints(trial_directory(self._directory, trial.index))


def remove_checkpoints(directory: Path) -> None:
    """Removes all checkpoints of a trial, unfinished ones included."""
    for path in directory.glob("checkpoint-*.npz*"):
        path.unlink()


def _sync_directory(directory: Path) -> None:
    """Makes a renaming in it durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> tuple[dict[str, Any], Checkpoint]:
    with np.load(path, allow_pickle=False) as file:  # every array is read against its checksum
        header = json.loads(str(file["header"]))
        arrays = [file[f"arr_{i}"] for i in range(header["num_arrays"])]
    return header, Checkpoint(
        step=header["step"], measurements=header["measurements"], arrays=arrays
    )
