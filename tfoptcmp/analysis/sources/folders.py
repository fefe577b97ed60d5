"""Which folders of a directory may hold files of results, such as a database or a table."""

import os
from collections.abc import Iterator
from pathlib import Path

from tfoptcmp.study.files import listed

_DEPTH = 3  # folders down
# Of programs, of our own studies, and of runs of MLflow.
_OTHERS = ("venv", "env", "node_modules", "site-packages", "__pycache__", "mlartifacts")
_INSIDE = ("study.json", "meta.yaml")


def folders(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Returns a directory and the folders up to three levels below, with the names in each.

    Hidden folders, environments of Python and studies of ours are passed over, and nothing inside
    of MLflow's experiments is looked at.

    Raises:
        CannotRead: If a folder cannot be read.
    """
    yield from _folders(path, 0, set())


def _folders(path: Path, depth: int, seen: set[str]) -> Iterator[tuple[Path, list[str]]]:
    names = listed(path)
    where = os.path.realpath(path)
    if where in seen or (depth and any(name in names for name in _INSIDE)):
        return
    seen.add(where)
    yield path, names
    if depth == _DEPTH or "study.json" in names:
        return
    for name in names:
        below = path / name
        if not name.startswith(".") and name not in _OTHERS and below.is_dir():
            yield from _folders(below, depth + 1, seen)
