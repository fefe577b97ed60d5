"""Text files of rows and columns, as spreadsheets and tools export them.

Encoding (UTF-8, or UTF-16 with its mark), the character between fields (comma, semicolon, tab or
"|"), lines before the header that begin with "#", and decimal commas are recognised. What is not
clear is an error: a column that shifts gives wrong numbers.
"""

import codecs
import csv
import re
from pathlib import Path

import pandas as pd

from tfoptcmp.study.schema import StudyError

_SEPARATORS = ",;\t|"
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DECIMAL_COMMA = r"[+-]?(\d+|\d*,\d+)([eE][+-]?\d+)?|nan|inf"
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
        start = file.read(4)
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8-sig")
    skipped, header, first = _head(path, encoding)
    separator = max(_SEPARATORS, key=header.count)  # the comma, if there is none
    names = _names(path, header, separator)
    (fields,) = csv.reader([first], delimiter=separator) if first else [[]]
    extra = [f"{_EXTRA}{i}" for i in range(len(fields) - len(names))]
    table = pd.read_csv(
        path,
        sep=separator,
        names=[*names, *extra],
        header=None,
        skiprows=skipped + 1,
        skipinitialspace=True,
        index_col=False,
        encoding=encoding,
        low_memory=False,
    )
    table.index = pd.RangeIndex(skipped, skipped + len(table))
    for name in extra:
        beyond = table[name].notna()
        if beyond.any():
            raise StudyError(
                f"{path}, line {int(beyond.idxmax()) + 2}: has more fields than the header's "
                f"{len(names)}; a value with {separator!r} in it needs quotes"
            )
    table = table[names]
    return table if separator == "," else _with_decimals(path, table)


def _head(path: Path, encoding: str) -> tuple[int, str, str]:
    """Returns the lines before the header, the header, and the first line after it."""
    skipped = 0
    with open(path, encoding=encoding, newline="") as file:
        for line in file:
            text = line.rstrip("\r\n")
            if text.startswith("#") or not text.strip():
                skipped += 1
                continue
            return skipped, text, next(file, "").rstrip("\r\n")
    raise ValueError("it has no header")


def _names(path: Path, header: str, separator: str) -> list[str]:
    (fields,) = csv.reader([header], delimiter=separator, skipinitialspace=True)
    names = [name.strip() or f"Unnamed: {i}" for i, name in enumerate(fields)]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"{path}: a column must appear only once; got {name!r} twice")
    return names


def _with_decimals(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Reads decimal commas, in files whose fields are not separated by commas."""
    texts = table.select_dtypes(exclude="number")
    known = {name: table[name].dropna().astype(str).str.strip() for name in texts}
    commas = [
        name
        for name, column in known.items()
        if column.str.contains(",").any() and column.str.fullmatch(_DECIMAL_COMMA).all()
    ]
    if commas and any(
        pd.api.types.is_float_dtype(table[n]) and table[n].mod(1).any() for n in table
    ):
        raise StudyError(
            f"{path}: column {commas[0]!r} has decimal commas, and others have decimal points"
        )
    points = {
        name: pd.to_numeric(table[name].astype(str).str.replace(",", "."), errors="coerce")
        for name in commas
    }
    return table.assign(**points)
