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
ONES = np.ones(200, np.float32)
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


COUNTER = tf.Variable(tf.zeros(3))


def in_a_branch(x):
    return tf.cond(x[0, 0] > 0, lambda: x + tf.random.uniform(tf.shape(x)), lambda: x)


def counted(x):
    COUNTER.assign_add(tf.ones(3))
    return x


def counted_in_a_branch(x):
    return tf.cond(x[0, 0] > 0, lambda: counted(x), lambda: x)


class Noise(layers.Layer):
    """Noise from Keras's global generator."""

    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x)) if training else x


class Reading(Own):
    """A model with a table, a metric of its own, and variables that it only reads."""

    def __init__(self):
        super().__init__()
        self.lookup = layers.IntegerLookup(vocabulary=[1, 2])
        self.mean = keras.metrics.Mean()

    def call(self, x):
        found = self.lookup(tf.cast(x, tf.int64))
        self.mean.update_state(x)
        offset = tf.cond(x[0, 0] > 0, lambda: COUNTER[0], lambda: 0.0)
        return self.dense(x) + offset + 0 * tf.cast(found[:, :1], tf.float32)


def sparse_aware_mse(y, outputs):
    return tf.square(y - outputs[:, 0])


def of_a(y, outputs):
    return tf.square(y["a"] - outputs["a"])[:, 0]


def growing(at):
    """Batches that have one row more from a step on."""
    return lambda seed, step: (X[: 16 + (step >= at)], Y[: 16 + (step >= at)])


def changed(array, row, value):
    array = array.copy()
    array[row] = value
    return array


def made(build, *data, **settings):
    settings = {"train": data, "validation": 50, "batch_size": 16, "steps": 20, **settings}
    return own_workload("mine", build, **settings)


def checked(build, *data, **settings):
    workload = made(build, *data, **settings)
    budget = workload.budget("own")
    splits = workload.load(budget, None)
    check_problem(workload, budget, splits)
    return workload, splits


def outcome(workload, splits, times=1):
    """Runs a trial of SGD at a rate of 0.1, perhaps several times."""
    signature = workload.signature("sgd")
    values = {name: 0.1 for name in signature.space.dimensions}
    budget = workload.budget("own")
    arguments = signature.space.derive(values, budget_steps=budget.steps)
    task = TrialTask(index=0, values=values, arguments=arguments, seeds=trial_seeds(0, 0))
    rows = []
    trainer = Trainer(workload=workload, budget=budget, splits=splits, signature=signature)
    for _ in range(times):
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
    "NaN late in train": (
        *(dense(1), (changed(X, 150, np.nan), Y), {"validation": (X[:20], Y[:20]), **MSE}),
        r"train \(200 examples\): x must be finite; got nan in row 150",
    ),
    "infinity late in train": (
        *(dense(1), (X, changed(Y, 150, -np.inf)), {"validation": (X[:20], Y[:20]), **MSE}),
        r"train \(200 examples\): y must be finite; got -inf in row 150",
    ),
    "a negative weight late in train": (
        *(dense(1), (X, Y, changed(ONES, 150, -1)), {"validation": (X[:20], Y[:20]), **MSE}),
        r"train \(200 examples\): weights must be >= 0, and not all 0; got -1",
    ),
    "a third class late in train": (
        *(dense(1), (X, changed(TWO, 150, 2))),
        {"validation": (X[:20], TWO[:20]), "loss": BINARY, "metric": "accuracy"},
        r"train \(200 examples\): y must be < 2, the classes; got 2",
    ),
    "padding only in train": (
        *(dense(2), (X, 0 * TWO - 1), {"validation": (X, TWO)}),
        r"train \(200 examples\): y must have a class; got numbers below 0, padding, only",
    ),
    "padding only in validation": (
        *(dense(2), (X, TWO), {"validation": (X, 0 * TWO - 1)}),
        "split 'validation': y must have a class; got numbers below 0, padding, only",
    ),
    "no weight in validation": (
        *(dense(1), (X, Y, ONES), {"validation": (X, Y, 0 * ONES), **MSE}),
        "split 'validation': weights must be >= 0, and not all 0; got 0 only",
    ),
    "inputs of several widths": (
        *(dense(1), ([X, X[:, :2]], Y), MSE),
        "train must have several inputs in a tuple or a dictionary; got a list of 2",
    ),
    "TensorFlow's random numbers": (
        *(dense(1, layers.Lambda(lambda x: x + tf.random.normal(tf.shape(x)))), (X, Y), MSE),
        "random numbers must be functions of the trial's seed; got TensorFlow's RandomStandardNorm",
    ),
    "TensorFlow's random numbers in a branch": (
        *(dense(1, layers.Lambda(in_a_branch)), (X, Y), MSE),
        "random numbers must be functions of the trial's seed; got TensorFlow's RandomUniform",
    ),
    "a variable that is not reset": (
        *(dense(1, layers.Lambda(counted)), (X, Y), MSE),
        r"must change no variables but those of add_weight, .* the shape \(3,\): use add_weight",
    ),
    "a variable that is not reset in a branch": (
        *(dense(1, layers.Lambda(counted_in_a_branch)), (X, Y), MSE),
        r"must change no variables but those of add_weight, .* the shape \(3,\): use add_weight",
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
    "variables that are read, a table and a metric": (Reading, (X, Y), MSE),
    "random numbers without a seed": (dense(1, Noise()), (X, Y), MSE),
    "a batch without a weight": (
        *(dense(1), ()),
        {
            "train": lambda _, step: (X[:16], Y[:16], ONES[:16] * (step > 0)),
            "validation": (X, Y),
            **MSE,
        },
    ),
    "a split's batch without a weight": (
        *(dense(1), (X, Y)),
        {"validation": (np.tile(X, (2, 1)), np.tile(Y, 2), np.arange(400) >= 250), **MSE},
    ),
    "a batch of padding": (
        *(dense(2), ()),
        {"train": lambda seed, step: (X[:16], TWO[:16] if step else TWO[:16] * 0 - 1)}
        | {"validation": (X, TWO)},
    ),
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


def noisy():
    return dense(1, Noise())()


def noisy_from_the_start():
    """Sets all generators, and draws from them."""
    keras.utils.set_random_seed(3)
    start = keras.random.normal((1,))
    return dense(1, Noise(), layers.Rescaling(1.0, float(start[0])))()


@pytest.mark.parametrize("build", [noisy, noisy_from_the_start])
def test_random_numbers_without_a_seed_are_each_trials_own(build):
    workload, splits = checked(build, X, Y, **MSE)
    _, rows = outcome(workload, splits, times=3)
    num = len(rows) // 3
    assert rows[:num] == rows[num : 2 * num] == rows[2 * num :]
    _, again = outcome(workload, splits)
    assert again == rows[:num]


class WithSpare(keras.Model):
    """A model with a weight that no output depends on."""

    def __init__(self):
        super().__init__()
        self.dense, self.spare = layers.Dense(1), layers.Dense(3)

    def call(self, x):
        self.spare(x)
        return self.dense(x)


@pytest.mark.parametrize("regularisation", [(), ("l2",)], ids=["plain", "l2"])
@pytest.mark.parametrize(
    "build",
    [WithSpare, lambda: keras.Sequential([layers.Dense(4, dtype="float64"), layers.Dense(1)])],
    ids=["not reached", "float64"],
)
def test_weights_that_differ_from_others_are_trained(build, regularisation):
    workload, splits = checked(build, X, Y, regularisation=regularisation, **MSE)
    _, rows = outcome(workload, splits)
    assert np.isfinite(rows[-1]["gradient_rms"])
    assert rows[-1]["validation_metric"] < 0.5 * np.var(Y)


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
