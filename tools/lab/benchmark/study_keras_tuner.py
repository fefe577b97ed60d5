"""The same studies as a user would run them with keras-tuner, Keras's optimizers and `fit`.

The same networks, with Keras's own layers in place of ours; the same points of the same space,
batches, number of steps and measurements, the same determinism and threads (which keep Keras from
choosing XLA). Everything else is as in keras-tuner and Keras: a new model, traced anew, for every
trial.
"""

import math
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner
import tensorflow as tf
from keras_tuner.engine.trial import TrialStatus
from tfoptcmp.tools.lab.benchmark.order_of_rounds import Turns, measure_all
from tfoptcmp.tools.lab.benchmark.steps_keras import stock_optimizer, with_keras_layers
from tfoptcmp.tools.lab.benchmark.study_cases import CASES, Case, peak_mb, resident_mb
from tfoptcmp.tuners.keras_tuner_space import declare
from tfoptcmp.tuners.points import point

from tfoptcmp.spaces import SearchSpace
from tfoptcmp.study.trial import trial_seeds
from tfoptcmp.training import runtime
from tfoptcmp.workload import Splits, Workload


def stock(
    turns: Turns,
    *,
    case: str,
    num_feasible: int | None,
    steps: int | None,
    data_dir: str | None,
    threads: int,
    stop_at_nan: bool,
    seed: int = 0,
) -> None:
    """As `study_ours.ours`; `stop_at_nan` gives `fit` Keras's `TerminateOnNaN`."""
    runtime.configure(threads)
    spec = CASES[case].changed(num_feasible=num_feasible, steps=steps)
    workload, splits = spec.load(data_dir)
    turns.ready({})
    for number, _ in enumerate(turns):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            start = time.perf_counter()
            oracle = _search(spec, workload, splits, directory, seed + number, stop_at_nan)
            seconds = time.perf_counter() - start
            turns.done(seconds / spec.num_feasible, _quality(oracle))


def evaluation(turns: Turns, *, case: str, data_dir: str | None, threads: int) -> None:
    """Measures seconds per measurement of all splits by Keras's `evaluate`."""
    runtime.configure(threads)
    spec = CASES[case]
    workload, splits = spec.load(data_dir)
    model = _compiled(spec, workload, splits, spec.signature.space.values(_middle(spec)))
    datasets = [_dataset(split) for split in splits.evaluation.values()]

    def measure(num_measurements: int) -> None:
        for _ in range(num_measurements):
            for dataset in datasets:
                model.evaluate(dataset, verbose=0)

    measure_all(turns, lambda part: measure, {})


def memory(turns: Turns, *, case: str, data_dir: str | None, threads: int, num_trials: int) -> None:
    """Measures the megabytes by which the process grows per trial, in this many trials."""
    runtime.configure(threads)
    spec = CASES[case].changed(num_feasible=num_trials, steps=4)
    workload, splits = spec.load(data_dir)
    turns.ready({})
    for seed, _ in enumerate(turns):
        before = resident_mb()
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            _search(spec, workload, splits, directory, seed, stop_at_nan=False)
        turns.done((resident_mb() - before) / num_trials, {"peak_mb": peak_mb()})


class _SamePoints(keras_tuner.oracles.RandomSearchOracle):
    """Random search's oracle, with the points that our study has, until N trials are feasible."""

    def __init__(self, space: SearchSpace, *, seed: int, num_feasible: int) -> None:
        super().__init__(
            objective=keras_tuner.Objective("val_error", direction="min"),
            max_trials=100 * num_feasible,
            seed=seed,
            hyperparameters=declare(space),
            tune_new_entries=False,
            allow_new_entries=False,
            max_consecutive_failed_trials=None,
        )
        self.seed = seed  # keras-tuner makes a random one of 0
        self._space = space
        self._num_feasible = num_feasible

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the next point, or that there are enough."""
        if _num_completed(self) >= self._num_feasible:
            return {"status": TrialStatus.STOPPED, "values": None}
        coordinates = point(int(trial_id), num_dims=self._space.num_dims, seed=self.seed)
        return {"status": TrialStatus.RUNNING, "values": self._space.values(coordinates)}


class _HyperModel(keras_tuner.HyperModel):
    """Builds and fits the model of a trial."""

    def __init__(
        self, spec: Case, workload: Workload, splits: Splits, seed: int, stop_at_nan: bool
    ) -> None:
        super().__init__()
        self._spec = spec
        self._workload = workload
        self._splits = splits
        self._evaluation = {name: _dataset(split) for name, split in splits.evaluation.items()}
        self._seed = seed
        self._stop_at_nan = stop_at_nan
        self._num_trials = 0

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the network, compiled."""
        keras.utils.set_random_seed(trial_seeds(self._seed, self._num_trials)["weights"])
        return _compiled(self._spec, self._workload, self._splits, hp.values)

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, **kwargs: Any) -> Any:
        """Trains the model; returns how it did at the end, NaN if its loss is not finite."""
        del hp
        budget = self._spec.budget
        seeds = trial_seeds(self._seed, self._num_trials)
        self._num_trials += 1
        evaluation = dict(self._evaluation)
        validation = evaluation.pop("validation")
        callbacks = [*kwargs["callbacks"], _EvaluateOthers(evaluation)]
        if self._stop_at_nan:
            callbacks.append(keras.callbacks.TerminateOnNaN())
        history = model.fit(
            self._splits.train.batches(
                seed=seeds["data"],
                augmentation_seed=seeds["augmentation"],
                start=0,
                stop=budget.steps,
            ),
            epochs=budget.steps // budget.eval_every_steps,
            steps_per_epoch=budget.eval_every_steps,
            validation_data=validation,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
        ).history
        feasible = math.isfinite(history["loss"][-1]) and "val_error" in history
        # keras-tuner takes a NaN for a failed trial, which does not count.
        return {"val_error": history["val_error"][-1] if feasible else math.nan}


class _EvaluateOthers(keras.callbacks.Callback):
    """Measures the other splits too, as our trials do."""

    def __init__(self, evaluation: Mapping[str, tf.data.Dataset]) -> None:
        super().__init__()
        self._evaluation = evaluation

    def __deepcopy__(self, memo: dict[int, Any]) -> "_EvaluateOthers":
        return self

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Called after each interval of steps."""
        for dataset in self._evaluation.values():
            self.model.evaluate(dataset, verbose=0)


def _search(
    spec: Case, workload: Workload, splits: Splits, directory: str, seed: int, stop_at_nan: bool
) -> keras_tuner.Oracle:
    oracle = _SamePoints(spec.signature.space, seed=seed, num_feasible=spec.num_feasible)
    tuner = keras_tuner.Tuner(
        oracle=oracle,
        hypermodel=_HyperModel(spec, workload, splits, seed, stop_at_nan),
        directory=directory,
        project_name="benchmark",
    )
    tuner.search(verbose=0)
    return oracle


def _compiled(
    spec: Case, workload: Workload, splits: Splits, values: Mapping[str, float]
) -> keras.Model:
    space = spec.signature.space
    arguments = space.derive(
        {name: values[name] for name in space.dimensions}, budget_steps=spec.steps
    )
    network = with_keras_layers(workload.build(spec.budget, splits), arguments)
    network.compile(
        optimizer=stock_optimizer(spec.rule, arguments),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[_error],
    )
    return network


def _middle(spec: Case) -> tuple[float, ...]:
    return (0.5,) * spec.signature.space.num_dims


def _num_completed(oracle: keras_tuner.Oracle) -> int:
    return sum(trial.status == TrialStatus.COMPLETED for trial in oracle.trials.values())


def _quality(oracle: keras_tuner.Oracle) -> dict[str, float]:
    """Returns what the study found, for the record."""
    scores = [
        trial.score for trial in oracle.trials.values() if trial.status == TrialStatus.COMPLETED
    ]
    return {"trials": len(oracle.trials), "feasible": len(scores), "best": min(scores)}


def _error(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    wrong = tf.not_equal(tf.argmax(y_pred, -1), tf.cast(tf.reshape(y_true, [-1]), tf.int64))
    return tf.cast(wrong, tf.float32)


_error.__name__ = "error"  # the metric's name


def _dataset(batches: Any) -> tf.data.Dataset:
    if isinstance(batches, tf.data.Dataset):
        return batches
    x, y = (tf.concat(parts, 0) for parts in zip(*batches, strict=True))
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(len(batches[0][1])).cache()
