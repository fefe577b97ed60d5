"""Drives 64 examples of each workload to a small training loss: is the network whole?

    python -m tools.lab.overfit
    python -m tools.lab.overfit --workloads=imagenet_resnet50 --data_dir=data

Trains a workload's own network, at the size of its `cpu` scale, on one batch: by Adam at a decaying
rate, without dropout, L2 and label smoothing, the images augmented once only. A wrong gradient,
label or mask would keep the loss up. The stateful LSTMs are not here: in so few steps they learn no
text by heart. Exit code: 3 if the loss of a workload does not come below --target_loss.
"""

import sys
import tempfile
import time
from pathlib import Path

from absl import flags, logging

import workloads
from tools.common import cli, terminal
from tools.common.cli import UserError

_LOSS_EVERY_STEPS = 10

_WORKLOADS = flags.DEFINE_list("workloads", [], "What to train; default: all but the LSTMs.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Directory of prepared tensorflow_datasets; default: that library's own."
)
_MOCK_DATA = flags.DEFINE_bool(
    "mock_data", False, "Take random numbers in the place of data that are not there."
)
_STEPS = flags.DEFINE_integer(
    "steps", 200, f"Steps at most; a multiple of {_LOSS_EVERY_STEPS}.", lower_bound=1
)
_TARGET_LOSS = flags.DEFINE_float("target_loss", 0.1, "Nats.", lower_bound=0.0)

_GROUPS = {
    "What": (_WORKLOADS, _DATA_DIR, _MOCK_DATA),
    "How far": (_STEPS, _TARGET_LOSS),
}

_NOT_REACHED = 3


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _STEPS.value % _LOSS_EVERY_STEPS:
        raise UserError(f"--steps must be a multiple of {_LOSS_EVERY_STEPS}; got {_STEPS.value}")
    known = [name for name, workload in workloads.WORKLOADS.items() if workload.overfitting]
    unknown = [name for name in _WORKLOADS.value if name not in known]
    if unknown:
        raise UserError(f"--workloads must be among {known}; got {unknown[0]!r}")
    cli.import_tensorflow()

    from tfoptcmp.training import runtime
    from tools.lab.overfitting import is_missing

    names = _WORKLOADS.value or known
    missing = [name for name in names if is_missing(workloads.get(name), _DATA_DIR.value)]
    if missing and not _MOCK_DATA.value:
        raise UserError(
            f"the data of {', '.join(missing)} are not there: get them with tfoptcmp-data, leave "
            "those out of --workloads, or take --mock_data"
        )
    runtime.configure(0)
    logging.set_verbosity(logging.ERROR)  # TensorFlow warns of many traces: one a network
    with tempfile.TemporaryDirectory() as mock_dir:
        rows = [_overfit(name, Path(mock_dir) if name in missing else None) for name in names]
    print(f"{'workload':<26}{'step':>6}{'loss':>9}{'time':>12}")
    for name, step, loss, seconds in rows:
        above = "" if loss < _TARGET_LOSS.value else "   not below the target"
        print(f"{name:<26}{step:>6}{loss:>9.4f}{terminal.duration(seconds):>12}{above}")
    sys.exit(0 if all(loss < _TARGET_LOSS.value for _, _, loss, _ in rows) else _NOT_REACHED)


def _overfit(name: str, mock_dir: Path | None) -> tuple[str, int, float, float]:
    """Returns the workload's name, its last step, the loss in nats there and the seconds taken."""
    from tools.lab.overfitting import overfit

    workload = workloads.get(name)
    mocked = " (MOCK DATA)" if mock_dir else ""
    print(f"{workload.title}{mocked}: loss every {_LOSS_EVERY_STEPS} steps", flush=True)
    start = time.monotonic()
    step, loss = overfit(
        workload,
        data_dir=_DATA_DIR.value,
        mock_dir=mock_dir,
        num_steps=_STEPS.value,
        loss_every_steps=_LOSS_EVERY_STEPS,
        target_loss=_TARGET_LOSS.value,
        on_loss=lambda loss: print(f"  {loss:.3f}", end="", flush=True),
    )
    print("\n")
    return name, step, loss, time.monotonic() - start


def main() -> None:
    """Entry point of `python -m tools.lab.overfit`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
