"""Losses, metrics and models of people's own: against Keras's `fit`, or refused in one line."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp import metrics
from tfoptcmp.metrics import Metric
from tfoptcmp.training.check import check_problem
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.initial import InitialWeights
from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.training.optimizer import build_optimizer
from tfoptcmp.workload import Splits, WholeSplit, Workload

RNG = np.random.default_rng(3)
X = RNG.normal(size=(240, 6)).astype(np.float32)
Y = (X @ RNG.normal(size=(6, 2)) + 0.1 * RNG.normal(size=(240, 2))).astype(np.float32)
CLASSES = (Y[:, 0] > 0).astype(np.int32)
WEIGHTS = RNG.uniform(0.5, 2.0, 240).astype(np.float32)


class Source:
    """Batches of 16 rows, one after the other, again and again."""

    steps_per_epoch = None

    def __init__(self, *parts):
        self.parts = parts

    def batches(self, *, seed, augmentation_seed, start, stop):
        def batch(step):
            rows = tf.range(16 * step, 16 * step + 16) % 160
            return keras.tree.map_structure(lambda part: tf.gather(part, rows), self.parts)

        return tf.data.Dataset.range(start, stop).map(batch)


def split(*parts):
    """A split in two batches, of rows that are not trained on."""
    return [
        tuple(keras.tree.map_structure(lambda part, rows=rows: tf.constant(part[rows]), parts))
        for rows in (slice(160, 200), slice(200, 240))
    ]


@pytest.fixture
def make(budget):
    """Makes a workload and its splits of arrays and what a workload takes."""

    def make(*parts, build, num_classes=0, **settings):
        splits = Splits(
            train=Source(*parts),
            evaluation=dict.fromkeys(("train", "validation", "test"), split(*parts)),
            num_classes=num_classes,
            num_examples={"train": 160, "validation": 80, "test": 80},
        )
        workload = Workload(
            name="mine",
            title="Mine",
            budgets={"smoke": budget},
            load=lambda budget, data_dir: splits,
            build=lambda budget, splits: build(),
            **{"metric": metrics.MEAN_SQUARED_ERROR, "loss_function": "mse", **settings},
        )
        return workload, splits

    return make


def plain():
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)])


def with_losses():
    """A network that adds losses of all kinds."""
    x = keras.Input((6,))
    hidden = keras.layers.Dense(8, "tanh", kernel_regularizer=keras.regularizers.L2(0.1))(x)
    hidden = keras.layers.ActivityRegularization(l1=0.05)(hidden)
    return keras.Model(x, keras.layers.Dense(2)(hidden))


def two_inputs():
    first, second = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    both = keras.layers.Concatenate()([first, second])
    return keras.Model({"a": first, "b": second}, keras.layers.Dense(2)(both))


def two_outputs():
    x = keras.Input((6,))
    return keras.Model(x, {"a": keras.layers.Dense(2)(x), "b": keras.layers.Dense(1)(x)})


def of_both(y, outputs):
    return keras.losses.mean_squared_error(y["a"], outputs["a"]) + 3 * (
        keras.losses.mean_absolute_error(y["b"], outputs["b"])
    )


class Own(keras.Model):
    """A network that has no weights before it is called."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def not_built():
    return keras.Sequential([keras.layers.Dense(4, "tanh"), keras.layers.Dense(2)])


BOTH = {"a": X, "b": X[::-1].copy()}
TWO = {"a": Y, "b": Y[:, :1]}
FITTED = {
    "plain": ((X, Y), plain, "mse", "mse"),
    "weights": ((X, Y, WEIGHTS), plain, "mse", "mse"),
    "added losses": ((X, Y), with_losses, keras.losses.Huber(), keras.losses.Huber()),
    "not built": ((X, Y), not_built, "mse", "mse"),
    "own class": ((X, Y), Own, "mse", "mse"),
    "two inputs": ((BOTH, Y, WEIGHTS), two_inputs, "mae", "mae"),
    "two outputs": ((X, TWO), two_outputs, of_both, {"a": "mse", "b": "mae"}),
}


@pytest.mark.parametrize("case", FITTED)
def test_a_trial_is_what_keras_fits(case, make, adam, make_task, budget):
    parts, build, loss, kerass = FITTED[case]
    adam = replace(adam, space=without_regularisation(adam.space))
    task = make_task(adam)
    workload, splits = make(
        *parts, build=build, loss_function=loss, metric=Metric(name="x", unit=""), measure="loss"
    )
    check_problem(workload, budget, splits)
    trainer = Trainer(workload=workload, budget=budget, splits=splits, signature=adam)
    rows = []
    trainer.run(task, rows.append)

    def built():
        network = build()
        if not network.built:
            network(parts[0])
        return network

    network = built()
    InitialWeights(built).assign(network, task.seeds)
    weights = {"a": 1.0, "b": 3.0} if case == "two outputs" else None
    network.compile(
        optimizer=build_optimizer(adam, task.arguments), loss=kerass, loss_weights=weights
    )
    batches = splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=budget.steps)
    network.fit(batches, epochs=1, verbose=0)
    for ours, theirs in zip(trainer._model.network.weights, network.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-4, atol=2e-6)
    held_out = tuple(keras.tree.map_structure(lambda part: part[160:], parts))
    batches = tf.data.Dataset.from_tensor_slices(held_out).batch(40)
    expected = network.evaluate(batches, verbose=0, return_dict=True)["loss"]
    if case != "added losses":  # which Keras counts
        assert rows[-1]["validation_loss"] == pytest.approx(expected, rel=1e-4)
        assert rows[-1]["validation_metric"] > 0
    assert rows[-1]["test_standard_error"] > 0
    assert "test_standard_error" not in rows[0]


def without_regularisation(space):
    dimensions = {
        name: d for name, d in space.dimensions.items() if name not in ("l2", "label_smoothing")
    }
    return replace(space, dimensions=dimensions)


class OwnStep(keras.Sequential):
    """A model whose training step is its own."""

    def train_step(self, data):
        return {"loss": 0.0}


class OwnLoss(keras.Sequential):
    """A model whose loss is its own."""

    def compute_loss(self, *args, **kwargs):
        return 0.0


def dense(units, kind=keras.Sequential):
    return lambda: kind([keras.Input((6,)), keras.layers.Dense(units)])


def changed(array, row, value):
    array = array.copy()
    array[row] = value
    return array


ONE = dense(2)()


def test_splits_are_alike(make, budget):
    workload, splits = make(X, Y, build=dense(2))
    for x, y, words in (
        (X[:, :4], Y, r"split 'validation', batch 1: each x must have the shape \(6,\) as in the"),
        (X, Y[:, :1], r"split 'validation', batch 1: each y must have the shape \(2,\) as in the"),
    ):
        other = replace(splits, evaluation={**splits.evaluation, "validation": split(x, y)})
        with pytest.raises(ValueError, match=words):
            check_problem(workload, budget, other)


@pytest.mark.parametrize("loss", ["binary_crossentropy", keras.losses.BinaryCrossentropy()])
def test_weights_may_be_a_column(loss):
    """As of a frame with one column; they are those of the examples."""
    problem = Problem(loss, metrics.ACCURACY)
    y, outputs = tf.constant(CLASSES), tf.constant(np.clip(np.abs(Y[:, :1]), 0.1, 0.9))
    flat = problem.sums(y, outputs, tf.constant(WEIGHTS))
    column = problem.sums(y, outputs, tf.constant(WEIGHTS[:, None]))
    np.testing.assert_array_equal(flat, column)
    model = keras.losses.BinaryCrossentropy()
    expected = float(model(CLASSES[:, None], outputs, sample_weight=WEIGHTS))
    assert problem.result(column.numpy()).loss == pytest.approx(expected, rel=1e-5)


SOFTMAX = {"loss_function": None, "metric": metrics.CLASSIFICATION_ERROR}
FAULTY = {
    "labels out of range": (
        *((X, changed(CLASSES, 170, 2)), dense(2), {**SOFTMAX, "num_classes": 2}),
        "split 'train', batch 1: y must be < 2, the classes; got 2",
    ),
    "float labels": (
        *((X, Y[:, 0]), dense(2), SOFTMAX),
        "the first training batch: y must be class numbers, integers, .* got float32",
    ),
    "NaN in x": (
        *((changed(X, 3, np.nan), Y), dense(2), {}),
        "the first training batch: x must be finite; got nan in row 3",
    ),
    "infinity in y": (
        *((X, changed(Y, 205, np.inf)), dense(2), {}),
        "split 'train', batch 2: y must be finite; got inf in row 5",
    ),
    "negative weights": (
        (X, Y, -WEIGHTS),
        dense(2),
        {},
        "weights must be >= 0, and not all 0; got -",
    ),
    "rows": (
        *((X, Y, WEIGHTS[:170]), dense(2), {}),
        r"x, y and weights must have as many rows each; got x \(40, 6\), y \(40, 2\), weights",
    ),
    "too few outputs": (
        *((X, Y), dense(1), {}),
        r"outputs must have the shape of y, \(16, 2\); got \(16, 1\)",
    ),
    "one y for several outputs": (
        *((X, Y[:, 0]), dense(2), {}),
        r"outputs must have the shape of y, \(16,\); got \(16, 2\)",
    ),
    "other classes": (
        *((X, CLASSES), dense(1), {**SOFTMAX, "num_classes": 2}),
        "outputs must be at least 2 logits, one for each class; got 1",
    ),
    "no logits": (
        *((X, CLASSES[:, None]), dense(2), SOFTMAX),
        r"outputs must be logits, .* got outputs \(16, 2\) for y \(16, 1\)",
    ),
    "several outputs": (
        *((X, TWO), two_outputs, {}),
        "a Keras loss is of one y and one output",
    ),
    "other inputs": (
        *((X[:, :4], Y), dense(2), {}),
        "cannot be run on the first training batch: Input 0 .* have value 6, but received",
    ),
    "own step": ((X, Y), dense(2, OwnStep), {}, "must not have its own train_step, .* of OwnStep"),
    "own loss": ((X, Y), dense(2, OwnLoss), {}, "must not have its own compute_loss, .* OwnLoss"),
    "a loss of every two": (
        *((X, Y[:, 0]), dense(1), {"loss_function": lambda y, outputs: (y - outputs) ** 2}),
        r"loss must give one value for each example or token; got \(16, 16\) for y and outputs of "
        r"\(16,\), \(16, 1\)",
    ),
    "a metric of every two": (
        *((X, Y[:, 0]), dense(1), {"measure": lambda y, outputs: abs(y - outputs)}),
        r"what measures a metric must give one value .* got \(16, 16\)",
    ),
    "one network for all trials": (
        *((X, Y), lambda: ONE, {}),
        "build must return a new model every time; got the same one again",
    ),
    "labels of two outputs, out of range": (
        *((X, changed(CLASSES, 170, 2)), dense(2)),
        {"loss_function": "sparse_categorical_crossentropy", "metric": metrics.ACCURACY},
        "split 'train', batch 1: y must be < 2, the classes; got 2",
    ),
    "targets that are no classes": (
        *((X, Y[:, 0]), dense(1), {"metric": metrics.ACCURACY}),
        "y must be class numbers; got -?[0-9.]+",
    ),
    "-1 and 1": (
        *((X, 2 * CLASSES - 1), dense(1)),
        {"loss_function": "hinge", "metric": metrics.ACCURACY},
        "y must be class numbers >= 0; got -1",
    ),
    "classes of a loss of ones own": (
        *((X, CLASSES), dense(1)),
        {
            "loss_function": lambda y, outputs: tf.square(tf.cast(y, "float32") - outputs[:, 0]),
            "metric": metrics.ACCURACY,
        },
        "a metric of classes of one output needs a Keras loss",
    ),
    "no axis of classes": (
        *((X, CLASSES), lambda: keras.Sequential([*dense(1)().layers, keras.layers.Reshape(())])),
        {"metric": metrics.ACCURACY},
        r"a metric of classes needs outputs \(..., classes\)",
    ),
    "several classes an example": (
        *((X, np.ones((240, 2), np.float32)), dense(2)),
        {"loss_function": "binary_crossentropy", "metric": metrics.ACCURACY},
        "y must have one class an example; got several",
    ),
    "sum": (
        *((X, Y), dense(2), {"loss_function": keras.losses.Huber(reduction="sum")}),
        "loss must have the reduction 'sum_over_batch_size', the mean; got 'sum'",
    ),
    "a class": ((X, Y), dense(2), {"measure": keras.metrics.AUC}, "must be no class; got <class"),
    "weights of outputs": (
        *((X, Y, np.ones((240, 2), np.float32)), dense(2), {}),
        "weights must be one for each example",
    ),
    "no weight": ((X, Y, 0 * WEIGHTS), dense(2), {}, "weights must be >= 0, and not all 0"),
    "AUC of three": (
        *((X, CLASSES), dense(3), {"loss_function": None, "metric": metrics.AUC}),
        "the metric cannot be computed: AUC must be of two classes; got outputs for 3",
    ),
    "arguments of a whole split": (
        *((X, Y), dense(2), {"measure": WholeSplit(lambda y, outputs: 0.0)}),
        "the metric cannot be computed: .* takes 2 positional arguments but 3 were given",
    ),
    "no pair": ((X,), dense(2), {}, r"must be \(x, y\) or \(x, y, weights\); got 1 parts"),
    "metric": (
        *((X, Y), dense(2), {"metric": metrics.PERPLEXITY}),
        "perplexity needs a loss that is a cross entropy; got 'mse'",
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_what_does_not_fit_is_told_in_one_line(case, make, budget):
    parts, build, settings, words = FAULTY[case]
    workload, splits = make(*parts, build=build, **settings)
    with pytest.raises(ValueError, match=words) as error:
        check_problem(workload, budget, splits)
    assert "\n" not in str(error.value)


FITTING = {
    "binary, flat": ((X, CLASSES), dense(1), keras.losses.BinaryCrossentropy(from_logits=True)),
    "binary": ((X, CLASSES[:, None]), dense(1), "binary_crossentropy"),
    "sparse": ((X, CLASSES), dense(2), "sparse_categorical_crossentropy"),
    "sparse column": ((X, CLASSES[:, None]), dense(2), "sparse_categorical_crossentropy"),
    "binary, flat, by name": ((X, CLASSES), dense(1), "binary_crossentropy"),
    "regression, flat": ((X, Y[:, 0]), dense(1), "mse"),
    "flat outputs": (
        *((X, Y[:, 0]), lambda: keras.Sequential([*dense(1)().layers, keras.layers.Reshape(())])),
        "mse",
    ),
}


@pytest.mark.parametrize("case", FITTING)
def test_what_keras_fits_together_is_taken(case, make, budget):
    parts, build, loss = FITTING[case]
    workload, splits = make(*parts, build=build, loss_function=loss)
    check_problem(replace(workload, measure="loss"), budget, splits)


def test_metrics_of_whole_splits(make, adam, make_task, budget):
    workload, splits = make(X, Y, build=plain, metric=metrics.R2)
    adam = replace(adam, space=without_regularisation(adam.space))
    trainer = Trainer(workload=workload, budget=budget, splits=splits, signature=adam)
    rows = []
    trainer.run(make_task(adam), rows.append)
    predicted = trainer._model.network.predict(X[160:], verbose=0)
    truth = Y[160:].astype(np.float64)
    residual = ((truth - predicted) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0)
    assert rows[-1]["test_metric"] == pytest.approx(float(np.mean(1 - residual)), rel=1e-5)
    assert 0.001 < rows[-1]["test_standard_error"] < 1


def test_label_smoothing_is_of_class_numbers(make):
    with pytest.raises(ValueError, match=r"must not have label_smoothing with a loss .* 'mse'"):
        make(X, Y, build=plain, regularisation=("label_smoothing",))
