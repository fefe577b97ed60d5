"""Writing that survives a kill, a full disk or a power cut at any instant.

What a function has written when it returns survives a power cut: the bytes of a file are
synchronised before its name, the name before anything that relies on it. Each function says how
many fsyncs it takes; one took 0.5 to 5 ms on the disks that we tried.
"""

import errno
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

_synchronising = True


def synchronise(enabled: bool) -> None:
    """Sets whether this process synchronises; if not, a power cut may cost what it has written."""
    global _synchronising
    _synchronising = enabled


def sync(descriptor: int) -> None:
    """Synchronises a file or directory, unless told not to: one fsync.

    Raises:
        OSError: If that fails; says so if the file system has no fsync.
    """
    if not _synchronising:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            text = (
                f"this file system refuses fsync ({error.strerror}); with --nodurable a power cut "
                "may cost the last trials, a kill still none"
            )
            raise OSError(error.errno, text) from error
        raise


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replaces a JSON file, like `replace_file`."""
    write_bytes(path, json_bytes(data))


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file by one with this content, like `replace_file`."""
    replace_file(path, lambda file: file.write(content))


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """Returns the bytes of a JSON file."""
    return (json.dumps(plain(data), indent=1, allow_nan=False) + "\n").encode()


def replace_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replaces a file: afterwards it holds all of the old or all of the new bytes.

    Two fsyncs: the file and its directory.

    Args:
        path: Of the file, which need not exist.
        write: Writes the new bytes.

    Raises:
        OSError: If it cannot be written; the old bytes stay, and nothing is left beside it.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            sync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)  # leave nothing on a full disk
        raise
    sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Makes a directory and its missing parents: one fsync for each."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable: one fsync."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def plain(data: Any) -> Any:
    """JSON-ready copy: NaN and infinities as strings, which `float` reads back."""
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return repr(data)
    return data
