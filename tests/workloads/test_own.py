"""A workload of one's own, of all kinds of data."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tfoptcmp.workloads import own_workload

from tfoptcmp import metrics
from tfoptcmp.metrics import Metric
from tfoptcmp.training.check import check_problem

RNG = np.random.default_rng(0)
X = RNG.normal(size=(100, 3))
Y = X.sum(axis=1)
CLASSES = np.arange(100) % 4


def build():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


def four():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])


def parts(x, y):
    return {"train": (x[:60], y[:60]), "validation": (x[60:80], y[60:80]), "test": (x[80:], y[80:])}


def splits_of(workload):
    budget = workload.budget("own")
    splits = workload.load(budget, None)
    check_problem(workload, budget, splits)
    return splits


class Pairs(keras.utils.PyDataset):
    """Batches of 20 rows."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return -(-len(self.y) // 20)

    def __getitem__(self, i):
        return self.x[20 * i : 20 * i + 20], self.y[20 * i : 20 * i + 20]


FORMS = {
    "arrays": lambda x, y: (x, y),
    "lists": lambda x, y: [x.tolist(), y.tolist()],
    "frames": lambda x, y: (pd.DataFrame(x, columns=list("abc")), pd.Series(y)),
    "dataset": lambda x, y: tf.data.Dataset.from_tensor_slices((x, y)).batch(7),
    "PyDataset": Pairs,
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_of_data_are_the_same_workload(form):
    given = {name: FORMS[form](*pair) for name, pair in parts(X, Y).items()}
    workload = own_workload("mine", build, **given, loss="mse", metric="mae", batch_size=10)
    splits = splits_of(workload)
    assert splits.num_examples == {"train": 60, "validation": 20, "test": 20}
    found = np.concatenate([y for _, y in splits.evaluation["test"]])
    np.testing.assert_allclose(found, Y[80:], rtol=1e-6)
    (x, _), *_ = splits.train.batches(seed=3, augmentation_seed=0, start=4, stop=5)
    assert x.dtype == tf.float32
    rows = [int(np.abs(X[:60] - row).sum(axis=1).argmin()) for row in x.numpy()]
    np.testing.assert_allclose(x, X[rows], rtol=1e-6)
    assert workload.metric.guess == pytest.approx(np.abs(Y[60:80] - np.median(Y[:60])).mean())


def test_defaults():
    workload = own_workload("mine", four, **parts(X, CLASSES))
    assert workload.metric == metrics.CLASSIFICATION_ERROR.with_classes(4)
    splits = splits_of(workload)
    assert splits.num_classes == 4
    budget = workload.budget("own")
    assert (budget.steps, budget.batch_size, budget.num_feasible) == (500, 32, 20)
    assert budget.eval_every_steps == 50
    assert {"sgd", "adam"} <= set(workload.spaces["initial"])


def test_without_a_test_split():
    given = parts(X, Y)
    del given["test"]
    assert "test" not in splits_of(own_workload("mine", build, **given, loss="mse")).evaluation


def test_examples_can_be_held_out():
    workload = own_workload("mine", build, train=(X, Y), validation=0.2, test=10, loss="mse")
    splits = splits_of(workload)
    assert splits.num_examples == {"train": 70, "validation": 20, "test": 10}
    found = [y for name in ("validation", "test") for _, y in splits.evaluation[name]]
    ((_, y),) = splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)
    held_out = {float(one) for one in np.concatenate(found)}
    assert len(held_out) == 30
    assert not held_out & {float(one) for one in y.numpy()}
    again = own_workload("mine", build, train=(X, Y), validation=0.2, test=10, loss="mse")
    np.testing.assert_array_equal(found[0], splits_of(again).evaluation["validation"][0][1])


def test_batches_from_a_function():
    def batch(seed, step):
        rng = np.random.default_rng([seed, step])
        x = rng.normal(size=(8, 3))
        return x, x.sum(axis=1)

    given = {**parts(X, Y), "train": batch}
    splits = splits_of(own_workload("mine", build, **given, loss="mse", batch_size=8))
    batches = list(splits.train.batches(seed=5, augmentation_seed=0, start=2, stop=4))
    assert len(batches) == 2
    for step, (x, y) in zip((2, 3), batches, strict=True):
        expected_x, expected_y = batch(5, step)
        np.testing.assert_allclose(x, expected_x, rtol=1e-6)
        np.testing.assert_allclose(y, expected_y, rtol=1e-5)


def test_structures_and_weights():
    def two():
        a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        return keras.Model({"a": a, "b": b}, keras.layers.Dense(1)(a + b))

    weights = RNG.uniform(size=100)
    data = ({"a": X, "b": 2 * X}, Y, weights)
    given = {
        name: keras.tree.map_structure(lambda part, rows=rows: part[rows], data)
        for name, rows in (("train", slice(0, 60)), ("validation", slice(60, 100)))
    }
    splits = splits_of(own_workload("mine", two, **given, loss="mse", batch_size=60))
    ((x, y, w),) = splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)
    np.testing.assert_allclose(x["b"], 2 * x["a"])
    order = [int(np.abs(Y[:60] - one).argmin()) for one in y.numpy()]
    np.testing.assert_allclose(w, weights[order], rtol=1e-6)


def test_class_weights_are_of_training_examples():
    given = parts(X, CLASSES)
    workload = own_workload("mine", four, **given, class_weight={1: 5.0}, batch_size=60)
    splits = splits_of(workload)
    ((_, y, weights),) = splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)
    np.testing.assert_array_equal(weights, np.where(y == 1, 5.0, 1.0))
    assert len(splits.evaluation["validation"][0]) == 2


@pytest.mark.parametrize("shape", [(60,), (60, 1)])
def test_class_weights_multiply_weights_of_any_shape(shape):
    given = np.linspace(1, 2, 60, dtype=np.float32).reshape(shape)
    data = {**parts(X, CLASSES), "train": (X[:60], CLASSES[:60], given)}
    workload = own_workload("mine", four, **data, class_weight={1: 5.0}, batch_size=60)
    *_, weights = splits_of(workload).examples
    expected = given.ravel() * np.where(CLASSES[:60] == 1, 5.0, 1.0)
    np.testing.assert_allclose(weights, expected.reshape(shape), rtol=1e-6)


def test_a_metric_of_ones_own():
    mine = Metric(name="largest", unit="m", maximize=True, margin=0.5)
    workload = own_workload(
        "mine",
        build,
        **parts(X, Y),
        loss="mse",
        metric=mine,
        measure=lambda y, outputs: keras.ops.abs(y[:, None] - outputs)[:, 0],
    )
    splits_of(workload)
    assert workload.metric == mine


FAULTY = {
    "name": ({"name": "my study"}, "name must be of letters, digits and underscores; got 'my st"),
    "metric": ({"metric": "bleu"}, "metric must be one of .*'accuracy'.* or a Metric; got 'bleu'"),
    "text": (
        {"train": (pd.DataFrame({"a": ["x", "y"]}), [0, 1])},
        "train must be numbers; got a frame with could not convert string to float: 'x'",
    ),
    "parts": ({"test": (X,)}, r"test must be \(x, y\) or \(x, y, weights\); got 1 parts"),
    "infinite": (
        {"train": tf.data.Dataset.from_tensor_slices((X, Y)).batch(7).repeat()},
        "train must end; got an infinite data set",
    ),
    "function": ({"validation": lambda seed, step: 0}, "validation must be data, not a function"),
    "empty": ({"test": tf.data.Dataset.from_tensor_slices((X[:0], Y[:0])).batch(3)}, "empty; got"),
    "object": ({"test": object()}, "test must be arrays or a data set; got object"),
    "too many": ({"test": 60}, "test must be data, or how many of the 60 training .* got 60"),
    "a part": ({"validation": 1.5}, "validation must be data, .* got 1.5"),
    "no pairs": ({"test": tf.data.Dataset.from_tensor_slices(X).batch(3)}, "must have batches"),
    "steps": ({"steps": 0}, "steps must be an integer >= 1; got 0"),
    "measurements": ({"num_measurements": 0}, "num_measurements must be an integer >= 1; got 0"),
    "text for steps": ({"steps": "20"}, "steps must be an integer >= 1; got '20'"),
    "regularisation": ({"regularisation": ("foo",)}, r"regularisation must be of .* got \['foo'\]"),
    "a model": ({"build": build()}, "build must be a function that returns a model"),
    "a function of one": (
        {"build": lambda units: None},
        r"build must take nothing, .* \['units'\]",
    ),
    "a dictionary": ({"train": {"x": X, "y": Y}}, r"train must be \(x, y\) .* got a dictionary"),
    "a truth": ({"validation": True}, "validation must be data, .* got True"),
    "single examples": (
        {"test": tf.data.Dataset.from_tensor_slices((X, Y))},
        r"test must have batches, .* see .batch\(...\) of tf.data; got \(3,\), \(\)",
    ),
    "a measure without a metric": (
        {"measure": "loss"},
        "metric must be a Metric, which describes what measure computes; got None",
    ),
    "no validation": ({"validation": None}, "validation must be data, or how many .* got None"),
    "a number for train": ({"train": 5}, "train must be data; got 5"),
    "no train": ({"train": None}, "train must be data; got None"),
    "class weights": ({"class_weight": {0: 2.0}}, "class_weight must be of class numbers"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_what_is_not_understood_is_told(case):
    changes, words = FAULTY[case]
    settings = {"name": "mine", "build": build, **parts(X, Y), "loss": "mse", **changes}
    with pytest.raises(ValueError, match=words):
        own_workload(**settings)


def test_more_rows_in_a_batch_than_there_are():
    workload = own_workload("mine", build, **parts(X, Y), loss="mse", batch_size=61)
    with pytest.raises(ValueError, match="batch_size must be <= 60, the training examples; got 61"):
        workload.load(workload.budget("own"), None)


def test_keys_of_class_weights_are_classes():
    with pytest.raises(
        ValueError, match=r"class_weight must be of the labels' classes; got \['1'\]"
    ):
        own_workload("mine", four, **parts(X, CLASSES), class_weight={"1": 2.0})


def test_a_model_must_come():
    workload = own_workload("mine", lambda: None, **parts(X, Y), loss="mse")
    with pytest.raises(ValueError, match=r"build must return a keras.Model; got None"):
        splits_of(workload)


def test_labels_may_be_a_column_and_frames_of_several_types():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": np.arange(100)})
    given = {
        name: (frame[rows], CLASSES[rows, None])
        for name, rows in (("train", slice(0, 60)), ("validation", slice(60, 100)))
    }
    splits = splits_of(own_workload("mine", four, **given))
    ((x, y),) = splits.evaluation["validation"]
    assert x.shape == (40, 3)
    assert y.shape == (40,)


UNITS = 4


def of_units():
    return helper(UNITS)


def helper(units):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])


def test_a_study_goes_on_only_with_what_it_began_with(monkeypatch):
    """Each change changes one fingerprint; what is the same changes none."""

    def made(build=of_units, x=X, **changes):
        settings = {"train": (x[:60], CLASSES[:60]), "validation": (x[60:], CLASSES[60:])}
        settings |= {"metric": "accuracy", **changes}
        return own_workload("mine", build, **settings).fingerprints

    first = made()
    assert made() == first

    def changed(**changes):
        return {name for name, found in made(**changes).items() if found != first[name]}

    assert changed(x=X + 1) == {"data"}
    assert changed(class_weight={0: 2.0}) == {"data"}
    assert changed(build=lambda: helper(4)) == {"build"}
    assert changed(loss=lambda y, outputs: outputs[:, 0]) == {"loss"}
    measure = {"metric": Metric(name="m", unit=""), "measure": lambda y, outputs: outputs[:, 0]}
    assert changed(**measure) == {"measure"}
    monkeypatch.setattr(f"{__name__}.UNITS", 5)
    assert changed() == {"build"}


def test_targets_that_are_equal_are_the_same():
    """1 and 1.0 were two comparisons of one directory."""
    found = [
        own_workload("mine", build, **parts(X, Y), loss="mse", target=target).budget("own")
        for target in (1, 1.0)
    ]
    assert repr(found[0]) == repr(found[1])


def test_training_examples_that_are_measured_are_spread_over_sorted_data():
    """The first ones were of one class."""
    classes = np.repeat(np.arange(4), 25)
    workload = own_workload("mine", four, train=(X, classes), validation=20, steps=2)
    splits = workload.load(workload.budget("own"), None)
    (batch,) = splits.evaluation["train"]
    assert len(batch[1]) == 20
    # By hand: 80 are left, and every fourth of them is measured.
    left = splits.examples[1].numpy()
    np.testing.assert_array_equal(batch[1], left[::4])
    assert set(batch[1].numpy()) == {0, 1, 2, 3}
