"""Single trials of real training: the same bits again, and numbers that are not finite."""

import contextlib
import locale
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.tools.lab.faults.fake import in_child

from tfoptcmp import workloads
from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.study.trial import Interrupted, Outcome, TrialTask, trial_seeds
from tfoptcmp.training import runtime
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, MissingData, TrainingSource

_STEPS = 6
_THREADS = 2
_MISSING = 3  # exit code
_EQUAL = ("alone", "resumed", "after another")


def determinism(names: tuple[str, ...] = workloads.names(), data_dir: str | None = None) -> str:
    """Trains six steps of Momentum three times, in two processes, with two threads.

    The process that resumes has another working directory, locale and time zone. Compares all
    measurements, and all variables at the end.

    Args:
        names: Of the workloads, at scale smoke.
        data_dir: Of prepared data sets.

    Raises:
        AssertionError: If some differ; after all workloads were tried.
    """
    same: list[str] = []
    missing: list[str] = []
    different: list[str] = []
    data_dir = data_dir and str(Path(data_dir).resolve())
    for name in names:
        with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
            parent = Path(scratch)
            codes = {in_child(run, name, data_dir, parent) for run in (_alone, _resumed)}
            assert codes in ({0}, {_MISSING}), f"{name} cannot be trained"
            if codes == {_MISSING}:
                missing.append(name)
                continue
            ends = {(parent / trial / f"checkpoint-{_STEPS}.npz").read_bytes() for trial in _EQUAL}
            (same if len(ends) == 1 else different).append(name)
    assert not different, f"equal trials differ: {', '.join(different)}; not: {', '.join(same)}"
    result = f"equal bits alone, after another trial, and stopped and resumed: {', '.join(same)}"
    return result + (f"; data not there: {', '.join(missing)}" if missing else "")


def _alone(name: str, data_dir: str | None, parent: Path) -> None:
    """A whole trial, and another one half."""
    run = _trials(name, data_dir, parent)
    run("alone")
    run("resumed", stops=True)


def _resumed(name: str, data_dir: str | None, parent: Path) -> None:
    """The other half, elsewhere; then another trial, and once more the whole."""
    os.chdir(parent)
    os.environ.update(LC_ALL="tr_TR.UTF-8", TZ="Asia/Kathmandu")
    time.tzset()
    with contextlib.suppress(locale.Error):  # not installed
        locale.setlocale(locale.LC_ALL, "")
    run = _trials(name, data_dir, parent)
    run("resumed")
    run("another", index=1)
    run("after another")


def _trials(name: str, data_dir: str | None, parent: Path) -> Callable[..., None]:
    """Returns what runs trials whose last checkpoint stays in a directory of this name."""
    runtime.configure(_THREADS)
    workload = workloads.get(name)
    budget = workload.budget("smoke", steps=_STEPS, eval_every_steps=_STEPS // 2)
    try:
        splits = workload.load(budget, data_dir)
    except MissingData:
        raise SystemExit(_MISSING) from None
    signature = workload.signature("momentum")
    stopping: list[bool] = []
    trainer = Trainer(
        workload=workload,
        budget=budget,
        splits=splits,
        signature=signature,
        options=Options(keep_checkpoints=True),
        should_stop=lambda: bool(stopping),
    )

    def run(directory: str, index: int = 0, stops: bool = False) -> None:
        stopping[:] = [True] if stops else []
        (parent / directory).mkdir(exist_ok=True)
        task = moderate_task(signature, budget, index, parent / directory)
        try:
            outcome = trainer.run(task, lambda measurement: None)
        except Interrupted:
            assert stops
        else:
            assert outcome.status == Status.COMPLETE, outcome

    return run


_KINDS = ("NaN weight", "infinite weight", "infinite loss", "NaN data", "infinite data")
_STEP = 8  # updates before it happens
_VALUES = {"NaN": np.nan, "infinite": np.inf}


def not_finite() -> str:
    """Corrupts a trial in each of the ways; the next one on the same model must not be affected.

    Raises:
        AssertionError: If a corrupted trial is not infeasible, or affects others.
    """
    assert in_child(_spoil) == 0
    return f"{', '.join(_KINDS)}: infeasible at once, the next trial on the model not affected"


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
        return trainer.run(moderate_task(signature, budget), measured.append), measured

    healthy = run("")
    assert healthy[0].status == Status.COMPLETE
    for kind in _KINDS:
        outcome, measured = run(kind)
        assert outcome.status == Status.INFEASIBLE, (kind, outcome)
        # A ReLU hides NaN in the weights before it; then they are found when they are measured.
        assert outcome.steps == _STEP or kind.endswith("weight"), (kind, outcome)
        assert measured[:1] == healthy[1][:1], kind
        assert run("") == healthy, f"{kind} affects the next trial"


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


def moderate_task(
    signature: Signature, budget: Budget, index: int = 0, directory: Path | None = None
) -> TrialTask:
    """Returns a trial with moderate hyperparameters, at the same point whatever its index."""
    values = signature.space.values((0.25,) * signature.space.num_dims)
    return TrialTask(
        index=index,
        values=values,
        arguments=signature.space.derive(values, budget_steps=budget.steps),
        seeds=trial_seeds(0, index),
        directory=directory,
    )
