"""All sources of results, and which of them reads what a path holds.

A file is read by the first source that finds it, a directory by all that do.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources import (
    algoperf,
    deepobs,
    hydra,
    keras_tuner,
    mapping,
    mlflow,
    optuna,
    optuna_journal,
    ray_tune,
    sacred,
    shallue,
    studies,
    tables,
    wandb,
)
from tfoptcmp.analysis.sources.containers import first_line, is_sqlite
from tfoptcmp.analysis.sources.folders import folders
from tfoptcmp.analysis.sources.given_ranges import with_ranges
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.tables import higher_is_better
from tfoptcmp.study.files import CannotRead, listed, passing_over
from tfoptcmp.study.schema import StudyError


@dataclass(frozen=True, kw_only=True)
class Source:
    """A layout of results.

    Attributes:
        title: Whose results, as people call them.
        find: The files of a path that have this layout, for `read`; empty if there are none.
        read: Reads what was found in all paths, with K (None for its default).
        looks_below: Whether it looks at any depth, or for files that our own studies have, too.
        levels: Where trials are folders, how far above a file that is found they lie.
        is_a_table: Whether it finds a CSV file by its header.
    """

    title: str
    find: Callable[[Path], list[Path]]
    read: Callable[[Sequence[Path], int | None], list[Comparison]]
    looks_below: bool = False
    levels: int = 0
    is_a_table: bool = False


_TABLE = "table"

SOURCES: dict[str, Source] = {
    "shallue": Source(title="Shallue et al. (2019)", find=shallue.find, read=shallue.read),
    "tfoptcmp": Source(title="tfoptcmp", find=studies.find, read=studies.compare_studies),
    "deepobs": Source(
        title="DeepOBS", find=deepobs.find, read=deepobs.read, looks_below=True, levels=2
    ),
    "keras_tuner": Source(
        title="keras-tuner",
        find=keras_tuner.find,
        read=keras_tuner.read,
        looks_below=True,
        levels=2,
    ),
    "ray_tune": Source(title="Ray Tune", find=ray_tune.find, read=ray_tune.read),
    "hydra": Source(title="hydra", find=hydra.find, read=hydra.read, looks_below=True, levels=3),
    "sacred": Source(title="sacred", find=sacred.find, read=sacred.read, levels=2),
    "optuna": Source(title="Optuna", find=optuna.find, read=optuna.read, is_a_table=True),
    "mlflow": Source(title="MLflow", find=mlflow.find, read=mlflow.read, is_a_table=True),
    "algoperf": Source(
        title="AlgoPerf", find=algoperf.find, read=algoperf.read, looks_below=True, levels=1
    ),
    "wandb": Source(title="Weights & Biases", find=wandb.find, read=wandb.read, is_a_table=True),
    _TABLE: Source(title="tables (CSV)", find=tables.find, read=tables.read),
}

_MOST_SHOWN = 5  # files of a directory in a message


def read_comparisons(
    paths: Path | str | Sequence[Path | str],
    tuning_budget: int | None = None,
    how: TableMap | None = None,
) -> list[Comparison]:
    """Reads results of one or several tools.

    Args:
        paths: Directories at or above the results, or files. Of a directory that has results of
            several tools, each tool's are comparisons of their own.
        tuning_budget: K >= 1, see `comparison.comparison`.
        how: What the columns of tables are, over which ranges was searched, and whether higher
            values of the metric are better. A file `audit.toml` beside a file adds to it.

    Raises:
        StudyError: If a path holds nothing of SOURCES, or a file is damaged; the message says what
            was looked for. If `how` cannot be of what was read.
        ValueError: If tuning_budget is out of range.
    """
    given = [paths] if isinstance(paths, Path | str) else paths
    how = TableMap() if how is None else how
    groups: list[_Group] = []
    for path in map(Path, given):
        of_path = how.over(mapping.beside(path)) if path.is_file() else how
        found = _find(path, of_path)
        if found.table is not None:
            path = found.table
            of_path = how.over(mapping.beside(path))
            found = replace(_find(path, of_path), said=found.said)
        several = _on_several(path, found.files)
        for name, files in found.files.items():
            group = _Group(
                name=name, how=of_path, several=several, said=found.said, lost=found.lost.get(name)
            )
            if group not in groups:
                groups.append(group)
            groups[groups.index(group)].files.update(dict.fromkeys(files))
    order = list(SOURCES)
    return _compared(sorted(groups, key=lambda one: order.index(one.name)), tuning_budget)


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Files that are read together.

    Attributes:
        name: Of their source.
        how: What the user says of them.
        several: Says that other tools' results lie beside them; "" if none do.
        said: What else is to be said of where they lie.
        lost: Why they cannot be read.
        files: They, in their order.
    """

    name: str
    how: TableMap
    several: str
    said: tuple[str, ...]
    lost: CannotRead | None
    files: dict[Path, None] = field(default_factory=dict, compare=False)

    def read(self, tuning_budget: int | None) -> list[Comparison]:
        if self.lost is not None:
            raise self.lost
        if self.name == _TABLE:
            return tables.read(list(self.files), tuning_budget, self.how)
        if self.name == "optuna":
            return optuna.read(list(self.files), tuning_budget, maximize=self.how.maximize)
        return SOURCES[self.name].read(list(self.files), tuning_budget)


def _compared(groups: Sequence[_Group], tuning_budget: int | None) -> list[Comparison]:
    read: list[tuple[_Group, list[Comparison]]] = []
    failed: list[tuple[_Group, StudyError]] = []
    for group in groups:
        try:
            read.append((group, group.read(tuning_budget)))
        except StudyError as error:
            if not group.several:
                raise
            failed.append((group, error))
    for group, reason in failed:
        if all(one.several != group.several for one, _ in read):
            raise StudyError(f"{reason}. {group.several}") from reason
    comparisons = []
    for group, some in read:
        lost = [
            f"Results of {SOURCES[one.name].title} were not read: {reason}."
            for one, reason in failed
            if one.several == group.several
        ]
        if group.name != _TABLE:
            alike = [one for other, all_ in read if other.how == group.how for one in all_]
            some = with_ranges(some, group.how, alike)
            some = [higher_is_better(one) for one in some] if group.how.maximize else some
        said = (*group.said, group.several, *lost) if group.several else group.said
        comparisons += [replace(one, remarks=(*one.remarks, *said)) for one in some]
    return comparisons


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What a path holds.

    Attributes:
        files: Source to the files to read.
        said: What is not read, in sentences.
        lost: Source to what cannot be read of its trials.
        table: The only results of a directory, if they are one table.
    """

    files: dict[str, list[Path]]
    said: tuple[str, ...] = ()
    lost: dict[str, CannotRead] = field(default_factory=dict)
    table: Path | None = None


def _find(path: Path, how: TableMap) -> _Found:
    """Returns the sources of a path, one if it is a file, and the files to read."""
    try:
        path.stat()
        if how.is_of_columns and (path.is_dir() or _has_no_columns(path)):
            raise StudyError(f"--map and --ignore are of tables (CSV files); {path} is none")
        if path.is_file():
            if how.is_of_columns:
                return _Found(files={_TABLE: [path]})
            each = ((name, source.find(path)) for name, source in SOURCES.items())
            return _Found(files=dict(itertools.islice((one for one in each if one[1]), 1)))
        return _in_directory(path)
    except OSError as error:
        refused = error.filename or path
        raise StudyError(f"{refused} cannot be read: {error.strerror}") from error


def _has_no_columns(path: Path) -> bool:
    return optuna_journal.is_journal(path) or is_sqlite(path)


def _in_directory(path: Path) -> _Found:
    refused: dict[Path, CannotRead] = {}
    while True:
        try:
            with passing_over(refused):
                found, tables_there = _find_all(path), _tables_below(path)
            break
        except CannotRead as error:
            if error.path == path or error.path in refused:
                raise
            refused[error.path] = error
    said = [f"Not read: {error}." for error in refused.values()]
    read = {file for files in found.values() for file in files}
    others = [str(one.relative_to(path)) for one in tables_there if one not in read]
    if not found and len(others) == 1:
        said.append(f"Read in {path}: {others[0]}, the only results there.")
        return _Found(files={}, said=tuple(said), table=tables_there[0])
    if others:
        said.append(f"Not read: {_shown(others)}; give a table by its own path.")
    if not found:
        raise StudyError(_nothing(path, said))
    lost = {
        name: error
        for name, files in found.items()
        for error in refused.values()
        if _may_be_a_trial(error.path, name, files)
    }
    return _Found(files=found, said=tuple(said), lost=lost)


def _may_be_a_trial(refused: Path, name: str, files: Sequence[Path]) -> bool:
    """Whether what cannot be read is, or lies in, what is beside trials."""
    beside = {folder for file in files for folder in file.parents[: SOURCES[name].levels]}
    return not beside.isdisjoint(refused.parents)


def _tables_below(path: Path) -> list[Path]:
    """Returns the CSV files that are results by their header."""
    files = [
        folder / name
        for folder, names in folders(path)
        for name in names
        if name.lower().endswith(".csv")
    ]
    return [file for file in files if file.is_file() and _is_of_results(file)]


def _is_of_results(file: Path) -> bool:
    names = {name.strip(' "').lower() for name in re.split("[,;\t|]", first_line(file))}
    is_ours = "optimizer" in names and bool(names & {"validation", "test"})
    return is_ours or any(source.is_a_table and source.find(file) for source in SOURCES.values())


def _nothing(path: Path, said: Sequence[str]) -> str:
    names = [f"{one.name}/" if one.is_dir() else one.name for one in sorted(path.iterdir())]
    known = ", ".join(source.title for source in SOURCES.values())
    also = " ".join(["", *said])
    return (
        f"{path} holds nothing that can be read as results; in it: "
        f"{_shown(names) or 'nothing'}.{also} Looked for: {known} (a table is "
        "given by its own path); see docs/importers.md and tfoptcmp-audit --columns"
    )


def _shown(names: Sequence[str]) -> str:
    others = f" and {len(names) - _MOST_SHOWN} others" if len(names) > _MOST_SHOWN else ""
    return f"{', '.join(names[:_MOST_SHOWN])}{others}"


def _find_all(path: Path) -> dict[str, list[Path]]:
    """Returns all sources of a directory; none looks into our own studies but their own."""
    found = {}
    for name, source in SOURCES.items():
        places = [path]
        if "tfoptcmp" in found and source.looks_below:
            own = {file.parent for file in studies.near_studies(path)}
            below = [path / one for one in listed(path)]
            below = [] if path in own else [one for one in below if one.is_dir()]
            places = [one for one in below if not studies.near_studies(one)]
        if "shallue" in found and name == "tfoptcmp":
            continue
        if files := [file for place in places for file in source.find(place)]:
            found[name] = files
    return found


def _on_several(path: Path, found: Mapping[str, Sequence[Path]]) -> str:
    """Says of which tools a path holds results, and where; "" if they are of one."""
    if len(found) == 1:
        return ""
    each = []
    for name, files in found.items():
        below = [file.relative_to(path).parts[:1] for file in files if file != path]
        names = list(dict.fromkeys(part for parts in below for part in parts))
        shown = ", ".join(names[:_MOST_SHOWN]) + (" ..." if len(names) > _MOST_SHOWN else "")
        each.append(f"{SOURCES[name].title} ({shown})" if shown else SOURCES[name].title)
    return (
        f"{path} holds results of {', '.join(each)}: each tool's are comparisons of their own, "
        "even if they are of the same trials."
    )
