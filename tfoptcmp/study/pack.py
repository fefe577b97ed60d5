"""A study packed for publishing: three files instead of two for each trial.

    study.json             as it is
    trials.csv             a row for each trial and re-run: what its metadata.json says
    measurements.csv.gz    a row for each measurement: index, rerun and the row of measurements.csv

Plain text, in the order of the indices. The same study gives the same bytes, and unpacking gives
the bytes of the files that were packed. What can be made again or does not help readers is left
out: TensorBoard events, checkpoints, the lock. `tfoptcmp.study.read` reads both forms; only an
unpacked study can be resumed.

A column of trials.csv is a field of metadata.json, "values.eta0" and the like where it is an
object. A cell holds its value as JSON, but text (`status`, `message`), nan and inf as they are. An
empty cell means that the field is missing, or is null in `rerun`, `seconds` and `final`.
"""

import csv
import gzip
import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tfoptcmp.study.durable import json_bytes, make_directory, write_bytes
from tfoptcmp.study.files import exists, find
from tfoptcmp.study.schema import COLUMNS, StudyError, Trial, trial_directory, trial_of

TRIALS = "trials.csv"
MEASUREMENTS = "measurements.csv.gz"

# The objects of a metadata.json whose fields become columns, and its other fields.
_OBJECTS = ("values", "arguments", "seeds", "final")
_TEXTS = ("status", "message")
_NO_JSON = ("nan", "inf", "-inf")
_FOLDERS = ("trials", "reruns")
_TRIALS_OWN = re.compile(r"metadata\.json|measurements\.csv|events\.out\..*|checkpoint-.*|.*\.tmp")
_FIELDS = tuple(field.name for field in fields(Trial))
_HEADER = ",".join(COLUMNS) + "\n"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A trial or re-run as in its files.

    Attributes:
        index: Number of the trial.
        rerun: Number of the re-run; None for the trial itself.
        metadata: What metadata.json says.
        measurements: The text of measurements.csv.
    """

    index: int
    rerun: int | None
    metadata: Mapping[str, Any]
    measurements: str


def is_packed(directory: Path) -> bool:
    """Returns whether a study directory holds a packed study, or what is left of one."""
    alone = exists(directory / MEASUREMENTS) and not exists(directory / "trials")
    return alone or exists(directory / TRIALS)


def check_unpacked(directory: Path, given: Path) -> None:
    """Checks that a study can be resumed.

    Args:
        directory: Of the study.
        given: What the user would unpack: that directory, or one above it.

    Raises:
        StudyError: If it is packed; the message has the command that unpacks it.
    """
    if is_packed(directory):
        raise StudyError(
            f"{directory} is packed and cannot be resumed: tfoptcmp-pack --unpack "
            f"{shlex.quote(str(given))}"
        )


def pack(directory: Path) -> None:
    """Packs a study in place; checks the result, then removes the files of its trials.

    Args:
        directory: Of a study that nobody is writing.

    Raises:
        StudyError: If a file cannot be read, could not be restored exactly, or does not belong to a
            trial.
    """
    for path in (path for kind in _FOLDERS for path in find(directory, f"{kind}/*/*")):
        if not _TRIALS_OWN.fullmatch(path.name):
            raise StudyError(f"{path} is not a file of a trial, and packing would remove it")
    entries = list(_unpacked(directory))
    trials, measurements = _trials_text(entries), _measurements_text(entries)
    again = {(one.index, one.rerun): one for one in _entries(trials, measurements)}
    for one in entries:
        folder = trial_directory(directory, one.index, one.rerun)
        there = (folder / "metadata.json").read_bytes(), one.measurements
        back = again[one.index, one.rerun]
        if there != (json_bytes(back.metadata), back.measurements):
            raise StudyError(f"{folder} could not be restored exactly: not packed")
    write_bytes(directory / MEASUREMENTS, gzip.compress(measurements.encode(), mtime=0))
    write_bytes(directory / TRIALS, trials.encode())  # last: from here on the study is packed
    for kind in _FOLDERS:
        shutil.rmtree(directory / kind, ignore_errors=True)
    (directory / "lock").unlink(missing_ok=True)


def unpack(directory: Path) -> None:
    """Unpacks a study in place, so that it can be resumed.

    Args:
        directory: Of a packed study.

    Raises:
        StudyError: If its files are damaged.
    """
    for one in read_packed(directory):
        folder = trial_directory(directory, one.index, one.rerun)
        make_directory(folder)
        write_bytes(folder / "measurements.csv", one.measurements.encode())
        write_bytes(folder / "metadata.json", json_bytes(one.metadata))
    (directory / TRIALS).unlink()
    (directory / MEASUREMENTS).unlink()


def read_packed(directory: Path, *, reruns: bool | None = None) -> list[Entry]:
    """Reads the trials and re-runs of a packed study.

    Args:
        directory: Of the study.
        reruns: True for re-runs only, False for trials only.

    Raises:
        StudyError: If its files are damaged; the message names the one.
    """
    texts = []
    for name, opened in ((TRIALS, open), (MEASUREMENTS, gzip.open)):
        try:
            with opened(directory / name, "rt", encoding="utf-8", newline="") as file:
                texts.append(file.read())
        except (OSError, EOFError, ValueError) as error:
            raise StudyError(f"{directory / name} cannot be read: {error}") from error
    try:
        return list(_entries(*texts, reruns=reruns))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StudyError(f"{directory / TRIALS} is damaged: {error!r}") from error


def _unpacked(directory: Path) -> Iterator[Entry]:
    """The trials and re-runs of an unpacked study, by index and number."""
    found = []
    for folder in (f for kind in _FOLDERS for f in find(directory, f"{kind}/*")):
        number = trial_of(folder)
        if number is None:
            raise StudyError(f"{folder} does not belong to a trial, and packing would remove it")
        path = folder / "metadata.json"
        if exists(path):  # the process may have been killed before
            found.append((*number, path))
    found.sort(key=lambda one: (one[0], -1 if one[1] is None else one[1]))
    for index, rerun, path in found:
        measurements = path.with_name("measurements.csv")
        try:
            yield Entry(
                index=index,
                rerun=rerun,
                metadata=json.loads(path.read_bytes()),
                # The process may have been killed before the file was there.
                measurements=measurements.read_bytes().decode()
                if exists(measurements)
                else _HEADER,
            )
        except (OSError, ValueError, RecursionError) as error:
            raise StudyError(f"{path.parent} cannot be read: {error}") from error


def _trials_text(entries: Sequence[Entry]) -> str:
    rows = [_cells(one) for one in entries]
    columns = dict.fromkeys(name for row in rows for name in row)
    order = ["index", "rerun", *_FIELDS]  # a trial without a final measurement may come first
    in_order = sorted(columns, key=lambda column: order.index(column.partition(".")[0]))
    text = io.StringIO()
    writer = csv.DictWriter(text, in_order, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cells(one: Entry) -> dict[str, str]:
    """The row of trials.csv: column to cell."""
    cells = {"index": "", "rerun": "" if one.rerun is None else str(one.rerun)}
    for name, value in one.metadata.items():
        if name in _OBJECTS:
            cells |= {f"{name}.{key}": _cell(entry) for key, entry in (value or {}).items()}
        else:
            cells[name] = "" if name == "seconds" and value is None else _cell(value)
    return cells


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _measurements_text(entries: Sequence[Entry]) -> str:
    lines = [f"index,rerun,{_HEADER}"]
    for one in entries:
        if not one.measurements.startswith(_HEADER) or not one.measurements.endswith("\n"):
            raise StudyError(
                f"measurements.csv of trial {one.index} is incomplete: "
                "resume the study before you pack it"
            )
        rows = one.measurements.splitlines(keepends=True)[1:]
        rerun = "" if one.rerun is None else one.rerun
        lines += [f"{one.index},{rerun},{row}" for row in rows]
    return "".join(lines)


def _entries(trials: str, measurements: str, *, reruns: bool | None = None) -> Iterator[Entry]:
    """The trials and re-runs in the texts of both files.

    Raises:
        ValueError: If the texts are damaged.
    """
    texts: dict[tuple[str, str], list[str]] = {}
    header, *lines = measurements.splitlines(keepends=True)
    if header != f"index,rerun,{_HEADER}":
        raise ValueError(f"{MEASUREMENTS} must begin with 'index,rerun,{_HEADER}'; got {header!r}")
    for line in lines:
        index, rerun, measurement = line.split(",", 2)
        texts.setdefault((index, rerun), []).append(measurement)
    rows = csv.reader(io.StringIO(trials, newline=""))
    columns = next(rows, [])
    read = _MetadataReader(columns)
    index_at, rerun_at = columns.index("index"), columns.index("rerun")
    for row in rows:
        if not row:
            continue
        if len(row) != len(columns):
            which = row[index_at] if len(row) > index_at else None
            raise ValueError(f"trial {which} must have a cell for each column")
        index, rerun = row[index_at], row[rerun_at]
        measured = texts.pop((index, rerun), [])
        if reruns is not None and bool(rerun) != reruns:
            continue
        yield Entry(
            index=int(index),
            rerun=int(rerun) if rerun else None,
            metadata=read(row),
            measurements=_HEADER + "".join(measured),
        )
    if texts:
        raise ValueError(f"{MEASUREMENTS} has measurements of {next(iter(texts))}, no trial")


class _MetadataReader:
    """What metadata.json says, from rows of trials.csv with the same columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        places = [(i, *c.partition(".")[::2]) for i, c in enumerate(columns) if c != "rerun"]
        self._fields = [(i, name) for i, name, key in places if not key]
        self._entries = [(i, name, key) for i, name, key in places if key]

    def __call__(self, row: Sequence[str]) -> dict[str, Any]:
        metadata: dict[str, Any] = {name: {} if name in _OBJECTS else None for name in _FIELDS}
        filled = [(name, key, row[i]) for i, name, key in self._entries if row[i]]
        values = _from_json([f'"{c}"' if c in _NO_JSON else c for _, _, c in filled])
        for (name, key, _), value in zip(filled, values, strict=True):
            metadata[name][key] = value
        for i, name in self._fields:
            cell = row[i]
            metadata[name] = cell if name in _TEXTS else json.loads(cell) if cell else None
        if not metadata["final"]:
            metadata["final"] = None
        return metadata


def _from_json(cells: Sequence[str]) -> list[Any]:
    """Each cell's value; at once, since a call for each would take most of the time."""
    try:
        values = json.loads(f"[{','.join(cells)}]")
        if len(values) == len(cells):
            return list(values)
    except ValueError:
        pass
    return [json.loads(cell) for cell in cells]  # says what is wrong
