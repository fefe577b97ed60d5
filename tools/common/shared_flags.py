"""Flags that programs share, each defined once, and the options that they set.

Importing this module defines them all; a program has those that its groups list (`cli.run`).
"""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from absl import flags
from tfoptcmp.tools.common import temporary, worker_server
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.execution import settle as settle_on

from tfoptcmp.rules import DEFAULT_RULES
from tfoptcmp.training.options import DISTRIBUTIONS, Options

if TYPE_CHECKING:
    import tensorflow as tf

    from tfoptcmp.analysis.comparison import Comparison
    from tfoptcmp.workload import Workload

DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Directory of prepared tensorflow_datasets; default: that library's own."
)
OPTIMIZERS = flags.DEFINE_list(
    "optimizers", list(DEFAULT_RULES), "What to compare; ? lists them all."
)
SPACE = flags.DEFINE_string("space", "initial", "Search space; an unknown name prints the list.")
SCALE = flags.DEFINE_string(
    "scale", "cpu", "Sizes, budget and number of trials: paper, cpu (overnight) or smoke (minutes)."
)
STEPS = flags.DEFINE_integer(
    "steps", None, "Training steps per trial, instead of the scale's.", lower_bound=1
)
NUM_FEASIBLE = flags.DEFINE_integer(
    "num_feasible",
    None,
    "N: trials that must end with a finite training loss, instead of the scale's.",
    lower_bound=1,
)
TUNING_BUDGET = flags.DEFINE_integer(
    "tuning_budget",
    None,
    "K: trials that a practitioner is assumed to have; default: on record, else N/10, at least 2.",
    lower_bound=1,
)
MARGIN = flags.DEFINE_float(
    "margin",
    None,
    "Differences of the validation and test metric that do not count, in the unit shown "
    "(percentage points for errors); default: one standard error of the evaluation set.",
    lower_bound=1e-9,
)
MAXIMIZE = flags.DEFINE_bool(
    "maximize",
    False,
    "Higher is better in the tables that are read, as of accuracies; studies of tfoptcmp know it.",
)
SEED = flags.DEFINE_integer("seed", 0, "Seed of points, weights, data order.", lower_bound=0)
THREADS_PER_TRIAL = flags.DEFINE_integer(
    "threads_per_trial",
    0,
    "Threads per trial; 0: one where trials run side by side on processors; else, and with "
    "--num_workers, each worker's share of the processors, as far as they help the workload. "
    "Part of the study: results differ in the last bits between numbers of threads.",
    lower_bound=0,
)
PLAN = flags.DEFINE_bool(
    "plan", False, "Print what would be run and an estimate of the time, and exit."
)

REPRODUCIBILITY = (SEED, THREADS_PER_TRIAL)

DEVICES = (
    flags.DEFINE_enum(
        "distribution",
        "none",
        DISTRIBUTIONS,
        "Devices that share every batch: one; all of this process; all of the processes in "
        "TF_CONFIG, each of which runs this command; a TPU (never tried).",
    ),
    flags.DEFINE_string("tpu", None, "Address of the TPU; default: this machine's."),
    flags.DEFINE_bool(
        "mixed_precision", False, "Compute layers in bfloat16, the loss and updates in float32."
    ),
    flags.DEFINE_bool(
        "jit_compile",
        None,
        "Compile the training step with XLA; default: what is best for the workload.",
    ),
)

MEASURE_ALL = flags.DEFINE_bool(
    "measure_all",
    False,
    "Measure training and test figures at every interval, too, not only at the last step.",
)

CHECKPOINTS = (
    flags.DEFINE_integer(
        "checkpoint_every_steps",
        None,
        "Steps between checkpoints, from which an interrupted trial resumes.",
        lower_bound=1,
    ),
    flags.DEFINE_float(
        "checkpoint_every_minutes", 10.0, "Minutes between checkpoints; 0: no checkpoints by time."
    ),
    flags.DEFINE_bool(
        "durable",
        True,
        "Wait until the disk has what is written, so that it survives a power cut; some network "
        "file systems refuse.",
    ),
    flags.DEFINE_bool("keep_checkpoints", False, "Keep the last checkpoint of finished trials."),
)


class _NumWorkers(flags.IntegerParser):
    """Takes "auto" for 0."""

    def parse(self, argument: str | int) -> int:
        return 0 if argument in ("auto", 0) else super().parse(argument)


class _NumWorkersText(flags.ArgumentSerializer[int]):
    def serialize(self, value: int) -> str:
        return str(value or "auto")


EXECUTION = (
    flags.DEFINE(
        _NumWorkers(lower_bound=1),
        "num_workers",
        0,
        "Trials to run at the same time, each in its own process; auto: one for each processor, or "
        "on a machine with GPUs for each of those, as far as the memory goes. 1: in this process.",
        serializer=_NumWorkersText(),
    ),
    flags.DEFINE_string(
        "ray_address",
        None,
        "Ray cluster to run trials on, host:port of its head; with --num_workers and "
        "--threads_per_trial. Default: none.",
    ),
    flags.DEFINE_integer(
        "max_retries", 1, "How often to retry a trial that crashes.", lower_bound=0
    ),
    flags.DEFINE_bool(
        "accept_version_changes",
        False,
        "Resume studies of other versions of the packages; study.json records it.",
    ),
)

_KERAS_TUNER = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


def options() -> Options:
    """Returns the flags that have the names of the fields of `Options`.

    Raises:
        UserError: If they contradict each other.
    """
    try:
        return Options(**_values(THREADS_PER_TRIAL, MEASURE_ALL, *DEVICES, *CHECKPOINTS))
    except ValueError as error:
        raise UserError(f"--{error}") from error


def execution(options: Options) -> Execution:
    """Returns the flags that have the names of the fields of `Execution`.

    Raises:
        UserError: If flags or the environment ask for something that is not supported.
    """
    found = [name for name in _KERAS_TUNER if name in os.environ]
    if found:
        raise UserError(
            f"{', '.join(found)} is set, but trials are not distributed by keras-tuner's chief and "
            "workers: unset it, and use --num_workers or --ray_address"
        )
    asked = Execution(**_values(DATA_DIR, *EXECUTION))
    if asked.in_workers and options.is_distributed:
        raise UserError(
            "--num_workers and --ray_address give every trial one device: leave out --distribution"
        )
    if asked.ray_address is not None and not options.threads_per_trial:
        raise UserError(
            "--ray_address needs --threads_per_trial: results differ between numbers of threads"
        )
    if asked.ray_address is not None and not asked.num_workers:
        raise UserError("--ray_address needs --num_workers: how many trials at the same time")
    return asked


def start_server(execution: Execution, options: Options) -> None:
    """Lets workers that there will probably be import TensorFlow while this process does."""
    many = len(os.sched_getaffinity(0)) > 1 and not options.is_distributed
    several = execution.num_workers > 1 or (execution.num_workers == 0 and many)
    if several and execution.ray_address is None and not PLAN.value:
        worker_server.start()


def settle(
    execution: Execution, options: Options, workloads: "Sequence[Workload]"
) -> tuple[Execution, Options, str]:
    """Chooses the workers and threads that flags leave open, as `execution.settle`."""
    from tfoptcmp.tools.common.machine import leave_gpus_to_workers, machine

    found = settle_on(execution, options, workloads, machine())
    if found[0].in_workers and not PLAN.value:
        leave_gpus_to_workers()
    return found


def configure_process(options: Options) -> "tf.distribute.Strategy | None":
    """Sets this process's threads and makes its strategy, once: the first use of TensorFlow.

    Raises:
        UserError: If there are no such devices, or no place for temporary files.
    """
    from tfoptcmp.study.durable import synchronise
    from tfoptcmp.training import runtime
    from tfoptcmp.training.distribution import make_strategy

    temporary.use_own_directory()
    runtime.configure(options.threads_per_trial)
    synchronise(options.durable)
    try:
        return make_strategy(options)
    except ValueError as error:
        raise UserError(f"--{error}") from error


def _values(*holders: flags.FlagHolder[Any]) -> dict[str, Any]:
    return {holder.name: holder.value for holder in holders}


def as_asked(comparisons: "list[Comparison]") -> "list[Comparison]":
    """Returns comparisons that are judged with --margin.

    Raises:
        UserError: If the margin is not finite.
    """
    if MARGIN.value is None:
        return comparisons
    if not math.isfinite(MARGIN.value):
        raise UserError(f"--margin must be a finite number > 0; got {MARGIN.value}")
    return [replace(one, margin=MARGIN.value / one.metric.scale) for one in comparisons]
