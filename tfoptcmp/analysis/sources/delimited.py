"""Text files of rows and columns, as spreadsheets and tools export them.

Encoding (UTF-8, or UTF-16 with its mark), the character between fields (comma, semicolon, tab or
"|"), lines before the header that begin with "#", and decimal commas are recognised. What is not
clear is an error: a column that shifts gives wrong numbers.
"""

import codecs
import csv
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.study.schema import StudyError

_SEPARATORS = ",;\t|"
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DECIMAL_COMMA = r"[+-]?(\d+|\d*,\d+)([eE][+-]?\d+)?|nan|inf"
_BINARY = (b"PK\x03\x04", b"\x1f\x8b", b"SQLite format 3", b"PAR1")
_EXTRA = "more than the header "


def read_delimited(path: Path | str) -> pd.DataFrame:
    """Reads a file of rows and columns.

    Returns:
        Its columns as they are called there; the index of a row is its line number minus 2.

    Raises:
        StudyError: If it is not such a file, or not a clear one; the message says what is wrong.
    """
    try:
        return _read(Path(path))
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{path} is not UTF-8 text; save or export it as UTF-8; its columns: "
            "tfoptcmp-audit --columns"
        ) from error
    except (OSError, ValueError, csv.Error) as error:
        too_long = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if too_long:
            expected, line, saw = too_long.groups()
            raise StudyError(
                f"{path}, line {line}: has {saw} fields, and the header has {expected}"
            ) from error
        raise StudyError(
            f"{path} cannot be read as a table of results (CSV): {error}; "
            "its columns: tfoptcmp-audit --columns"
        ) from error


def _read(path: Path) -> pd.DataFrame:
    with open(path, "rb") as file:
        start = file.read(4096)
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and (b"\0" in start or start.startswith(_BINARY)):
        raise ValueError("it is no text; export the table as CSV")
    head = _head(path, encoding)
    names = _names(path, head)
    extra = [f"{_EXTRA}{i}" for i in range(head.num_fields - len(names))]
    layout: dict[str, Any] = dict(
        sep=head.separator,
        names=[*names, *extra],
        header=None,
        skiprows=head.num_records,
        skipinitialspace=True,
        skip_blank_lines=False,
        index_col=False,
        encoding=encoding,
    )
    table = pd.read_csv(path, low_memory=False, **layout)
    table.index = pd.RangeIndex(head.num_lines - 1, head.num_lines - 1 + len(table))
    table = table.dropna(how="all")
    for name in extra:
        beyond = table[name].notna()
        if beyond.any():
            raise StudyError(
                f"{path}, line {int(beyond.idxmax()) + 2}: has more fields than the header's "
                f"{len(names)}; a value with {head.separator!r} in it needs quotes"
            )
    table = table[names]
    if head.separator == "," or not (commas := _decimal_commas(table)):
        return table
    texts = pd.read_csv(path, dtype=str, **layout)[names]
    for name in names:
        points = texts[name].str.fullmatch(r"\s*[+-]?\d*\.\d[\d.]*([eE][+-]?\d+)?\s*").fillna(False)
        if points.any():
            raise StudyError(
                f"{path}: column {commas[0]!r} has decimal commas, and {name!r} has points in "
                f"numbers: {texts[name][points].iloc[0]!r}"
            )
    numbers = {
        name: pd.to_numeric(table[name].astype(str).str.replace(",", "."), errors="coerce")
        for name in commas
    }
    return table.assign(**numbers)


@dataclass(frozen=True, kw_only=True)
class _Head:
    """The header, and the lines up to its end.

    Attributes:
        num_lines: Lines before the first row.
        num_records: The same, a line with breaks in quotes counted once.
        fields: The header's.
        separator: Between fields.
        num_fields: Of the first row.
    """

    num_lines: int
    num_records: int
    fields: list[str]
    separator: str
    num_fields: int


def _head(path: Path, encoding: str) -> _Head:
    with open(path, encoding=encoding, newline="") as file:
        skipped, separator = 0, ""
        for line in file:
            text = line.strip()
            if re.fullmatch("sep=.", text):  # of a spreadsheet
                separator = text[-1]
            elif text and not text.startswith("#"):
                break
            skipped += 1
        else:
            raise ValueError("it has no header")
        separator = separator or max(_SEPARATORS, key=line.count)  # the comma, if there is none
        reader = csv.reader(chain([line], file), delimiter=separator, skipinitialspace=True)
        header = next(reader)
        num_lines = skipped + reader.line_num
        return _Head(
            num_lines=num_lines,
            num_records=skipped + 1,
            fields=header,
            separator=separator,
            num_fields=len(next(reader, [])),
        )


def _names(path: Path, head: _Head) -> list[str]:
    names = [" ".join(name.split()) or f"Unnamed: {i}" for i, name in enumerate(head.fields)]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"{path}: a column must appear only once; got {name!r} twice")
    return names


def _decimal_commas(table: pd.DataFrame) -> list[str]:
    """Returns the columns of numbers with decimal commas."""
    texts = table.select_dtypes(exclude="number")
    known = {name: table[name].dropna().astype(str).str.strip() for name in texts}
    return [
        name
        for name, column in known.items()
        if column.str.contains(",").any() and column.str.fullmatch(_DECIMAL_COMMA).all()
    ]
