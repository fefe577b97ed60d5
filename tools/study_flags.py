"""Flags that `train` and `tune` share, and the objects that they name."""

from typing import TYPE_CHECKING

from absl import flags

from tfoptcmp.signatures import Signature
from tools import extensions
from tools.cli import UserError

if TYPE_CHECKING:
    from tfoptcmp.workload import Budget, Workload

WORKLOAD = flags.DEFINE_string("workload", None, "What to train; an unknown name lists the known.")
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Directory of prepared tensorflow_datasets; default: that library's own."
)
SCALE = flags.DEFINE_string(
    "scale", "cpu", "Sizes, budget and number of trials: paper, cpu (overnight) or smoke (minutes)."
)
BATCH_SIZE = flags.DEFINE_integer("batch_size", None, "Instead of the scale's.", lower_bound=1)
STEPS = flags.DEFINE_integer(
    "steps", None, "Training steps a trial, instead of the scale's.", lower_bound=1
)
EVAL_EVERY_STEPS = flags.DEFINE_integer(
    "eval_every_steps",
    None,
    "Steps between measurements; default: as many measurements a trial as the scale has.",
    lower_bound=1,
)
SPACE = flags.DEFINE_string("space", "initial", "Search space; an unknown name lists the known.")
SEARCH = flags.DEFINE_enum(
    "search", "quasirandom", ["quasirandom", "random"], "How points are drawn from the space."
)
SEED = flags.DEFINE_integer("seed", 0, "Seed of points, weights, data order.", lower_bound=0)
THREADS_PER_TRIAL = flags.DEFINE_integer(
    "threads_per_trial",
    0,
    "Threads of a trial; 0: all processors. Part of the study: results differ in the last bits "
    "between numbers of threads.",
    lower_bound=0,
)

WHAT = (WORKLOAD, DATA_DIR, SPACE, SEARCH, extensions.IMPORT_MODULE)
HOW_MUCH = (SCALE, STEPS, BATCH_SIZE, EVAL_EVERY_STEPS)
REPRODUCIBILITY = (SEED, THREADS_PER_TRIAL)


def workload_and_budget(**changes: int | None) -> "tuple[Workload, Budget]":
    """Returns what --workload, --scale and the flags that change a scale name.

    Args:
        **changes: More fields of `Budget` to change; None leaves the scale's.

    Raises:
        UserError: If a name is unknown or a number impossible.
    """
    workload = extensions.workload(WORKLOAD.value)
    try:
        return workload, workload.budget(
            SCALE.value,
            steps=STEPS.value,
            batch_size=BATCH_SIZE.value,
            eval_every_steps=EVAL_EVERY_STEPS.value,
            **changes,
        )
    except ValueError as error:
        raise UserError(f"--{error}") from error


def signature(optimizer: str) -> Signature:
    """Returns the signature of an optimizer in the space that --workload and --space name.

    Raises:
        UserError: If there is none.
    """
    return extensions.signature(WORKLOAD.value, optimizer, SPACE.value)
