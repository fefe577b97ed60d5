"""One trial after the other on one built and traced model.

    trainer = Trainer(workload=..., budget=..., splits=..., signature=...)
    outcome = trainer.run(task, on_measurement)

A trial is a function of (task, workload, budget, signature, versions, threads): nothing of an
earlier trial is left when the next one starts.
"""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import keras

from tfoptcmp.optimizers import UpdateRule
from tfoptcmp.records import Measurement, Status
from tfoptcmp.signatures import Signature
from tfoptcmp.training.evaluation import Evaluation
from tfoptcmp.training.hyperparameters import build_optimizer, set_hyperparameters
from tfoptcmp.training.initial import initialise
from tfoptcmp.training.model import TrialModel
from tfoptcmp.trial import Outcome, TrialTask
from tfoptcmp.workload import CROSS_ENTROPY, Budget, Splits, Workload

# Steps of one compiled block: enough to hide Python's part of a step, few enough that the progress
# display and Ctrl-C answer soon.
_MAX_BLOCK_STEPS = 32


class Trainer:
    """Runs trials of one signature on one workload; `run` is a `tfoptcmp.trial.RunTrial`.

    Args:
        workload: What to train.
        budget: At which scale.
        splits: `workload.load(budget, ...)`.
        signature: With which update rule and schedule.
        callbacks: Keras callbacks for `fit`, e.g. TensorBoard or a progress display of one's own.
        verbose: As in `fit`: 0 silent, 1 Keras's progress bar over the steps.
    """

    def __init__(
        self,
        *,
        workload: Workload,
        budget: Budget,
        splits: Splits,
        signature: Signature,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: int = 0,
    ) -> None:
        self._workload = workload
        self._budget = budget
        self._splits = splits
        self._signature = signature
        self._callbacks = tuple(callbacks)
        self._verbose = verbose

    def run(self, task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        """Trains from the trial's own initial weights to the end of the budget or to divergence.

        Args:
            task: Hyperparameters and seeds.
            on_measurement: Called with each row of `records.COLUMNS` as soon as it is measured.
        """
        model = self._model
        self._reset(task)
        batches = self._splits.train.batches(
            seed=task.seeds["data"],
            augmentation_seed=task.seeds["augmentation"],
            start=0,
            stop=self._budget.steps,
        )
        measure = _Measure(self._budget, self._measurement, on_measurement)
        model.fit(
            batches,
            steps_per_epoch=self._budget.steps,
            shuffle=False,  # the source already gives the order
            callbacks=[measure, *self._callbacks],
            verbose=self._verbose,
        )
        steps = int(model.optimizer.iterations.value)
        if measure.problem:
            return Outcome(status=Status.INFEASIBLE, steps=steps, message=measure.problem)
        return Outcome(status=Status.COMPLETE, steps=steps)

    def evaluate(self) -> dict[str, tuple[float, float]]:
        """Returns split name to (loss in nats, metric) at the weights as they are now."""
        return {
            split: (loss, loss if self._workload.metric == CROSS_ENTROPY else error)
            for split, (loss, error) in self._evaluation().items()
        }

    def save(self, path: Path) -> None:
        """Writes the network as it is now, as a `.keras` file without its optimizer."""
        self._model.network.save(path)

    @functools.cached_property
    def _model(self) -> TrialModel:
        # Built at the first trial, so that nobody waits for a model whose study is complete.
        return TrialModel(
            self._build(),
            steps_per_epoch=self._splits.train.steps_per_epoch,
            regularisation=self._workload.regularisation,
        )

    @functools.cached_property
    def _evaluation(self) -> Evaluation:
        return Evaluation(self._model, self._splits.evaluation)

    def _build(self) -> keras.Model:
        return self._workload.build(self._budget, self._splits)

    def _reset(self, task: TrialTask) -> None:
        model = self._model
        if model.compiled and isinstance(model.optimizer, UpdateRule):
            set_hyperparameters(model.optimizer, self._signature, task.arguments)
            model.optimizer.reset()
        else:  # also for another's optimizer, whose hyperparameters are constants of the trace
            model.compile(
                optimizer=build_optimizer(self._signature, task.arguments),
                jit_compile=self._workload.jit_compile,
                steps_per_execution=_block_steps(self._budget.eval_every_steps),
            )
            model.optimizer.build(model.trainable_variables)
        initialise(model.network, self._build, task.seeds)
        model.zero_states()
        model.l2.assign(task.arguments.get("l2", 0.0))
        model.label_smoothing.assign(task.arguments.get("label_smoothing", 0.0))
        model.diverged.assign(False)

    def _measurement(self, step: int) -> Measurement:
        row: Measurement = {
            "step": step,
            "learning_rate": float(self._model.learning_rate_used),
            "gradient_rms": float(self._model.gradient_rms),
        }
        for split, (loss, metric) in self.evaluate().items():
            row[f"{split}_loss"] = loss
            row[f"{split}_metric"] = metric
        return row


class _Measure(keras.callbacks.Callback):
    """Measures at a fixed interval of steps and at the last one; ends a trial that diverged."""

    def __init__(
        self,
        budget: Budget,
        measurement: Callable[[int], Measurement],
        on_measurement: Callable[[Measurement], None],
    ) -> None:
        super().__init__()
        self._budget = budget
        self._measurement = measurement
        self._on_measurement = on_measurement
        self.problem = ""

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each compiled block of steps."""
        step = int(self.model.optimizer.iterations.value)
        if bool(self.model.diverged):
            self._stop(f"training loss or gradient not finite at step {step + 1}")
        elif step % self._budget.eval_every_steps == 0 or step == self._budget.steps:
            row = self._measurement(step)
            self._on_measurement(row)
            if not math.isfinite(row["train_loss"]):  # type: ignore[arg-type]
                self._stop(f"measured training loss not finite after step {step}")

    def _stop(self, problem: str) -> None:
        self.problem = problem
        self.model.stop_training = True


def _block_steps(eval_every_steps: int) -> int:
    """Largest divisor of the interval that is a reasonable block."""
    return max(d for d in range(1, _MAX_BLOCK_STEPS + 1) if eval_every_steps % d == 0)
