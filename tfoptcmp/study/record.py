"""A small record beside studies, as looks.json: read with a check, replaced durably."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tfoptcmp.conversion import from_bytes
from tfoptcmp.study.durable import make_directory, write_json
from tfoptcmp.study.files import exists, reading
from tfoptcmp.study.schema import StudyError

Record = TypeVar("Record")


def read_record(path: Path, to_record: Callable[[Any], Record], what_to_do: str) -> Record | None:
    """Reads a record; None if there is none.

    Args:
        path: Its file.
        to_record: From what the JSON holds to the record; raises ValueError.
        what_to_do: If it is damaged.

    Raises:
        StudyError: If it is damaged, or cannot be read; the message names the file.
    """
    if not exists(path):
        return None
    with reading(path):
        content = path.read_bytes()
    try:
        return to_record(from_bytes(content))
    except ValueError as error:
        raise StudyError(f"{path} is damaged: {error}; {what_to_do}") from error


def check_version(data: Any, known: int) -> None:
    """Checks the schema version of a record.

    Raises:
        ValueError: If it is not the known one, or there is none.
    """
    version = data.get("schema_version") if isinstance(data, Mapping) else None
    if version != known:
        raise ValueError(
            f"schema_version must be {known}; got {version!r}, of a newer tfoptcmp or none"
        )


def write_record(path: Path, data: Mapping[str, Any]) -> None:
    """Replaces a record durably, and makes its directory if needed.

    Raises:
        StudyError: If it cannot be written; the old one stays.
    """
    try:
        make_directory(path.parent)
        write_json(path, data)
    except OSError as error:
        raise StudyError(f"cannot write {path}: {error.strerror}") from error
