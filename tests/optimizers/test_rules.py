"""The rules against NumPy float64, TensorFlow's raw training ops, and stock Keras."""

import itertools
from decimal import Decimal, getcontext

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference
from tfoptcmp.optimizers import OPTIMIZERS, SGD, Adam, Momentum, NAdam, Nesterov, RMSProp
from tfoptcmp.schedules import LinearDecay, RateRatio, bias_correction

NUM_STEPS = 100
CURVATURE = np.linspace(0.1, 3.0, 7)
START = np.linspace(-1.0, 2.0, 7)


def gradient(theta):
    """Of a bowl with ripples."""
    return CURVATURE * theta + 0.3 * np.sin(3 * theta)


def falling(t):
    """The rate of LinearDecay(0.1, 80, 0.01)."""
    return 0.1 * (1 + (0.01 - 1) * min(t, 80) / 80)


def rising(t):
    """A momentum that varies in its own way."""
    return 0.9 - 0.5 / (t + 1)


class Rising(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.9 - 0.5 / keras.ops.cast(step + 1, keras.backend.floatx())


@pytest.fixture
def float64():
    keras.backend.set_floatx("float64")
    yield
    keras.backend.set_floatx("float32")


def trajectory(optimizer, gradient=gradient, num_steps=NUM_STEPS):
    """Weights after each step; shape (num_steps, 7)."""
    weights = keras.Variable(START, dtype=keras.backend.floatx())
    history = []
    for _ in range(num_steps):
        optimizer.apply([keras.ops.convert_to_tensor(gradient(weights.numpy()))], [weights])
        history.append(weights.numpy())
    return np.array(history)


MOMENTUM = {"varying": (Rising, rising), "constant": (lambda: 0.9, lambda t: 0.9)}
CASES = [
    ("sgd", {}),
    ("rmsprop", {"rho": 0.95, "epsilon": 1e-3}),
    ("adam", {"beta_1": 0.85, "beta_2": 0.99, "epsilon": 1e-3}),
    ("nadam", {"beta_1": 0.85, "beta_2": 0.99, "epsilon": 1e-3}),
    ("adam", {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.1}),
    ("nadam", {"beta_1": 0.0, "beta_2": 0.9999, "epsilon": 1e-8}),
    ("momentum", {"formulation": "accumulator"}),
    ("momentum", {"formulation": "polyak"}),
    ("nesterov", {}),
    ("rmsterov", {"rho": 0.95, "epsilon": 1e-3}),
    ("rmsterov", {"rho": 0.95, "epsilon": 1e-3, "formulation": "accumulator"}),
]
CASES = [
    (name, arguments, momentum)
    for name, arguments in CASES
    for momentum in (MOMENTUM if hasattr(OPTIMIZERS[name], "momentum") else [None])
]


@pytest.mark.parametrize(("name", "arguments", "momentum"), CASES)
def test_equals_the_table_in_float64(float64, name, arguments, momentum):
    ours, theirs = dict(arguments), dict(arguments)
    if momentum is not None:
        make, theirs["momentum"] = MOMENTUM[momentum]
        ours["momentum"] = make()
    wanted = reference.RULES[name](START, gradient, learning_rate=falling, **theirs)
    wanted = np.array(list(itertools.islice(wanted, NUM_STEPS)))
    got = trajectory(OPTIMIZERS[name](LinearDecay(0.1, 80, 0.01), **ours))
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
    assert np.abs(wanted[-1] - START).max() > 0.5  # it went somewhere


def test_polyak_with_momentum_that_follows_the_rate_is_the_accumulator_form(float64):
    rate = LinearDecay(0.1, 80, 0.01)
    accumulator = trajectory(Momentum(rate, momentum=0.9))
    polyak = trajectory(Momentum(rate, momentum=RateRatio(rate, 0.9), formulation="polyak"))
    np.testing.assert_allclose(polyak, accumulator, rtol=1e-12)
    assert not np.allclose(
        trajectory(Momentum(rate, momentum=0.9, formulation="polyak")), accumulator, rtol=1e-2
    )


def test_rmsterovs_forms_are_one_rule_at_a_constant_rate_only(float64):
    def difference(rate):
        forms = ("polyak", "accumulator")
        polyak, accumulator = (
            trajectory(OPTIMIZERS["rmsterov"](rate, momentum=0.9, formulation=form))
            for form in forms
        )
        return np.abs(polyak - accumulator).max()

    assert difference(0.01) < 1e-13
    assert difference(LinearDecay(0.01, 80, 0.01)) > 1e-2


def raw_trajectory(apply):
    """Weights after each `apply(t, variable, gradient)` of a raw TensorFlow op."""
    variable = tf.Variable(START, dtype=tf.float32)
    history = []
    for t in range(NUM_STEPS):
        apply(t, variable.handle, gradient(variable.numpy()).astype(np.float32))
        history.append(variable.numpy())
    return np.array(history)


def slot(value):
    return tf.Variable(tf.fill([7], value))


def raw_sgd():
    return lambda t, var, g: tf.raw_ops.ResourceApplyGradientDescent(
        var=var, alpha=falling(t), delta=g
    )


def raw_momentum(use_nesterov):
    accum = slot(0.0)
    return lambda t, var, g: tf.raw_ops.ResourceApplyMomentum(
        var=var,
        accum=accum.handle,
        lr=falling(t),
        grad=g,
        momentum=0.9,
        use_nesterov=use_nesterov,
    )


def raw_rmsprop():
    ms, mom = slot(1.0), slot(0.0)
    return lambda t, var, g: tf.raw_ops.ResourceApplyRMSProp(
        var=var,
        ms=ms.handle,
        mom=mom.handle,
        lr=falling(t),
        rho=0.95,
        momentum=0.9,
        epsilon=1e-3,
        grad=g,
    )


def raw_adam(use_nesterov):
    m, v = slot(0.0), slot(0.0)
    return lambda t, var, g: tf.raw_ops.ResourceApplyAdam(
        var=var,
        m=m.handle,
        v=v.handle,
        beta1_power=0.9 ** (t + 1),  # the op divides by 1 - beta1_power
        beta2_power=0.99 ** (t + 1),
        lr=falling(t),
        beta1=0.9,
        beta2=0.99,
        epsilon=1e-3,
        grad=g,
        use_nesterov=use_nesterov,
    )


RAW_OPS = [
    (raw_sgd(), SGD, {}),
    (raw_momentum(False), Momentum, {"momentum": 0.9}),
    (raw_momentum(True), Nesterov, {"momentum": 0.9}),
    (raw_rmsprop(), RMSProp, {"momentum": 0.9, "rho": 0.95, "epsilon": 1e-3}),
    (raw_adam(False), Adam, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-3}),
    (raw_adam(True), NAdam, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-3}),
]


@pytest.mark.parametrize(
    ("raw", "rule", "arguments"), RAW_OPS, ids=[rule.__name__ for _, rule, _ in RAW_OPS]
)
def test_equals_tensorflows_raw_op_in_float32(raw, rule, arguments):
    ours = trajectory(rule(LinearDecay(0.1, 80, 0.01), **arguments))
    # float32 rounds each step to 6e-8; 100 steps of a contracting map keep it near that.
    np.testing.assert_allclose(ours, raw_trajectory(raw), rtol=2e-5, atol=2e-6)


K = keras.optimizers
SCHEDULE = LinearDecay(0.1, 80, 0.01)
STOCK = {
    "SGD": (K.SGD(0.1), SGD(0.1), True),
    "SGD(momentum)": (K.SGD(0.1, momentum=0.9), Momentum(0.1, momentum=0.9), True),
    "SGD(momentum), schedule": (
        K.SGD(SCHEDULE, momentum=0.9),
        Momentum(SCHEDULE, momentum=0.9),
        False,
    ),
    "SGD(momentum), schedule, polyak": (
        K.SGD(SCHEDULE, momentum=0.9),
        Momentum(SCHEDULE, momentum=0.9, formulation="polyak"),
        True,
    ),
    "SGD(nesterov), schedule": (
        K.SGD(SCHEDULE, momentum=0.9, nesterov=True),
        Nesterov(SCHEDULE, momentum=0.9),
        False,
    ),
    "RMSprop": (K.RMSprop(0.01, epsilon=1e-10), RMSProp(0.01), False),
    "Adam": (K.Adam(0.01, epsilon=1e-8), Adam(0.01), True),
    "Nadam": (K.Nadam(0.01, epsilon=1e-8), NAdam(0.01), False),
}


@pytest.mark.parametrize(("stock", "ours", "same"), STOCK.values(), ids=STOCK)
def test_against_stock_keras(stock, ours, same):
    stock, ours = trajectory(stock), trajectory(ours)
    if same:
        np.testing.assert_allclose(ours, stock, rtol=1e-4, atol=1e-5)
    else:
        assert np.abs(ours - stock).max() > 0.01


def test_default_epsilon_is_not_keras():
    """On gradients of the size of epsilon the defaults 1e-8 and 1e-7 differ."""
    assert (Adam().epsilon, NAdam().epsilon, RMSProp().epsilon) == (1e-8, 1e-8, 1e-10)
    small = lambda theta: 1e-7 * gradient(theta).astype(np.float32)  # noqa: E731
    ours = trajectory(Adam(0.01), small)
    assert np.abs(ours - trajectory(K.Adam(0.01), small)).max() > 0.01


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(("one_minus_beta_1", "one_minus_beta_2"), [(0.1, 1e-4), (1e-3, 1e-3)])
def test_bias_correction_keeps_its_digits_in_float32(
    one_minus_beta_1, one_minus_beta_2, jit_compile
):
    getcontext().prec = 50
    first = keras.Variable(one_minus_beta_1)
    second = keras.Variable(one_minus_beta_2)
    compiled = tf.function(lambda t: bias_correction(t, first, second), jit_compile=jit_compile)
    for t in (0, 1, 2, 5, 10, 99, 1_000, 9_999, 100_000, 1_000_000):
        powers = [
            1 - (1 - Decimal(str(one_minus))) ** (t + 1)
            for one_minus in (one_minus_beta_1, one_minus_beta_2)
        ]
        wanted = float(powers[1].sqrt() / powers[0])
        got = float(compiled(tf.constant(t, tf.int64)))
        assert got == pytest.approx(wanted, rel=5e-7), t  # theory: a few float32 roundings of 6e-8


@pytest.mark.parametrize("jit_compile", [False, True])
def test_bias_correction_of_beta_zero(jit_compile):
    correction = tf.function(bias_correction, jit_compile=jit_compile)
    small, one = tf.constant(0.001), tf.constant(1.0)
    assert float(correction(tf.constant(0), one, one)) == 1.0  # by hand
    assert float(correction(tf.constant(7), one, one)) == 1.0  # by hand
    got = float(correction(tf.constant(0), small, one))
    assert got == pytest.approx(1000.0, rel=1e-6)  # by hand


def test_adam_keeps_its_digits_in_float32(float64):
    """With 1 - beta_2 = 1e-4 the weights stay within float32's rounding of the float64 ones."""
    arguments = {"beta_1": 0.9, "beta_2": 0.9999, "epsilon": 1e-8}
    wanted = trajectory(Adam(0.01, **arguments), num_steps=10)
    keras.backend.set_floatx("float32")
    got = trajectory(Adam(0.01, **arguments), num_steps=10)
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("adam", {"beta_1": 0.0, "beta_2": 0.0}),
        ("nadam", {"beta_1": 0.0, "beta_2": 0.0}),
        ("rmsprop", {"rho": 0.0}),
        ("rmsterov", {"rho": 0.0}),
    ],
)
def test_without_memory_a_small_gradient_after_a_large_one_keeps_its_digits(name, arguments):
    """In float32: mean + (g - mean) would round the small gradient by that of the large one."""
    optimizer = OPTIMIZERS[name](1.0, epsilon=0.0, **arguments)
    weight = keras.Variable(0.0, dtype="float32")
    optimizer.apply([keras.ops.convert_to_tensor(1.0)], [weight])
    before = float(weight.numpy())
    optimizer.apply([keras.ops.convert_to_tensor(1e-4)], [weight])
    # theory: g / sqrt(g^2) = 1
    assert float(weight.numpy()) - before == pytest.approx(-1.0, rel=1e-5)
