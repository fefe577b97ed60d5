"""Harm at the operations by which a process changes files, one after the other.

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
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

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
    """Returns what lets every operation fail that needs space, from one on."""

    def before(at: int, kind: str) -> None:
        if at >= number and kind in ("open", "write", "mkdir", "fsync"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return before


class PowerCuts:
    """Keeps what of a directory would be left if the power failed before each operation.

    Two extremes between which file systems lie: of what was not synchronised nothing is there; or
    all names are there, but bytes that were not synchronised are zeros.

    Args:
        root: The directory; must be there.
        promised: Returns what by now must not be lost any more.

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
        """Gives files that have gone numbers of their own: the next file may get their inode."""
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
