"""Results of any tool as comparisons: which tool wrote what a path holds, and its reader.

Each source is a file with `find`, which says, without reading much, which files of a path belong to
it, and with `read`. To add a source, write that file and add a line to SOURCES; `settings` says
what the settings of its runs are. A file is read by the first source that finds it, a directory by
all that do.
"""

import itertools
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
from tfoptcmp.analysis.sources.given_ranges import with_ranges
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.tables import higher_is_better
from tfoptcmp.study.schema import StudyError


@dataclass(frozen=True, kw_only=True)
class Source:
    """A layout of results.

    Attributes:
        title: Whose results, as people call them.
        find: The files of a path that have this layout, for `read`; empty if there are none.
        read: Reads what was found in all paths, with K (None for its default).
    """

    title: str
    find: Callable[[Path], list[Path]]
    read: Callable[[Sequence[Path], int | None], list[Comparison]]


_TABLE = "table"

SOURCES: dict[str, Source] = {
    "shallue": Source(title="Shallue et al. (2019)", find=shallue.find, read=shallue.read),
    "tfoptcmp": Source(title="tfoptcmp", find=studies.find, read=studies.compare_studies),
    "deepobs": Source(title="DeepOBS", find=deepobs.find, read=deepobs.read),
    "keras_tuner": Source(title="keras-tuner", find=keras_tuner.find, read=keras_tuner.read),
    "ray_tune": Source(title="Ray Tune", find=ray_tune.find, read=ray_tune.read),
    "hydra": Source(title="hydra", find=hydra.find, read=hydra.read),
    "sacred": Source(title="sacred", find=sacred.find, read=sacred.read),
    "optuna": Source(title="Optuna", find=optuna.find, read=optuna.read),
    "mlflow": Source(title="MLflow", find=mlflow.find, read=mlflow.read),
    "algoperf": Source(title="AlgoPerf", find=algoperf.find, read=algoperf.read),
    "wandb": Source(title="Weights & Biases", find=wandb.find, read=wandb.read),
    _TABLE: Source(title="tables (CSV)", find=tables.find, read=tables.read),
}

# Those that look at any depth, or for files that our own studies have, too.
_BELOW = ("deepobs", "keras_tuner", "hydra", "algoperf")
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
        for name, files in found.items():
            group = _Group(name=name, how=of_path, said=_on_several(path, found))
            if group not in groups:
                groups.append(group)
            groups[groups.index(group)].files.update(dict.fromkeys(files))
    order = list(SOURCES)
    return _compared(sorted(groups, key=lambda one: order.index(one.name)), tuning_budget)


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Files that are read together; `said` if other tools' results lie beside them."""

    name: str
    how: TableMap
    said: str
    files: dict[Path, None] = field(default_factory=dict, compare=False)

    def read(self, tuning_budget: int | None) -> list[Comparison]:
        if self.name == _TABLE:
            return tables.read(list(self.files), tuning_budget, self.how)
        return SOURCES[self.name].read(list(self.files), tuning_budget)


def _compared(groups: Sequence[_Group], tuning_budget: int | None) -> list[Comparison]:
    read: list[tuple[_Group, list[Comparison]]] = []
    failed: list[tuple[_Group, StudyError]] = []
    for group in groups:
        try:
            read.append((group, group.read(tuning_budget)))
        except StudyError as error:
            if not group.said:
                raise
            failed.append((group, error))
    for group, reason in failed:
        if all(one.said != group.said for one, _ in read):
            raise StudyError(f"{reason}. {group.said}") from reason
    comparisons = []
    for group, some in read:
        lost = [
            f"Results of {SOURCES[one.name].title} were not read: {reason}."
            for one, reason in failed
            if one.said == group.said
        ]
        if group.name != _TABLE:
            alike = [one for other, all_ in read if other.how == group.how for one in all_]
            some = with_ranges(some, group.how, alike)
            some = [higher_is_better(one) for one in some] if group.how.maximize else some
        said = (group.said, *lost) if group.said else ()
        comparisons += [replace(one, remarks=(*one.remarks, *said)) for one in some]
    return comparisons


def _find(path: Path, how: TableMap) -> dict[str, list[Path]]:
    """Returns the sources of a path, one if it is a file, and the files to read."""
    if how.is_of_columns and (path.is_dir() or optuna_journal.is_journal(path)):
        raise StudyError(f"--map and --ignore are of tables (CSV files); {path} is none")
    if how.is_of_columns and path.is_file():
        return {_TABLE: [path]}
    try:
        if path.is_dir():
            found = _find_all(path)
        else:
            each = ((name, source.find(path)) for name, source in SOURCES.items())
            found = dict(itertools.islice((one for one in each if one[1]), 1))
        path.stat()
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error
    if found:
        return found
    names = [f"{one.name}/" if one.is_dir() else one.name for one in sorted(path.iterdir())]
    others = f" and {len(names) - _MOST_SHOWN} others" if len(names) > _MOST_SHOWN else ""
    known = ", ".join(source.title for source in SOURCES.values())
    raise StudyError(
        f"{path} holds nothing that can be read as results; in it: "
        f"{', '.join(names[:_MOST_SHOWN]) or 'nothing'}{others}. Looked for: {known} (a table is "
        "given by its own path); see docs/importers.md and tfoptcmp-audit --columns"
    )


def _find_all(path: Path) -> dict[str, list[Path]]:
    """Returns all sources of a directory; none looks into our own studies but their own."""
    found = {}
    for name, source in SOURCES.items():
        places = [path]
        if "tfoptcmp" in found and name in _BELOW:
            own = {file.parent for file in studies.near_studies(path)}
            folders = [] if path in own else [one for one in path.iterdir() if one.is_dir()]
            places = [one for one in folders if not studies.near_studies(one)]
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
