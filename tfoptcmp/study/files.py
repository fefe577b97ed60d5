"""Finding files, where one that cannot be read is not taken for one that is not there.

`Path.glob` leaves out folders that it may not read and links that lead nowhere, and so does
`Path.exists` with links. Trials must not vanish in this way.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import filter as matching
from pathlib import Path

from tfoptcmp.study.schema import StudyError

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class CannotRead(StudyError):
    """The file system refuses to read a file or folder, which says nothing about its contents."""


def exists(path: Path) -> bool:
    """Returns whether there is something of this name, a link that leads nowhere included.

    Raises:
        CannotRead: If that cannot be found out.
    """
    with reading(path):
        try:
            os.lstat(path)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            return False
        return True


def find(directory: Path, pattern: str) -> list[Path]:
    """Returns the paths below a directory that match a pattern, in alphabetical order.

    Args:
        directory: Where to look; it may be missing.
        pattern: Names, or patterns of `fnmatch`, one for each level: "*/study.json".

    Raises:
        CannotRead: If a folder on the way cannot be read, or is a link that leads nowhere.
    """
    found = [directory]
    for part in pattern.split("/"):
        found = [path for folder in found for path in _children(folder, part)]
    return sorted(found)


def find_below(directory: Path, pattern: str) -> list[Path]:
    """Returns the files at any depth whose names match, in alphabetical order.

    Links to folders are not followed.

    Raises:
        CannotRead: If a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    with reading(directory):
        walk = os.walk(directory, onerror=refuse) if directory.is_dir() else ()
        return sorted(
            Path(folder, name) for folder, _, names in walk for name in matching(names, pattern)
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Says which file or folder the file system refuses to read, and why."""
    try:
        yield
    except ValueError as error:  # a name with a NUL, or that the locale cannot write
        raise CannotRead(f"{str(path)!r} cannot be read: {error}") from error
    except OSError as error:
        refused = error.filename or path
        raise CannotRead(f"{refused} cannot be read: {error.strerror or error}") from error


def _children(folder: Path, pattern: str) -> list[Path]:
    with reading(folder):
        try:
            if any(character in pattern for character in "*?["):
                return [folder / name for name in matching(os.listdir(folder), pattern)]
            os.lstat(folder / pattern)
            return [folder / pattern]
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            if folder.is_symlink() and not folder.exists():
                raise OSError(
                    error.errno, "it is a link that leads nowhere", str(folder)
                ) from error
            return []
