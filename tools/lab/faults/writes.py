"""A small study is killed, runs out of disk or loses its power at every operation on its files."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from tfoptcmp.study.schema import Measurement, StudyError, Trial
from tfoptcmp.study.trial import TrialTask
from tools.lab.faults import fake
from tools.lab.faults.injection import Operations, PowerCuts, disk_full_from, kill_at
from tools.lab.faults.scratch import in_child, resumes, scratch
from tuners.observers import Counts


def kills(every: int = 1) -> str:
    """Kills a study before each operation and in the middle of each write.

    Args:
        every: Takes each n-th of these points.

    Returns:
        What was done and found, for people.

    Raises:
        AssertionError: If a study does not go on as if undisturbed.
    """
    kinds = _operations()
    points: list[tuple[int, int | None]] = [(number, None) for number in range(len(kinds))]
    points += [(number, number) for number, kind in enumerate(kinds) if kind == "write"]
    points = points[::every]
    for number, torn in points:
        with scratch() as directory:

            def run(directory: Path = directory, number: int = number, torn: Any = torn) -> None:
                with Operations(kill_at(number), torn=torn):
                    fake.study(directory)

            assert in_child(run) == -signal.SIGKILL, (number, torn)
            resumes(directory)
    num_torn = sum(torn is not None for _, torn in points)
    return (
        f"{len(points) - num_torn} kills before an operation, {num_torn} in the middle of a write; "
        "all resumed, each trial once, equal results"
    )


def disk_full(every: int = 1) -> str:
    """Lets every operation from one on fail for want of space, for each operation in turn."""
    num_points = len(_operations())
    points = range(0, num_points, every)
    for number in points:
        with scratch() as directory:
            _says_disk_full(directory, lambda: Operations(disk_full_from(number)))  # noqa: B023
            resumes(directory)
    return f"full at {len(points)} operations; each time told why, resumed with equal results"


def small_disk(kilobytes: int = 40) -> str:
    """Runs a study on a file system that is too small for it, then makes it larger; needs root."""
    with scratch() as parent:
        directory = parent / "disk"
        directory.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(directory)]
        if subprocess.run(mount, capture_output=True).returncode:
            return "not run: no permission to mount a file system"
        try:
            _says_disk_full(directory / "study", nullcontext)
            subprocess.run(["mount", "-o", "remount,size=40m", str(directory)], check=True)
            resumes(directory / "study")
        finally:
            subprocess.run(["umount", str(directory)], check=True)
    return f"a file system of {kilobytes} kB; told why, resumed on a larger one with equal results"


def power_cuts(every: int = 1) -> str:
    """Lets the power fail before each operation, with the most and the least that can be left."""
    with scratch() as parent:
        parent.mkdir()
        told = _Ended()
        cuts = PowerCuts(parent, lambda: frozenset(told.indices))
        with mock.patch.object(os, "fsync", cuts.fsync), Operations(cuts) as operations:
            fake.study(parent / "study", observers=[told])
    states = cuts.found[::every]
    for state, promised in states:
        with scratch() as directory:
            for name, data in state.items():
                path = directory / Path(name).relative_to("study")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            resumes(directory, promised)
    return (
        f"{operations.num} power cuts leave {len(cuts.found)} different states; {len(states)} "
        "resumed with equal results, no finished trial lost"
    )


class _Ended:
    """Observes which trials are said to be on record."""

    def __init__(self) -> None:
        self.indices: list[int] = []

    def on_study_begin(self, counts: Counts) -> None:
        """Does nothing."""

    def on_trial_begin(self, task: TrialTask) -> None:
        """Does nothing."""

    def on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        """Does nothing."""

    def on_trial_end(self, trial: Trial, counts: Counts) -> None:
        """Keeps the index."""
        self.indices.append(trial.index)


def _operations() -> list[str]:
    """Kinds of the operations of the undisturbed study."""
    kinds: list[str] = []
    with scratch() as directory, Operations(lambda number, kind: kinds.append(kind)):
        fake.study(directory)
    return kinds


def _says_disk_full(directory: Path, operations: Callable[[], Any]) -> None:
    try:
        with operations():
            fake.study(directory)
    except StudyError as error:
        assert "No space left on device" in str(error), error
    else:
        raise AssertionError("the disk was not full")
