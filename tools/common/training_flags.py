"""Flags of `train` and `tune` that say on what devices a trial runs, and when it is saved."""

from typing import TYPE_CHECKING

from absl import flags

from tools.common.cli import UserError

if TYPE_CHECKING:
    from tools.common.devices import Devices

_DISTRIBUTION = flags.DEFINE_enum(
    "distribution",
    "none",
    ["none", "mirrored", "multiworker", "tpu"],
    "Devices that share every batch: one; all of this process; all of the processes in TF_CONFIG, "
    "each of which runs this command; a TPU (never tried).",
)
_TPU = flags.DEFINE_string("tpu", None, "Address of the TPU; default: this machine's.")
_MIXED_PRECISION = flags.DEFINE_bool(
    "mixed_precision", False, "Compute layers in bfloat16, the loss and updates in float32."
)
_JIT_COMPILE = flags.DEFINE_bool(
    "jit_compile", None, "Compile the training step with XLA; default: as is best for the workload."
)
_CHECKPOINT_EVERY_STEPS = flags.DEFINE_integer(
    "checkpoint_every_steps",
    None,
    "Steps between checkpoints, from which an interrupted trial goes on.",
    lower_bound=1,
)
_CHECKPOINT_EVERY_MINUTES = flags.DEFINE_float(
    "checkpoint_every_minutes", 10.0, "Minutes between checkpoints; 0 for none by time."
)
KEEP_CHECKPOINTS = flags.DEFINE_bool(
    "keep_checkpoints", False, "Keep the last checkpoint of finished trials."
)

DEVICES = (_DISTRIBUTION, _TPU, _MIXED_PRECISION, _JIT_COMPILE)
CHECKPOINTS = (_CHECKPOINT_EVERY_STEPS, _CHECKPOINT_EVERY_MINUTES, KEEP_CHECKPOINTS)


def distributed() -> bool:
    """Whether several devices share every batch."""
    return _DISTRIBUTION.value != "none"


def check() -> None:
    """Checks what can be checked before anything heavy is imported.

    Raises:
        UserError: If the flags contradict each other.
    """
    if distributed() and _JIT_COMPILE.value:
        raise UserError(f"--jit_compile needs --distribution=none; got {_DISTRIBUTION.value}")
    if _TPU.value is not None and _DISTRIBUTION.value != "tpu":
        raise UserError(f"--tpu needs --distribution=tpu; got {_DISTRIBUTION.value}")


def devices() -> "Devices":
    """Returns what the flags name; imports TensorFlow, and has to be its first use.

    Raises:
        UserError: If there are no such devices.
    """
    from tools.common.devices import Devices

    try:
        return Devices.make(
            _DISTRIBUTION.value,
            tpu=_TPU.value,
            mixed_precision=_MIXED_PRECISION.value,
            jit_compile=_JIT_COMPILE.value,
        )
    except ValueError as error:
        raise UserError(f"--{error}") from error


def checkpoint_intervals() -> dict[str, int | float | None]:
    """Returns the arguments of `Trainer` that say when checkpoints are taken."""
    minutes = _CHECKPOINT_EVERY_MINUTES.value
    return {
        "checkpoint_every_steps": _CHECKPOINT_EVERY_STEPS.value,
        "checkpoint_every_seconds": 60 * minutes if minutes > 0 else None,
    }
