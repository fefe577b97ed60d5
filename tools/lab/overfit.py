"""Drives 64 examples of each workload to a small training loss: is the network intact?

    python -m tools.lab.overfit
    python -m tools.lab.overfit --workloads=imagenet_resnet50 --data_dir=data

Trains a workload's own network, at the size of its `cpu` scale, on one batch: by Adam at a decaying
rate, without dropout, L2 and label smoothing, the images augmented once only. A wrong gradient,
label or mask would keep the loss high. The stateful LSTMs are left out: they cannot memorise a text
in so few steps. Exit code: 3 if the loss of a workload does not come below --target_loss.
"""

import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import flags, logging
from tfoptcmp.tools.common import cli, terminal
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import DATA_DIR

from tfoptcmp import workloads
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.workload import Budget, Splits, Workload

if TYPE_CHECKING:  # `--help` answers at once
    import keras
    import tensorflow as tf

NUM_EXAMPLES = 64

_LOSS_EVERY_STEPS = 10

_WORKLOADS = flags.DEFINE_list("workloads", [], "Workloads to train; default: all but the LSTMs.")
_MOCK_DATA = flags.DEFINE_bool("mock_data", False, "Use random numbers in place of missing data.")
_MAX_STEPS = flags.DEFINE_integer(
    "max_steps", 200, f"Steps at most; a multiple of {_LOSS_EVERY_STEPS}.", lower_bound=1
)
_TARGET_LOSS = flags.DEFINE_float("target_loss", 0.1, "Nats.", lower_bound=0.0)

_GROUPS = {
    "What": (_WORKLOADS, DATA_DIR, _MOCK_DATA),
    "How far": (_MAX_STEPS, _TARGET_LOSS),
}

_NOT_REACHED = 3


def overfit(
    workload: Workload,
    *,
    data_dir: str | None,
    mock_dir: Path | None = None,
    num_steps: int,
    loss_every_steps: int,
    target_loss: float,
    on_loss: Callable[[float], None],
) -> tuple[int, float]:
    """Trains on 64 examples until their loss is below a target, or the steps are used up.

    Args:
        workload: One with `overfitting`.
        data_dir: Directory with prepared data sets; None for TFDS's default.
        mock_dir: Directory of mock data, to take these instead.
        num_steps: Steps at most, a multiple of `loss_every_steps`.
        loss_every_steps: Steps between losses.
        target_loss: Nats.
        on_loss: Called with each loss.

    Returns:
        (step, loss in nats) of the last loss.
    """
    import keras
    from tfoptcmp.workloads.data.mock import load_mock

    from tfoptcmp.training.engine import Trainer

    case = workload.overfitting
    assert case is not None
    scale = workload.budgets["cpu"]
    budget = dataclasses.replace(
        scale,
        batch_size=NUM_EXAMPLES,
        steps=num_steps,
        eval_every_steps=loss_every_steps,
        options={**scale.options, **case.options},
    )
    drawing = dataclasses.replace(budget, batch_size=case.num_drawn)
    if mock_dir is None:
        splits = workload.load(drawing, data_dir)
    else:
        splits = load_mock(workload, drawing, mock_dir)
    drawn = splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)
    x, y = next(iter(drawn))
    if case.num_drawn > NUM_EXAMPLES:
        x, y = easiest(x, y)
    signature = workload.signature("adam", space="lr_and_schedule")
    values = {**signature.space.values([0.5] * signature.space.num_dims), "alpha0": case.alpha0}
    values |= {"decay_steps_fraction": 1.0, "decay_factor": 0.01}
    arguments = signature.space.derive(values, budget_steps=num_steps)
    last = (0, np.inf)

    class Losses(keras.callbacks.Callback):
        """Hands over the loss that the steps minimise, and stops where it is small enough.

        Not that of a measurement: it would use the moving averages of the batch norm, which differ
        from those of the batch after so few steps.
        """

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            """Called after each compiled block of steps."""
            nonlocal last
            loss = float(self.model.objective.numpy())
            last = int(self.model.optimizer.iterations.numpy()), loss
            on_loss(loss)
            if loss < target_loss:
                self.model.stop_training = True

    trainer = Trainer(
        workload=dataclasses.replace(workload, build=without_dropout(workload.build)),
        budget=budget,
        splits=dataclasses.replace(
            splits,
            train=_OneBatch(x, y),
            evaluation={name: [(x, y)] for name in ("train", "validation")},
        ),
        signature=signature,
        callbacks=[Losses()],
    )
    task = TrialTask(
        index=0,
        values=values,
        arguments={**arguments, "l2": 0.0, "label_smoothing": 0.0},
        seeds=trial_seeds(0, 0),
    )
    trainer.run(task, lambda measurement: None)
    return last


def without_dropout(
    build: "Callable[[Budget, Splits], keras.Model]",
) -> "Callable[[Budget, Splits], keras.Model]":
    """Returns a `Workload.build` whose networks have no dropout, and are otherwise the same."""
    import keras

    def built(budget: Budget, splits: Splits) -> "keras.Model":
        network = build(budget, splits)
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0  # read where the layer is called
        return network

    return built


def easiest(x: "tf.Tensor", y: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
    """Returns 64 examples: the longest sentences, or images of the most frequent classes."""
    import tensorflow as tf

    labels = np.asarray(y)
    if labels.ndim > 1:
        order = np.argsort(-np.sum(labels >= 0, axis=1), kind="stable")
    else:
        order = np.lexsort((labels, -np.bincount(labels)[labels]))
    index = order[:NUM_EXAMPLES]
    return tf.gather(x, index), tf.gather(y, index)


class _OneBatch:
    """A `TrainingSource` of the same batch at every step."""

    steps_per_epoch: int | None = None

    def __init__(self, x: "tf.Tensor", y: "tf.Tensor") -> None:
        self._batch = x, y

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> "tf.data.Dataset":
        """Returns it for the steps start, ..., stop - 1."""
        import tensorflow as tf

        return tf.data.Dataset.from_tensors(self._batch).repeat(stop - start)


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _MAX_STEPS.value % _LOSS_EVERY_STEPS:
        raise UserError(
            f"--max_steps must be a multiple of {_LOSS_EVERY_STEPS}; got {_MAX_STEPS.value}"
        )
    known = [name for name, workload in workloads.WORKLOADS.items() if workload.overfitting]
    unknown = [name for name in _WORKLOADS.value if name not in known]
    if unknown:
        raise UserError(f"--workloads must be among {known}; got {unknown[0]!r}")
    cli.import_tensorflow()

    from tfoptcmp.training import runtime

    names = _WORKLOADS.value or known
    missing = [name for name in names if _is_missing(workloads.get(name), DATA_DIR.value)]
    if missing and not _MOCK_DATA.value:
        raise UserError(
            f"the data of {', '.join(missing)} are missing: get them with tfoptcmp-data, leave "
            "these out of --workloads, or use --mock_data"
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
    workload = workloads.get(name)
    mocked = " (MOCK DATA)" if mock_dir else ""
    print(f"{workload.title}{mocked}: loss every {_LOSS_EVERY_STEPS} steps", flush=True)
    start = time.monotonic()
    step, loss = overfit(
        workload,
        data_dir=DATA_DIR.value,
        mock_dir=mock_dir,
        num_steps=_MAX_STEPS.value,
        loss_every_steps=_LOSS_EVERY_STEPS,
        target_loss=_TARGET_LOSS.value,
        on_loss=lambda loss: print(f"  {loss:.3f}", end="", flush=True),
    )
    print("\n")
    return name, step, loss, time.monotonic() - start


def _is_missing(workload: Workload, data_dir: str | None) -> bool:
    """Returns whether data that a workload needs are missing."""
    from tfoptcmp.workloads.data.tfds import is_prepared

    needed = [data_set for data_set in workload.data_sets if not data_set.optional]
    return not all(is_prepared(data_set, data_dir) for data_set in needed)


def main() -> None:
    """Entry point of `python -m tools.lab.overfit`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
