"""Weights, losses and data that turn NaN or infinite in the midst of a real training."""

from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

import workloads
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.study.trial import Outcome
from tfoptcmp.training import runtime
from tfoptcmp.training.engine import Trainer
from tfoptcmp.workload import TrainingSource
from tools.lab.faults import trials
from tools.lab.faults.scratch import in_child

_KINDS = ("NaN weight", "infinite weight", "infinite loss", "NaN data", "infinite data")
_STEP = 8  # updates before it happens
_VALUES = {"NaN": np.nan, "infinite": np.inf}


def not_finite() -> str:
    """Spoils a trial in each of the ways; the next one on the same model must not notice.

    Raises:
        AssertionError: If a spoilt trial is not infeasible, or spoils others.
    """
    assert in_child(_spoil) == 0
    return f"{', '.join(_KINDS)}: infeasible at once, the next trial on the model as ever"


def _spoil() -> None:
    runtime.configure(1)
    workload = workloads.get("digits_simple_cnn")
    budget = workload.budget("smoke", steps=2 * _STEP, eval_every_steps=_STEP)
    signature = workload.signature("adam")
    splits = workload.load(budget, None)
    poison = _Poison(splits.train)
    trainer = Trainer(
        workload=workload,
        budget=budget,
        splits=replace(splits, train=poison),
        signature=signature,
        callbacks=[poison],
    )

    def run(kind: str) -> tuple[Outcome, list[Measurement]]:
        poison.kind = kind
        measured: list[Measurement] = []
        return trainer.run(trials.task(signature, budget), measured.append), measured

    healthy = run("")
    assert healthy[0].status == Status.COMPLETE
    for kind in _KINDS:
        outcome, measured = run(kind)
        assert outcome.status == Status.INFEASIBLE, (kind, outcome)
        # A ReLU hides NaN in the weights before it; then they are found when they are measured.
        assert outcome.steps == _STEP or kind.endswith("weight"), (kind, outcome)
        assert measured[:1] == healthy[1][:1], kind
        assert run("") == healthy, f"{kind} is felt by the next trial"


class _Poison(keras.callbacks.Callback):
    """Does what `kind` says after `_STEP` updates; also the training data, for kinds of data."""

    def __init__(self, train: TrainingSource) -> None:
        super().__init__()
        self.kind = ""
        self.steps_per_epoch = train.steps_per_epoch
        self._train = train

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each compiled block of steps."""
        if batch + 1 != _STEP:
            return
        name, _, what = self.kind.partition(" ")
        if what == "weight":
            kernel = self.model.trainable_variables[0]
            kernel.assign(kernel + _VALUES[name])
        elif what == "loss":  # all classes but one get no probability
            bias = self.model.trainable_variables[-1]
            bias.assign(np.eye(1, bias.shape[0])[0] * np.finfo(np.float32).max)

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns the batches of these steps; of the one after `_STEP`, an image may be spoilt."""
        batches = self._train.batches(
            seed=seed, augmentation_seed=augmentation_seed, start=start, stop=stop
        )
        name, _, what = self.kind.partition(" ")
        if what != "data":
            return batches

        def spoilt(step: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, ...]:
            x, y = batch
            is_it = (step == _STEP) & (tf.range(tf.shape(x)[0]) == 0)
            return tf.where(is_it[:, None, None, None], _VALUES[name], x), y

        return batches.enumerate(start).map(spoilt)
