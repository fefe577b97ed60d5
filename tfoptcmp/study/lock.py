"""One writer at a time: a lock that dies with the process that holds it.

It is a kernel lock (flock), so a stale file cannot block anybody. It is advisory: reading needs no
lock. On network file systems it works between machines if their lock service runs.
"""

import fcntl
import os
import platform
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Holds the lock of this file, which is created if needed and not removed.

    Args:
        path: The file.
        wait: Whether to wait for a process that holds it.

    Raises:
        BlockingIOError: If another process holds it and `wait` is false; says which process.
        OSError: If the file cannot be written or locked.
    """
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            file.seek(0)
            raise BlockingIOError(file.read().strip()) from error
        _close_in_children(file)
        file.truncate(0)
        file.write(f"pid {os.getpid()} on {platform.node()}\n")
        file.flush()
        yield


def _close_in_children(file: TextIO) -> None:
    """A forked child shares the lock, and would keep it after its parent has died."""
    held = weakref.ref(file)

    def close() -> None:
        if (mine := held()) is not None:
            mine.close()

    os.register_at_fork(after_in_child=close)
