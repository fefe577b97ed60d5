"""Finding files, where one that cannot be read is not taken for one that is not there.

`Path.glob` leaves out folders that it may not read and links that lead nowhere, and so does
`Path.exists` with links. Trials must not vanish in this way.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import filter as matching
from pathlib import Path

from tfoptcmp.study.schema import StudyError

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


_PASSED_OVER: ContextVar[frozenset[Path]] = ContextVar("passed over", default=frozenset())


class CannotRead(StudyError):
    """The file system refuses to read a file or folder, which says nothing about its contents.

    Attributes:
        path: The file or folder.
    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


@contextmanager
def passing_over(paths: Iterable[Path]) -> Iterator[None]:
    """Looks for files as if these files and folders were not there."""
    token = _PASSED_OVER.set(frozenset(paths))
    try:
        yield
    finally:
        _PASSED_OVER.reset(token)


def listed(folder: Path) -> list[str]:
    """Returns the names in a folder, in alphabetical order.

    Raises:
        CannotRead: If it cannot be read.
    """
    with reading(folder):
        return sorted(name for name in os.listdir(folder) if _is_there(folder / name))


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
        return _is_there(path)


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
        found = []
        walk = os.walk(directory, onerror=refuse) if directory.is_dir() else ()
        for folder, below, names in walk:
            below[:] = [name for name in below if _is_there(Path(folder, name))]
            found += [Path(folder, name) for name in matching(names, pattern)]
        return sorted(filter(_is_there, found))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Says which file or folder the file system refuses to read, and why."""
    try:
        yield
    except ValueError as error:  # a name with a NUL, or that the locale cannot write
        raise CannotRead(f"{str(path)!r} cannot be read: {error}", path) from error
    except OSError as error:
        refused = _refused(error, path)
        raise CannotRead(f"{refused} cannot be read: {error.strerror or error}", refused) from error


def _refused(error: OSError, path: Path) -> Path:
    """The file or folder that an error is about: a name in a locked folder is not the culprit."""
    refused = Path(error.filename or path)
    for folder in reversed(refused.parents) if error.errno == errno.EACCES else ():
        try:
            os.lstat(f"{folder}/.")  # a Path would lose the point
        except PermissionError:
            return folder
        except OSError:
            break
    return refused


def _is_there(path: Path) -> bool:
    passed = _PASSED_OVER.get()
    return not passed or passed.isdisjoint((path, *path.parents))


def _children(folder: Path, pattern: str) -> list[Path]:
    with reading(folder):
        try:
            if any(character in pattern for character in "*?["):
                found = [folder / name for name in matching(os.listdir(folder), pattern)]
                return list(filter(_is_there, found))
            if not _is_there(folder / pattern):
                return []
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
