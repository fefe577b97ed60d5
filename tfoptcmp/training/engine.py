"""One trial after the other on one built and traced model.

    trainer = Trainer(workload=..., budget=..., splits=..., signature=...)
    outcome = trainer.run(task, on_measurement)

A trial is a function of (task, workload, budget, signature, versions, threads): nothing of an
earlier trial is left when the next one starts, and one that stopped in the middle resumes from its
last checkpoint bit for bit, in any process.
"""

import functools
import math
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfoptcmp.optimizers import UpdateRule
from tfoptcmp.signatures import Signature
from tfoptcmp.study.clock import Clock
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.study.trial import Interrupted, Outcome, TrialTask
from tfoptcmp.training.callbacks import Measure, TakeCheckpoints
from tfoptcmp.training.check_evaluation import check_share
from tfoptcmp.training.checkpoint import Checkpoint, Checkpoints
from tfoptcmp.training.distribution import Replicas, is_chief, num_replicas
from tfoptcmp.training.evaluation import Evaluation
from tfoptcmp.training.initial import InitialWeights
from tfoptcmp.training.loop import run_blocks
from tfoptcmp.training.losses_and_metrics import Problem, Result
from tfoptcmp.training.messages import of_data
from tfoptcmp.training.model import TrialModel, build_network
from tfoptcmp.training.optimizer import build_optimizer, set_hyperparameters
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, Splits, Workload

# Steps of one compiled block: enough to hide Python's part of a step, few enough that the progress
# display and Ctrl-C answer soon.
_MAX_BLOCK_STEPS = 32


class Trainer:
    """Runs trials of one signature on one workload; `run` is a `tfoptcmp.study.trial.RunTrial`.

    Args:
        workload: What to train.
        budget: At which scale.
        splits: `workload.load(budget, ...)`.
        signature: With which update rule and schedule.
        options: How trials are computed and saved. Their number of threads is the process's, set by
            `runtime.configure`.
        strategy: What `make_strategy(options)` returned, once in this process.
        clock: For checkpoints by time; None if there are none.
        should_stop: Asked after each compiled block. If it says so, a checkpoint is taken and
            `run` raises `Interrupted`.
        callbacks: Keras callbacks, e.g. TensorBoard or your own progress display.

    Attributes:
        signature: May be replaced by one of the same rule and schedule, with another space.

    Raises:
        ValueError: If strategy or clock are missing.
    """

    def __init__(
        self,
        *,
        workload: Workload,
        budget: Budget,
        splits: Splits,
        signature: Signature,
        options: Options = Options(),  # noqa: B008  # it is frozen
        strategy: tf.distribute.Strategy | None = None,
        clock: Clock | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        if options.is_distributed != (strategy is not None):
            raise ValueError(
                "strategy must be what make_strategy(options) returns, with "
                f"distribution={options.distribution!r}; got {strategy!r}"
            )
        if options.checkpoint_every_minutes > 0 and clock is None:
            raise ValueError("clock must be given with checkpoint_every_minutes; got None")
        self._workload = workload
        self._budget = budget
        self._splits = splits
        self.signature = signature
        self._options = options
        self._strategy = strategy
        self._monotonic = clock.monotonic if clock else lambda: 0.0
        self._should_stop = should_stop
        self._callbacks = tuple(callbacks)
        self._initial_weights = InitialWeights(self._build)

    def run(self, task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        """Trains to the end of the budget or to divergence, from a checkpoint if there is one.

        Args:
            task: Hyperparameters and seeds. Its directory is where checkpoints are looked for and
                put; without one there are none.
            on_measurement: Called with each row of `schema.COLUMNS` as soon as it is measured;
                with those before the checkpoint first.

        Raises:
            Interrupted: If `should_stop` said so before the end.
            DoesNotFit: If a batch or a measured value cannot be used.
        """
        model = self._model
        self._reset(task)
        measurements: list[Measurement] = []

        def measured(row: Measurement) -> None:
            measurements.append(row)
            on_measurement(row)

        checkpoints = Checkpoints(task.directory, self._identity(task)) if task.directory else None
        start = 0
        if checkpoints and (checkpoint := checkpoints.newest(model.snapshot_kinds)):
            start = checkpoint.step
            model.restore(checkpoint.arrays)
            for row in checkpoint.measurements:
                measured(row)
        replicas = self._replicas
        if replicas:
            replicas.spread_seeds()
            replicas.check_same(start)

        def save(step: int) -> None:
            if checkpoints and is_chief(self._strategy):
                checkpoints.write(
                    Checkpoint(step=step, measurements=measurements, arrays=model.snapshot())
                )

        measure = Measure(self._budget, self._measurement, measured)
        keep = TakeCheckpoints(
            save,
            num_steps=self._budget.steps,
            options=self._options,
            should_stop=replicas.agreed(self._should_stop) if replicas else self._should_stop,
            monotonic=self._monotonic,
        )
        if start < self._budget.steps:
            batches = self._splits.train.batches(
                seed=task.seeds["data"],
                augmentation_seed=task.seeds["augmentation"],
                start=start,
                stop=self._budget.steps,
            )
            # The order of the callbacks is important.
            try:
                run_blocks(
                    model,
                    (replicas or model).blocks(batches),
                    num_steps=self._budget.steps - start,
                    callbacks=[measure, keep, *self._callbacks],
                )
            except tf.errors.OpError as error:
                raise of_data(error) or error from None
        steps = int(model.optimizer.iterations.numpy())
        if keep.interrupted:
            if replicas:
                replicas.wait_for_all()  # the checkpoint is there before any process continues
            raise Interrupted(f"trial {task.index} was stopped after step {steps}")
        if measure.problem:
            return Outcome(status=Status.INFEASIBLE, steps=steps, message=measure.problem)
        return Outcome(status=Status.COMPLETE, steps=steps)

    def evaluate(
        self, names: Collection[str] | None = None, *, with_errors: bool = False
    ) -> dict[str, Result]:
        """Returns split name to what is measured at the weights as they are now.

        Args:
            names: Of the splits; None for all.
            with_errors: Whether standard errors are wanted that take time.
        """
        return self._evaluation(names, with_errors=with_errors)

    def save(self, path: Path) -> list[str]:
        """Writes the network as it is now, as a `.keras` file without its optimizer.

        Returns:
            The modules that must be imported before it can be loaded, for the classes in them.
        """
        network = self._model.network
        network.save(path)
        modules = {type(layer).__module__ for layer in network._flatten_layers()}
        return sorted(name for name in modules if not name.startswith("keras."))

    @functools.cached_property
    def _model(self) -> TrialModel:
        # Built at the first trial, so that a complete study does not build a model.
        with self._scope():
            return TrialModel(
                self._build(),
                problem=self._problem,
                steps_per_epoch=self._splits.train.steps_per_epoch,
                regularisation=self._workload.regularisation,
            )

    @functools.cached_property
    def _replicas(self) -> Replicas | None:
        if self._strategy is None:
            return None
        return Replicas(
            self._strategy,
            self._model,
            batch_size=self._budget.batch_size,
        )

    @functools.cached_property
    def _problem(self) -> Problem:
        workload = self._workload
        return Problem(workload.loss_function, workload.metric, workload.measure)

    @functools.cached_property
    def _evaluation(self) -> Evaluation:
        batch_sums = self._replicas.batch_sums if self._replicas else None
        return Evaluation(self._model, self._splits.evaluation, batch_sums)

    def _build(self) -> keras.Model:
        policy = keras.config.dtype_policy()
        if self._options.mixed_precision:
            keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            return build_network(self._workload, self._budget, self._splits)
        finally:
            keras.config.set_dtype_policy(policy)

    @property
    def _jit_compile(self) -> bool:
        asked = self._options.jit_compile
        return self._workload.jit_compile if asked is None else asked

    def _scope(self) -> AbstractContextManager[object]:
        return self._strategy.scope() if self._strategy else nullcontext()

    def _reset(self, task: TrialTask) -> None:
        model = self._model
        if model.compiled and isinstance(model.optimizer, UpdateRule):
            set_hyperparameters(model.optimizer, self.signature, task.arguments)
            model.optimizer.reset()
        else:  # also for another's optimizer, whose hyperparameters are constants of the trace
            with self._scope():
                model.compile(
                    optimizer=build_optimizer(self.signature, task.arguments),
                    jit_compile=self._jit_compile,
                    steps_per_execution=_block_steps(self._budget.eval_every_steps),
                )
        self._initial_weights.assign(model.network, task.seeds)
        with self._scope():  # perhaps from the weights: averages of them begin there
            model.optimizer.build(model.trainable_variables)
        model.zero_states()
        model.num_steps.assign(self._budget.steps)
        model.l2.assign(task.arguments.get("l2", 0.0))
        model.label_smoothing.assign(task.arguments.get("label_smoothing", 0.0))
        model.diverged.assign(False)

    def _measurement(self, step: int) -> Measurement:
        row: Measurement = {
            "step": step,
            "learning_rate": float(self._model.learning_rate_used.numpy()),
            "gradient_rms": float(self._model.gradient_rms.numpy()),
        }
        found = {}
        is_last = step == self._budget.steps
        if not is_last and not self._options.measure_all:
            found = self.evaluate(("validation",))
        if not found or not math.isfinite(found["validation"].loss):  # the training loss judges
            found = self.evaluate(with_errors=is_last)
        for split, result in found.items():
            check_share(self._workload.metric, result.metric, split)
            row[f"{split}_loss"] = result.loss
            row[f"{split}_metric"] = result.metric
            if is_last and split != "train" and math.isfinite(result.standard_error):
                row[f"{split}_standard_error"] = result.standard_error
        return row

    def _identity(self, task: TrialTask) -> dict[str, Any]:
        """All that a trial is a function of; a checkpoint of another trial cannot be used."""
        budget = asdict(self._budget)
        return {
            "workload": self._workload.name,
            "loss": self._workload.loss.name,
            "metric": self._workload.metric.name,
            "signature": self.signature.to_json(),
            "budget": {
                n: budget[n] for n in ("batch_size", "steps", "eval_every_steps", "options")
            },
            "num_examples": dict(self._splits.num_examples),
            "index": task.index,
            "arguments": dict(task.arguments),
            "seeds": dict(task.seeds),
            "replicas": num_replicas(self._strategy),
            "mixed_precision": self._options.mixed_precision,
            "jit_compile": self._jit_compile,
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "versions": {module.__name__: module.__version__ for module in (tf, keras, np)},
        }


def _block_steps(eval_every_steps: int) -> int:
    """Largest divisor of the interval that is a reasonable block."""
    return max(d for d in range(1, _MAX_BLOCK_STEPS + 1) if eval_every_steps % d == 0)
