"""What kind of file a path is, from its first bytes, and rows out of an SQLite file."""

import csv
import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tfoptcmp.study.files import CannotRead, find, reading

_SQLITE = b"SQLite format 3\x00"
_TRIAL = re.compile(r"\d+|[0-9a-f]{32}")
_FIRST_BYTES = 1 << 20


def why(error: Exception) -> str:
    """Says in words what is wrong with a file whose contents raised an error."""
    match error:
        case KeyError():
            return f"it lacks the field {error.args[0]!r}"
        case IndexError():
            return "it refers to something that is not in it"
        case TypeError() | AttributeError():
            return f"a field is of another kind than it must be ({error})"
    return str(error)


def find_beside(directory: Path, pattern: str) -> list[Path]:
    """Returns what `study.files.find` does, without links that lead nowhere in the place of "*".

    Such a link beside projects or trials is none of them. One that is called by a number or an
    identifier, as trials are, is not passed over.

    Raises:
        CannotRead: As `find`.
    """
    first, _, rest = pattern.partition("/")
    found = find(directory, first)
    if not rest:
        return found
    folders = [
        path
        for path in found
        if first != "*" or _TRIAL.fullmatch(path.name) or not _leads_nowhere(path)
    ]
    return sorted(below for folder in folders for below in find_beside(folder, rest))


def _leads_nowhere(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return path.is_symlink() and error.errno in (errno.ENOENT, errno.ELOOP)
    return False


def first_line(path: Path) -> str:
    """Returns the first line of a file, or as much of it as identifies one; "" if it is none."""
    if not path.is_file():
        return ""
    with reading(path), open(path, "rb") as file:
        line = file.readline(_FIRST_BYTES)
    # Lines of old tables end with "\r" alone.
    return line.decode("utf-8-sig", errors="replace").strip().partition("\r")[0].strip()


def csv_header(path: Path) -> list[str]:
    """Returns the names of a CSV file's columns; empty if it is none."""
    try:
        return next(csv.reader([first_line(path)]), [])
    except csv.Error:
        return []


def is_sqlite(path: Path) -> bool:
    """Returns whether a file is an SQLite file, from its first bytes."""
    if not path.is_file():
        return False
    with reading(path), open(path, "rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def sqlite_tables(path: Path) -> frozenset[str]:
    """Returns the names of an SQLite file's tables; empty if it is none."""
    if not is_sqlite(path):
        return frozenset()
    with opened(path) as database:
        found = rows(database, "SELECT name FROM sqlite_master WHERE type = 'table'")
    return frozenset(str(row["name"]) for row in found)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens an SQLite file to read it; nothing is written.

    Raises:
        CannotRead: If it is damaged, or a table or a column is missing; the message names it.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            yield database
    except sqlite3.Error as error:
        raise CannotRead(f"{path} cannot be read as an SQLite file: {error}", path) from error


def rows(database: sqlite3.Connection, query: str) -> list[dict[str, Any]]:
    """Returns the rows of a query, column to value."""
    return [dict(row) for row in database.execute(query)]
