"""Problems that Keras takes: each is measured as Keras does, or refused in one line at once."""

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from keras import layers
from tfoptcmp.workloads import own_workload

from tfoptcmp.metrics import Metric
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.training.check import check_problem
from tfoptcmp.training.engine import Trainer
from tfoptcmp.workload import DoesNotFit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5)).astype(np.float32)
Y = X.sum(axis=1)
BOTH = np.stack([Y, Y], axis=1)
TWO = (Y > 0).astype(int)
THREE = np.arange(200) % 3
TOKENS = RNG.integers(0, 9, size=(200, 6))
LARGE = 5_000_000_000 + THREE
SHARE = Metric(name="mine", unit="share")
MINE = Metric(name="mine", unit="")
LOGITS = {"from_logits": True}
BINARY = keras.losses.BinaryCrossentropy(**LOGITS)
SHARED = layers.Normalization()
SHARED.adapt(X)
DICTIONARY = {"a": Y[:, None], "b": Y[:, None]}


def dense(units, *more):
    return lambda: keras.Sequential([keras.Input((5,)), layers.Dense(units), *more])


def flat():
    return dense(1, layers.Reshape(()))()


def tokens():
    return keras.Sequential([layers.Embedding(9, 4, mask_zero=True), layers.Dense(9)])


def sequences():
    return keras.Sequential(
        [layers.Embedding(9, 4, mask_zero=True), layers.LSTM(4), layers.Dense(9)]
    )


def stateful():
    inputs = keras.Input((5, 1), batch_size=16)
    return keras.Sequential([inputs, layers.LSTM(4, stateful=True), layers.Dense(1)])


def shared():
    return keras.Sequential([SHARED, layers.Dense(1)])


def adapted():
    normalization = layers.Normalization()
    normalization.adapt(X)
    return keras.Sequential([normalization, layers.Dense(1)])


def of_two():
    x = keras.Input((5,))
    return keras.Model(x, {"a": layers.Dense(1)(x), "b": layers.Dense(1)(x)})


class Own(keras.Model):
    """A class that is called without arguments."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


def sparse_aware_mse(y, outputs):
    return tf.square(y - outputs[:, 0])


def of_a(y, outputs):
    return tf.square(y["a"] - outputs["a"])[:, 0]


def growing(at):
    """Batches that have one row more from a step on."""
    return lambda seed, step: (X[: 16 + (step >= at)], Y[: 16 + (step >= at)])


def made(build, *data, **settings):
    settings = {"train": data, "validation": 50, "batch_size": 16, "steps": 20, **settings}
    return own_workload("mine", build, **settings)


def checked(build, *data, **settings):
    workload = made(build, *data, **settings)
    budget = workload.budget("own")
    splits = workload.load(budget, None)
    check_problem(workload, budget, splits)
    return workload, splits


def outcome(workload, splits):
    """Runs a trial of SGD at a rate of 0.1."""
    signature = workload.signature("sgd")
    values = {name: 0.1 for name in signature.space.dimensions}
    budget = workload.budget("own")
    arguments = signature.space.derive(values, budget_steps=budget.steps)
    task = TrialTask(index=0, values=values, arguments=arguments, seeds=trial_seeds(0, 0))
    rows = []
    trainer = Trainer(workload=workload, budget=budget, splits=splits, signature=signature)
    trainer.run(task, rows.append)
    return trainer, rows


MSE = {"loss": "mse"}
IGNORING = keras.losses.SparseCategoricalCrossentropy(ignore_class=0, **LOGITS)
REFUSED = {
    "a mask": (
        tokens,
        (TOKENS, TOKENS),
        {},
        "a Keras mask, .* by the label -1, .* of 0",
    ),
    "a mask that labels do not follow": (
        *(tokens, (TOKENS, np.where(TOKENS == 1, -1, TOKENS)), {}),
        "the first training batch: the model's outputs have a Keras mask",
    ),
    "ignore_class": (
        tokens,
        (TOKENS, TOKENS),
        {"loss": IGNORING},
        "no ignore_class, .* got 0: ",
    ),
    "large classes": (dense(2), (X, LARGE), {}, "y must be floats, or .* 32 bits; got 500000000"),
    "large numbers of a function": (
        *(dense(1), (), {"train": lambda *_: (X[:16], LARGE[:16]), "validation": (X, Y), **MSE}),
        "y must be floats, or whole numbers of 32 bits; got 500000000",
    ),
    "AUC of one class": (
        *(dense(1), (X, TWO)),
        {"loss": BINARY, "metric": "auc", "validation": (X[:20], np.ones(20, int))},
        r"split 'validation': AUC needs examples of both classes; got only \[1\]",
    ),
    "AUC of one class in test": (
        *(dense(2), (X, TWO), {"metric": "auc", "test": (X[:20], np.zeros(20, int))}),
        r"split 'test': AUC needs examples of both classes; got only \[0\]",
    ),
    "R2 of a constant": (
        *(dense(1), (X, Y), {"metric": "r2", "validation": (X[:20], np.ones(20)), **MSE}),
        "split 'validation': R2 needs a y that varies; got 1.0 in all examples",
    ),
    "F1 without a positive": (
        *(dense(2), (X, TWO), {"metric": "f1", "validation": (X[:20], np.zeros(20, int))}),
        r"split 'validation': F1 needs examples of class 1; got only \[0\]",
    ),
    "a measure with gaps": (
        *(dense(1), (X, Y)),
        {"metric": MINE, "measure": lambda y, outputs: tf.where(y > 2, np.nan, 0.5), **MSE},
        "split 'validation': the metric 'mine' must be finite where outputs are; got nan of the un",
    ),
    "no share": (
        *(dense(1), (X, Y), {"metric": SHARE, "measure": lambda y, outputs: 26 + 0 * y, **MSE}),
        r"the metric 'mine' must be in \[0, 1\], as its unit is 'share'; got 26",
    ),
    "a shared layer": (
        shared,
        (X, Y),
        MSE,
        "must make new layers .* got 'normalization.*' of",
    ),
    "batches of one size": (
        *(stateful, (X[..., None], Y), MSE),
        "split 'train', batch 1: the model cannot be run on its 50 examples; .* RNN is stateful",
    ),
    "growing batches": (
        *(dense(1), (), {"train": growing(1), "validation": (X, Y), **MSE}),
        r"batches of one shape and type; got .*\[17, 5\].* at step 1 with the seed 0, .*\[16, 5\]",
    ),
    "a list of inputs": (
        *(dense(1), ([X, X], Y), MSE),
        "train must have several inputs in a tuple or a dictionary; got a list of 2",
    ),
    "several outputs": (
        *(of_two, (X, DICTIONARY), {"loss": of_a, "metric": "mae"}),
        "this metric is of one y and one output; for several give your own metric",
    ),
    "classes of several outputs": (
        *(of_two, (X, DICTIONARY), {"loss": of_a, "metric": "accuracy"}),
        "y must be one array of class numbers; got 2 arrays. For several give your own metric",
    ),
    "a sparse matrix": (
        *(dense(1), (scipy.sparse.csr_matrix(X), Y), MSE),
        "train must be dense; got csr_matrix: make an array, .toarray()",
    ),
    "vectors one by one": (
        *(dense(2), (), {"train": tf.data.Dataset.from_tensor_slices((X, BOTH)), **MSE}),
        r"train must have batches, .* see .batch\(...\) of tf.data; got \(5,\), \(2,\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_measured_wrongly_is_refused(case):
    build, data, settings, words = REFUSED[case]
    with pytest.raises(ValueError, match=words) as error:
        checked(build, *data, **settings)
    assert "\n" not in str(error.value)


PADDED = np.where(TOKENS == 0, -1, TOKENS)
ABSOLUTE = keras.metrics.MeanAbsolutePercentageError()
ONE_HOT = np.eye(8, dtype=np.float32)[THREE]
TAKEN = {
    "a mask that labels follow": (tokens, (TOKENS, PADDED), {}),
    "a mask that weights follow": (tokens, (TOKENS, TOKENS, (TOKENS > 0).astype("f")), {}),
    "a mask that ends inside": (sequences, (TOKENS, TOKENS[:, 0]), {}),
    "an adapted layer": (adapted, (X, Y), MSE),
    "a function named sparse": (dense(1), (X, Y), {"loss": sparse_aware_mse, "metric": "mae"}),
    "flat outputs": (flat, (X, Y), {"metric": "mae", **MSE}),
    "flat outputs, measured by Keras": (flat, (X, Y), {"metric": MINE, "measure": ABSOLUTE, **MSE}),
    "rows in a list": (dense(1), ([*X], [*Y]), MSE),
    "more logits than classes": (dense(8), (X, THREE), {}),
    "a class": (Own, (X, Y), MSE),
    "top 5 of one-hot labels": (
        *(dense(8), (X, ONE_HOT)),
        {"loss": keras.losses.CategoricalCrossentropy(**LOGITS), "metric": "top_5_error"},
    ),
    "large numbers": (dense(1), (X, LARGE), MSE),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_measured_as_keras_does_is_taken(case):
    build, data, settings = TAKEN[case]
    checked(build, *data, **settings)


@pytest.mark.parametrize(
    ("build", "y", "settings", "kerass"),
    [
        (flat, Y, {"metric": "mae", **MSE}, "mae"),
        (flat, LARGE, {"metric": "mae", **MSE}, "mae"),
        (
            dense(8),
            ONE_HOT,
            {
                "loss": keras.losses.CategoricalCrossentropy(**LOGITS),
                "metric": Metric(name="top-5 error", unit="share"),
            },
            keras.metrics.TopKCategoricalAccuracy(5),
        ),
    ],
)
def test_values_are_those_of_keras(build, y, settings, kerass):
    workload, splits = checked(build, X, y, validation=(X[:60], y[:60]), **settings)
    trainer, rows = outcome(workload, splits)
    network = trainer._model.network
    network.compile(loss="mse", metrics=[kerass])
    # One batch: of flat outputs Keras takes the mean of batches, whatever their sizes.
    found = network.evaluate(X[:60], y[:60].astype(np.float32), batch_size=60, verbose=0)[1]
    expected = 1 - found if workload.metric.unit == "share" else found
    assert rows[-1]["validation_metric"] == pytest.approx(expected, rel=1e-4)


def test_a_trial_says_which_step_differs():
    workload, splits = checked(dense(1), train=growing(18), validation=(X, Y), **MSE)
    with pytest.raises(DoesNotFit, match=r"got .*\[17, 5\].* at step 18 with the seed \d+, and"):
        outcome(workload, splits)


def test_a_trial_says_that_a_share_is_none():
    """The untrained outputs are 0; then they come near y, of which some are above 1."""

    def zeros():
        return keras.Sequential([keras.Input((5,)), layers.Dense(1, kernel_initializer="zeros")])

    measure = {"metric": SHARE, "measure": lambda y, outputs: abs(outputs[:, 0] * 10)}
    workload, splits = checked(zeros, X, Y, **measure, **MSE)
    with pytest.raises(DoesNotFit, match=r"metric 'mine' must be in \[0, 1\], .* got [1-9]"):
        outcome(workload, splits)
