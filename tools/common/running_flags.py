"""Flags that say how the trials of studies are run, and what they must not be mixed with."""

import os

from absl import flags

from tools.common import cluster, study_flags, training_flags
from tools.common.cli import UserError

_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers",
    1,
    "Trials to run at the same time, each in a process of its own (needs Ray). Without "
    "--threads_per_trial they share the processors.",
    lower_bound=1,
)
_RAY_ADDRESS = flags.DEFINE_string(
    "ray_address", None, "Run them on this Ray cluster, host:port of its head; default: here."
)
_MAX_RETRIES = flags.DEFINE_integer(
    "max_retries", 1, "Tries after the first of a trial that crashes.", lower_bound=0
)
_ACCEPT_VERSION_CHANGES = flags.DEFINE_bool(
    "accept_version_changes",
    False,
    "Go on with studies of other versions of the packages; study.json records it.",
)
RUNNING = (
    *(_NUM_WORKERS, _RAY_ADDRESS, _MAX_RETRIES, _ACCEPT_VERSION_CHANGES),
    *training_flags.CHECKPOINTS,
)

_KERAS_TUNER = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")


def check() -> None:
    """Checks what can be checked before anything heavy is imported.

    Raises:
        UserError: If flags or the environment ask for what is not done.
    """
    training_flags.check()
    found = [name for name in _KERAS_TUNER if name in os.environ]
    if found:
        raise UserError(
            f"{', '.join(found)} is set, but trials are not distributed by keras-tuner's chief and "
            "workers: unset it, and use --num_workers or --ray_address"
        )
    on_ray = _NUM_WORKERS.value > 1 or _RAY_ADDRESS.value is not None
    if on_ray and training_flags.distributed():
        raise UserError(
            "--num_workers and --ray_address give every trial one device: leave out --distribution"
        )
    if _RAY_ADDRESS.value is not None and not study_flags.THREADS_PER_TRIAL.value:
        raise UserError(
            "--ray_address needs --threads_per_trial: results differ between numbers of threads"
        )


def threads_per_trial(workload) -> int:
    """Returns --threads_per_trial, by default those of a worker's processors that help."""
    return cluster.threads_of_trial(
        study_flags.THREADS_PER_TRIAL.value, [workload], num_workers=num_workers()
    )


def num_workers() -> int:
    """Returns --num_workers: trials at the same time."""
    return _NUM_WORKERS.value


def running():
    """Returns what the flags say; imports TensorFlow."""
    from tools.common.running import Running

    return Running(
        num_workers=_NUM_WORKERS.value,
        ray_address=_RAY_ADDRESS.value,
        data_dir=study_flags.DATA_DIR.value,
        max_retries=_MAX_RETRIES.value,
        accept_version_changes=_ACCEPT_VERSION_CHANGES.value,
        keep_checkpoints=training_flags.KEEP_CHECKPOINTS.value,
        **training_flags.checkpoint_intervals(),
    )
