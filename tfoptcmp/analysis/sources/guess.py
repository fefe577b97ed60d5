"""A first `audit.toml` for a table: what its columns may mean, to be checked by its owner."""

import json
from pathlib import Path

from tfoptcmp.analysis.sources.columns import RESULTS, guess
from tfoptcmp.analysis.sources.delimited import read_delimited
from tfoptcmp.analysis.sources.mapping import FILE
from tfoptcmp.analysis.sources.names import is_hyperparameter
from tfoptcmp.analysis.sources.settings import optimizer_settings
from tfoptcmp.study.schema import StudyError


def write_guess(path: Path | str) -> str:
    """Writes `audit.toml` beside a table.

    Returns:
        What was written and what to check, for people.

    Raises:
        StudyError: If the table cannot be read, or there is such a file already.
    """
    file = Path(path).parent / FILE
    if not Path(path).is_file():
        raise StudyError(f"{path} is no table: there is no such file")
    table = read_delimited(path)
    found = dict(one.split("=", 1) for one in guess(table))
    if "optimizer" not in [*table, *found]:
        named = optimizer_settings(table.select_dtypes(exclude="number").to_dict("records"))
        found = {"optimizer": named[0], **found} if len(named) == 1 else found
    taken = {text.removeprefix("1 - ").removeprefix("-").strip("`") for text in found.values()}
    known = {*(str(name).strip().lower() for name in table), *found}
    missing = [
        wanted
        for wanted in ("optimizer", "validation or test")
        if known.isdisjoint(wanted.split(" or "))
    ]
    rest = [
        name
        for name in map(str, table.columns)
        if name not in RESULTS and not is_hyperparameter(name) and name not in taken
    ]
    lines = [
        "# A guess: check every line. What it means: tfoptcmp-audit --columns.",
        "maximize = false  # whether higher values of the metric are better",
        "ignore = []  # columns that say nothing of a trial",
        *(["# not read: " + ", ".join(rest)] if rest else []),
        "",
        "[map]",
        *(f"# {what} is missing: no name says which column it is" for what in missing),
        *(f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in found.items()),
        "",
        "[range]  # what each hyperparameter was searched over",
        '# learning_rate = "1e-5:10:log"',
    ]
    try:
        with open(file, "x", encoding="utf-8") as written:
            written.write("\n".join(lines) + "\n")
    except FileExistsError as error:
        raise StudyError(f"{file} is there already; it is used as it is") from error
    except OSError as error:
        raise StudyError(f"{file} cannot be written: {error.strerror}") from error
    shown = "\n".join(f"  {line}" for line in lines)
    return f"{file} has a guess of what the columns of {path} are. Check it:\n{shown}"
