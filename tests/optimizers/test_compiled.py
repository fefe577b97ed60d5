"""The compiled update is the plain one, up to rounding."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.optimizers import OPTIMIZERS
from tfoptcmp.optimizers.compiled import compiled_update
from tfoptcmp.schedules import LinearDecay

# Of a kernel of more entries than one thread takes, and a bias.
SHAPES = [(300, 200), (3,)]
ARGUMENTS = {
    "sgd": {},
    "momentum": {"momentum": 0.99},
    "nesterov": {"momentum": 0.99},
    "rmsprop": {"momentum": 0.9, "rho": 0.9999, "epsilon": 1e-10},
    "adam": {"beta_1": 0.999, "beta_2": 0.9999, "epsilon": 1e-8},
    "nadam": {"beta_1": 0.999, "beta_2": 0.9999, "epsilon": 1e-8},
    "rmsterov": {"momentum": 0.9, "rho": 0.9999, "epsilon": 1e-10},
}


def trained(name, compiled, **kwargs):
    """Returns weights and state after 20 updates by random gradients."""
    rng = np.random.default_rng(0)
    optimizer = OPTIMIZERS[name](LinearDecay(0.01, 20, 0.1), **ARGUMENTS[name], **kwargs)
    variables = [keras.Variable(rng.normal(size=shape), dtype="float32") for shape in SHAPES]
    optimizer.build(variables)
    update = functools.partial(optimizer.apply, trainable_variables=variables)
    if compiled:
        update = compiled_update(optimizer, variables)
    step = tf.function(lambda gradients: update(gradients), autograph=False)
    for _ in range(20):
        step([tf.constant(rng.normal(size=shape), tf.float32) for shape in SHAPES])
    assert int(optimizer.iterations.numpy()) == 20
    return [v.numpy() for v in (*variables, *optimizer.variables)]


def assert_equal_to_rounding(got, wanted):
    for a, b in zip(got, wanted, strict=True):
        # Some entries are differences of numbers as large as the largest entries.
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6 * np.abs(b).max())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equals_the_plain_update(name):
    assert_equal_to_rounding(trained(name, True), trained(name, False))


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_gives_equal_bits_again(name):
    for a, b in zip(trained(name, True), trained(name, True), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "how", [{"clipnorm": 0.5}, {"weight_decay": 0.1}, {"use_ema": True, "ema_momentum": 0.5}]
)
def test_with_what_keras_adds(how):
    assert_equal_to_rounding(trained("adam", True, **how), trained("adam", False, **how))
