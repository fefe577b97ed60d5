"""A workload's network on one batch of examples, with all off that regularises it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.training.engine import Trainer
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.data.mock import load_mock
from workloads.data.tfds import is_prepared

NUM_EXAMPLES = 64


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
    losses = _Losses(target_loss, on_loss)
    trainer = Trainer(
        workload=dataclasses.replace(workload, build=without_dropout(workload.build)),
        budget=budget,
        splits=dataclasses.replace(splits, train=_OneBatch(x, y), evaluation={"train": [(x, y)]}),
        signature=signature,
        callbacks=[losses],
    )
    task = TrialTask(
        index=0,
        values=values,
        arguments={**arguments, "l2": 0.0, "label_smoothing": 0.0},
        seeds=trial_seeds(0, 0),
    )
    trainer.run(task, lambda measurement: None)
    return losses.last


def is_missing(workload: Workload, data_dir: str | None) -> bool:
    """Returns whether data that a workload needs are not there."""
    needed = [data_set for data_set in workload.data_sets if not data_set.optional]
    return not all(is_prepared(data_set, data_dir) for data_set in needed)


def without_dropout(
    build: Callable[[Budget, Splits], keras.Model],
) -> Callable[[Budget, Splits], keras.Model]:
    """Returns a `Workload.build` whose networks drop nothing, and are otherwise the same."""

    def built(budget: Budget, splits: Splits) -> keras.Model:
        network = build(budget, splits)
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0  # read where the layer is called
        return network

    return built


def easiest(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns 64 examples: the longest sentences, or images of the most frequent classes."""
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

    def __init__(self, x: tf.Tensor, y: tf.Tensor) -> None:
        self._batch = x, y

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns it for the steps start, ..., stop - 1."""
        return tf.data.Dataset.from_tensors(self._batch).repeat(stop - start)


class _Losses(keras.callbacks.Callback):
    """Hands over the loss that the steps minimise, and stops where it is small enough.

    Not that of a measurement: it would go by the moving averages of the batch norm, which are not
    those of the batch after so few steps.
    """

    def __init__(self, target: float, on_loss: Callable[[float], None]) -> None:
        super().__init__()
        self._target = target
        self._on_loss = on_loss
        self.last = (0, np.inf)

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each compiled block of steps."""
        loss = float(self.model.objective.numpy())
        self.last = int(self.model.optimizer.iterations.numpy()), loss
        self._on_loss(loss)
        if loss < self._target:
            self.model.stop_training = True
