"""Results of any tool as comparisons: which tool wrote what a path holds, and its reader.

Each source is a file with `find`, which says, without reading much, which files of a path belong to
it, and with `read`. To add a source, write that file and add a line to SOURCES. The first source
that finds something reads the path.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    ray_tune,
    sacred,
    shallue,
    studies,
    tables,
    wandb,
)
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.tables import higher_is_better
from tfoptcmp.study.schema import StudyError


@dataclass(frozen=True, kw_only=True)
class Source:
    """A layout of results.

    Attributes:
        title: What it is, in words.
        find: The files of a path that have this layout, for `read`; empty if there are none.
        read: Reads what was found in all paths, with K (None for its default).
    """

    title: str
    find: Callable[[Path], list[Path]]
    read: Callable[[Sequence[Path], int | None], list[Comparison]]


_TABLE = "table"

SOURCES: dict[str, Source] = {
    "shallue": Source(
        title="study.json of the layout of Shallue et al. (2019), at any depth",
        find=shallue.find,
        read=shallue.read,
    ),
    "tfoptcmp": Source(
        title="study.json of tfoptcmp, there or one level below",
        find=studies.find,
        read=studies.compare_studies,
    ),
    "deepobs": Source(
        title=f"runs of DeepOBS ({deepobs.PATTERN})", find=deepobs.find, read=deepobs.read
    ),
    "keras_tuner": Source(
        title="projects of keras-tuner (trial_*/trial.json), there or one level below",
        find=keras_tuner.find,
        read=keras_tuner.read,
    ),
    "ray_tune": Source(
        title="an experiment of Ray Tune (experiment_state-*.json), there or one level below",
        find=ray_tune.find,
        read=ray_tune.read,
    ),
    "hydra": Source(
        title="runs of hydra (.hydra/config.yaml), at any depth", find=hydra.find, read=hydra.read
    ),
    "sacred": Source(
        title="runs of sacred's FileStorageObserver (<id>/run.json), there or one level below",
        find=sacred.find,
        read=sacred.read,
    ),
    "optuna": Source(
        title="studies of Optuna (SQLite, journal, or the CSV of trials_dataframe)",
        find=optuna.find,
        read=optuna.read,
    ),
    "mlflow": Source(
        title="experiments of MLflow (mlruns, mlflow.db, or the CSV of search_runs)",
        find=mlflow.find,
        read=mlflow.read,
    ),
    "algoperf": Source(
        title=f"logs of AlgoPerf ({algoperf.PATTERN})", find=algoperf.find, read=algoperf.read
    ),
    "wandb": Source(
        title=f"a table of runs that Weights & Biases exports ({wandb.PATTERN})",
        find=wandb.find,
        read=wandb.read,
    ),
    _TABLE: Source(
        title="a table of results, one row per trial (a CSV file)",
        find=tables.find,
        read=tables.read,
    ),
}


def read_comparisons(
    paths: Path | str | Sequence[Path | str],
    tuning_budget: int | None = None,
    how: TableMap | None = None,
) -> list[Comparison]:
    """Reads results of one or several tools.

    Args:
        paths: Directories at or above the results, or CSV files.
        tuning_budget: K >= 1, see `comparison.comparison`.
        how: What the columns of tables are, and whether higher values of the metric are better.

    Raises:
        StudyError: If a path holds nothing of SOURCES, or a file is damaged; the message says what
            was looked for. If `how` cannot be of what was read.
        ValueError: If tuning_budget is out of range.
    """
    given = [paths] if isinstance(paths, Path | str) else paths
    how = TableMap() if how is None else how
    found: dict[str, list[Path]] = {}
    for path in map(Path, given):
        name, files = _find(path, how)
        found.setdefault(name, []).extend(files)
    comparisons = []
    for name, source in SOURCES.items():
        files = list(dict.fromkeys(found.get(name, ())))
        if files and name == _TABLE:
            comparisons += tables.read(files, tuning_budget, how)
        elif files:
            known = source.read(files, tuning_budget)
            comparisons += [higher_is_better(one) for one in known] if how.maximize else known
    return comparisons


def _find(path: Path, how: TableMap) -> tuple[str, list[Path]]:
    """Returns the source of a path, and the files to read; a map says that it is a table."""
    if how.is_of_columns:
        if files := tables.find(path):
            return _TABLE, files
        raise StudyError(
            f"--map, --range and --ignore are of tables (CSV files); {path} is a directory"
        )
    if tables.find(path) and mapping.beside(path).is_of_columns:
        return _TABLE, [path]
    wrong = "holds nothing that can be read as results"
    try:
        for name, source in SOURCES.items():
            if files := source.find(path):
                return name, files
        path.stat()
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    looked_for = "; ".join(source.title for source in SOURCES.values())
    raise StudyError(
        f"{path} {wrong}. Looked for: {looked_for}. Any other tool's results can be given as such "
        "a table: tfoptcmp-audit --columns says how"
    )
