"""What results do not say of themselves, and comparisons read as asked: for report and audit."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common.shared_flags import MAXIMIZE, TUNING_BUDGET, as_asked

if TYPE_CHECKING:
    from tfoptcmp.analysis.comparison import Comparison

MAP = flags.DEFINE_multi_string(
    "map",
    [],
    "Of a table: name=expression of its columns, as validation='1 - val_accuracy' or "
    "optimizer=params_optimizer; may be repeated. A file audit.toml beside the table can say it.",
)
RANGE = flags.DEFINE_multi_string(
    "range",
    [],
    "The range that a hyperparameter was searched over, as learning_rate=1e-5:10:log, or "
    "adam:epsilon=... for one optimizer; also in the place of a recorded one; may be repeated.",
)
IGNORE = flags.DEFINE_list("ignore", [], "Of a table: columns that say nothing of a trial.")

TABLE_FLAGS = (MAP, RANGE, IGNORE, MAXIMIZE)


def read_as_asked(paths: Sequence[Path | str]) -> "list[Comparison]":
    """Reads results, by the flags on tables, on ranges and on how to judge.

    Raises:
        StudyError: If a path or a flag makes no sense.
    """
    from tfoptcmp.analysis.sources import read_comparisons
    from tfoptcmp.analysis.sources.mapping import TableMap, parse_assignments

    how = TableMap(
        columns=parse_assignments(MAP.value, "--map"),
        ranges=parse_assignments(RANGE.value, "--range"),
        ignore=tuple(IGNORE.value),
        maximize=MAXIMIZE.value,
    )
    return as_asked(read_comparisons(paths, TUNING_BUDGET.value, how))
