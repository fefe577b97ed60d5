"""A small study is killed, runs out of disk or loses its power at every operation on its files.

Operations are those of the system: opening a file to write it, each write of its buffer, cutting it
off, renaming, removal, making a directory, fsync. While `Operations` is entered, `open` and some
functions of `os` are replaced in this process; reading is left alone.
"""

import builtins
import errno
import io
import itertools
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tools.lab.faults.fake import in_child, resumes, scratch
from tfoptcmp.tuners.observers import Counts

from tfoptcmp.study.schema import Measurement, StudyError, Trial
from tfoptcmp.study.trial import TrialTask


def kills(every: int = 1) -> str:
    """Kills a study before each operation and in the middle of each write.

    Args:
        every: Takes each n-th of these points.

    Returns:
        What was done and found, for people.

    Raises:
        AssertionError: If a study does not resume as if undisturbed.
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
    """Lets every operation fail for lack of space, starting at each operation in turn."""
    num_points = len(_operations())
    points = range(0, num_points, every)
    for number in points:
        with scratch() as directory:
            _says_disk_full(directory, lambda: Operations(disk_full_from(number)))  # noqa: B023
            resumes(directory)
    return f"full at {len(points)} operations; a message said why, resumed with equal results"


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
    return f"a file system of {kilobytes} kB; a message said why, equal results on a larger one"


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
    """Observes which trials are reported as recorded."""

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


Before = Callable[[int, str], None]


class Operations:
    """Calls `before(number, kind)` before each operation, numbered from 0.

    Args:
        before: May raise or kill. Kinds: "open", "write", "truncate", "replace", "unlink", "mkdir",
            "fsync".
        torn: Number of an operation, a write, of which the first half is done before `before` is
            called.
    """

    def __init__(self, before: Before, *, torn: int | None = None) -> None:
        self._before = before
        self._torn = torn
        self.num = 0

    def __enter__(self) -> "Operations":
        """Replaces what changes files."""
        replaced: dict[Any, tuple[str, ...]] = {os: ("replace", "unlink", "mkdir", "fsync")}
        self._patches = [
            mock.patch.object(module, name, self._counted(name, getattr(module, name)))
            for module, names in replaced.items()
            for name in names
        ]
        self._patches.append(mock.patch.object(builtins, "open", self._open))
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Puts everything back."""
        for patch in self._patches:
            patch.stop()

    def happens(self, kind: str, half: Callable[[], object] = lambda: None) -> None:
        """Counts an operation that is about to happen."""
        number = self.num
        self.num += 1
        if number == self._torn:
            half()
        self._before(number, kind)

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.happens(name)
            return function(*args, **kwargs)

        return counted

    def _open(self, path: Any, mode: str = "r", **settings: Any) -> Any:
        if mode in ("r", "rb"):
            return io.open(path, mode, **settings)  # noqa: UP020  # `open` is this function
        self.happens("open")
        raw = _File(path, mode.replace("b", ""), self)
        binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return binary if "b" in mode else io.TextIOWrapper(binary, **settings)


class _File(io.FileIO):
    def __init__(self, path: Any, mode: str, operations: Operations) -> None:
        super().__init__(path, mode)
        self._operations = operations

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._operations.happens("write", lambda: io.FileIO.write(self, data[: len(data) // 2]))
        return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        self._operations.happens("truncate")
        return super().truncate(size)


def kill_at(number: int) -> Before:
    """Returns what kills this process at an operation."""

    def before(at: int, kind: str) -> None:
        if at == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return before


def disk_full_from(number: int) -> Before:
    """Returns what lets every operation that needs space fail, after a certain one."""

    def before(at: int, kind: str) -> None:
        if at >= number and kind in ("open", "write", "mkdir", "fsync"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return before


class PowerCuts:
    """Keeps what of a directory would be left if the power failed before each operation.

    Two extremes between which file systems lie: nothing that was not synchronised is left; or all
    names are left, but bytes that were not synchronised are zeros.

    Args:
        root: The directory; must exist.
        promised: Returns what must not be lost from now on.

    Attributes:
        found: The different states, path to bytes of every file, each with what was promised.
    """

    def __init__(self, root: Path, promised: Callable[[], frozenset[int]]) -> None:
        self._root = root
        self._promised = promised
        self._bytes: dict[int, bytes] = {}  # inode to what was synchronised
        self._names: dict[int, dict[str, int]] = {}  # of directories: name to inode
        self._gone = itertools.count(-1, -1)
        self.found: list[tuple[dict[str, bytes], frozenset[int]]] = []

    def __call__(self, number: int, kind: str) -> None:
        """Called before each operation."""
        self._rename_gone()
        for state in (self._least(), self._most()):
            if (found := (state, self._promised())) not in self.found:
                self.found.append(found)

    def fsync(self, descriptor: int) -> None:
        """Takes the place of `os.fsync`."""
        status = os.fstat(descriptor)
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = {p.name: p.stat().st_ino for p in path.iterdir()}
        else:
            self._bytes[status.st_ino] = path.read_bytes()

    def _rename_gone(self) -> None:
        """Gives deleted files unique numbers: the next file may get their inode."""
        there = {path.stat().st_ino for path in self._root.rglob("*")}
        for inode in [inode for inode in self._bytes if inode > 0 and inode not in there]:
            number = next(self._gone)
            self._bytes[number] = self._bytes.pop(inode)
            for names in self._names.values():
                names.update({name: number for name, known in names.items() if known == inode})

    def _least(self) -> dict[str, bytes]:
        state: dict[str, bytes] = {}

        def walk(inode: int, prefix: str) -> None:
            for name, child in self._names.get(inode, {}).items():
                if child in self._bytes:
                    state[prefix + name] = self._bytes[child]
                walk(child, f"{prefix}{name}/")

        walk(self._root.stat().st_ino, "")
        return state

    def _most(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self._root)): self._bytes.get(
                path.stat().st_ino, bytes(path.stat().st_size)
            )
            for path in self._root.rglob("*")
            if path.is_file()
        }
