"""The compiled block of steps by itself: how many it takes, what it minimises, what stops it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.optimizers import SGD
from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.training.model import TrialModel

X = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
Y = np.arange(8) % 3
SETTINGS = ("num_steps", "l2", "label_smoothing", "diverged")


def made(optimizer, *more):
    """A linear model on which nothing has been set."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), *more])
    model = TrialModel(network, steps_per_epoch=None, regularisation=("l2", "label_smoothing"))
    model.compile(optimizer, steps_per_execution=4)
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def traced():
    model = made(SGD(0.25))
    return model, model.snapshot(), {name: getattr(model, name).numpy() for name in SETTINGS}


@pytest.fixture
def model(traced):
    """A new model, except that its block may have been traced."""
    model, snapshot, settings = traced
    model.restore(snapshot)
    for name, value in settings.items():
        getattr(model, name).assign(value)
    return model


def block_of(model, x=X):
    return model.blocks(tf.data.Dataset.from_tensors((x, Y)).repeat())


def step_of(model):
    return int(model.optimizer.iterations.numpy())


def test_without_regularisation_it_minimises_the_cross_entropy(model):
    objective, *gradient = model.objective_and_gradient(X, Y)
    with tf.GradientTape() as tape:
        expected = Problem().objective(Y, model.network(X))
    assert float(objective) == float(expected)
    for ours, theirs in zip(gradient, tape.gradient(expected, model.network.weights), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_blocks_end_with_the_trial(model):
    block = block_of(model)
    block(4)
    assert step_of(model) == 0  # a trial of no steps
    model.num_steps.assign(6)
    steps = []
    for _ in range(3):
        block(4)
        steps.append(step_of(model))
    assert steps == [4, 6, 6]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_changes_from_the_step_on_that_diverges(model, bad):
    model.num_steps.assign(8)
    before = model.snapshot()
    block_of(model, x=np.full_like(X, bad))(4)
    assert model.diverged.numpy()
    for a, b in zip(model.snapshot(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_figures_of_the_last_step_by_hand(model):
    model.num_steps.assign(1)
    objective, *gradient = model.objective_and_gradient(X, Y)
    block_of(model)(4)
    flat = np.concatenate([np.ravel(g) for g in gradient])
    assert float(model.objective) == pytest.approx(float(objective), rel=1e-6)
    assert float(model.gradient_rms) == pytest.approx(np.sqrt(np.mean(flat**2)), rel=1e-6)
    assert float(model.learning_rate_used) == 0.25


def test_a_gradient_whose_squares_overflow_is_finite_all_the_same(model):
    large, infinite = tf.constant([[3e38], [1.0]]), tf.constant([[np.inf], [1.0]])
    assert model.is_finite(tf.constant(1.0), [large, large])
    assert not model.is_finite(tf.constant(1.0), [large, infinite])
    assert not model.is_finite(tf.constant(np.nan), [large, large])


def test_keras_own_optimizer_makes_the_same_updates(model):
    weights = []
    for one in (model, made(keras.optimizers.SGD(0.25))):
        one.num_steps.assign(3)
        block_of(one)(4)
        weights.append(np.concatenate([np.ravel(w) for w in one.network.get_weights()]))
    np.testing.assert_allclose(*weights, rtol=1e-6)


def test_a_snapshot_is_restored_and_one_of_another_length_refused(model):
    first = model.snapshot()
    model.num_steps.assign(4)
    block_of(model)(4)
    model.restore(first)
    for a, b in zip(model.snapshot(), first, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="zip"):
        model.restore(first[:-1])


def test_random_numbers_without_a_seed_go_on_from_a_snapshot():
    noise = keras.layers.Lambda(lambda x: x + keras.random.normal(keras.ops.shape(x)))
    model = made(SGD(0.25), noise)
    model.num_steps.assign(8)
    block, first = block_of(model), model.snapshot()
    found = []
    for _ in range(2):
        block(4)
        found.append(model.snapshot())
        model.restore(first)
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
