"""Schedules at every step, their parameters as variables, and their way through Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.optimizers import SGD, Adam, RMSProp
from tfoptcmp.schedules import (
    BiasCorrected,
    Constant,
    LinearDecay,
    RateRatio,
    Scaled,
    StepDecay,
)

# Name -> (schedule, {step: value by hand}).
VALUES = {
    "constant": (lambda: Constant(0.3), {0: 0.3, 10**6: 0.3}),
    "linear": (
        lambda: LinearDecay(0.1, decay_steps=10, decay_factor=0.2),
        {0: 0.1, 1: 0.092, 5: 0.06, 9: 0.028, 10: 0.02, 11: 0.02, 10**6: 0.02},
    ),
    "linear, last digits": (
        lambda: LinearDecay(1.0, decay_steps=50_000, decay_factor=1e-4),
        {49_999: 1e-4 + 0.9999 / 50_000, 50_000: 1e-4},
    ),
    "linear to zero": (lambda: LinearDecay(2.0, 4, 0), {0: 2.0, 3: 0.5, 4: 0.0}),
    "steps": (
        lambda: StepDecay(0.8, every_steps=25),
        {0: 0.8, 24: 0.8, 25: 0.4, 49: 0.4, 50: 0.2, 250: 0.8 / 1024},
    ),
    "steps by another factor": (lambda: StepDecay(1, 0.1, every_steps=1), {0: 1.0, 3: 1e-3}),
    "steps to zero": (lambda: StepDecay(1, 0, every_steps=2), {0: 1.0, 1: 1.0, 2: 0.0, 5: 0.0}),
    "scaled": (lambda: Scaled(LinearDecay(0.1, 10, 0.2), 1e5), {0: 1e4, 5: 6e3}),
    "bias-corrected": (  # b_1 = sqrt(1 - .75) / (1 - .5) = 1, b_2 = sqrt(1 - .75^2) / .75
        lambda: BiasCorrected(Constant(1.0), beta_1=0.5, beta_2=0.75),
        {0: 1.0, 1: 0.75 / 0.4375**0.5, 1000: 1.0},
    ),
    "rate ratio": (
        lambda: RateRatio(LinearDecay(0.1, decay_steps=10, decay_factor=0.2), 0.5),
        {0: 0.5, 1: 0.46, 10: 0.5 * 0.02 / 0.028, 11: 0.5},
    ),
    "rate ratio after zero": (lambda: RateRatio(LinearDecay(1.0, 1, 0), 0.5), {1: 0.0, 2: 0.0}),
}


@pytest.mark.parametrize(("make", "values"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_values(make, values, jit_compile):
    schedule = make()
    if jit_compile is not None:
        schedule = tf.function(schedule, jit_compile=jit_compile)
    for step, value in values.items():
        got = schedule(step if jit_compile is None else tf.constant(step, tf.int64))
        assert float(got) == pytest.approx(value, rel=1e-6), step


def test_float64_keeps_all_digits():
    keras.backend.set_floatx("float64")
    try:
        for make, values in VALUES.values():
            schedule = make()
            for step, value in values.items():
                assert float(schedule(step)) == pytest.approx(value, rel=1e-14), step
        # A schedule that returns a Python float does not pass through float32.
        assert float(Scaled(_PythonFloat(), 1.0)(0)) == 0.1
    finally:
        keras.backend.set_floatx("float32")


class _PythonFloat(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1


def test_each_update_uses_its_own_step():
    """The first update uses t = 0, before Keras counts it."""
    optimizer = SGD(LinearDecay(1.0, decay_steps=4, decay_factor=0.5))
    weight = keras.Variable(0.0)
    moves = []
    for _ in range(6):
        before = weight.numpy()
        optimizer.apply([keras.ops.convert_to_tensor(-1.0)], [weight])
        moves.append(float(weight.numpy() - before))
    assert moves == [1.0, 0.875, 0.75, 0.625, 0.5, 0.5]  # by hand


@pytest.mark.parametrize(("make", "values"), VALUES.values(), ids=VALUES)
def test_round_trip(make, values):
    schedule = make()
    config = keras.optimizers.schedules.serialize(schedule)
    restored = keras.optimizers.schedules.deserialize(config)
    assert type(restored) is type(schedule)
    assert restored.get_config() == schedule.get_config()
    for step in values:
        assert float(restored(step)) == float(schedule(step))


def test_configuration_has_the_numbers_as_given():
    schedule = BiasCorrected(LinearDecay(0.1, 1_000, 1e-3), beta_1=0.1, beta_2=0.9999)
    schedule.schedule.learning_rate = 0.7
    config = schedule.get_config()
    assert (config["beta_1"], config["beta_2"]) == (0.1, 0.9999)
    assert config["schedule"]["config"] == {
        "learning_rate": 0.7,
        "decay_steps": 1_000,
        "decay_factor": 1e-3,
    }


def test_parameters_take_effect_without_a_retrace():
    schedule = BiasCorrected(LinearDecay(0.1, 10, 0.2), beta_1=0.9, beta_2=0.999)
    num_traces = 0

    @tf.function
    def rate(step):
        nonlocal num_traces
        num_traces += 1
        return schedule(step)

    rate(tf.constant(3))
    schedule.beta_1, schedule.beta_2 = 0.5, 0.75
    schedule.schedule.learning_rate = 0.4
    schedule.schedule.decay_steps = 2
    schedule.schedule.decay_factor = 0.5
    wanted = 0.3 * 0.75 / 0.4375**0.5  # by hand, at t = 1
    assert float(rate(tf.constant(1))) == pytest.approx(wanted, rel=1e-6)
    assert num_traces == 1


def test_wraps_any_keras_schedule():
    inner = keras.optimizers.schedules.CosineDecay(0.1, 100)
    schedule = Scaled(BiasCorrected(inner, beta_1=0.9, beta_2=0.999), 10.0)
    assert float(schedule(100)) == pytest.approx(0.0, abs=1e-6)
    restored = keras.optimizers.schedules.deserialize(
        keras.optimizers.schedules.serialize(schedule)
    )
    assert float(restored(7)) == float(schedule(7))


def test_optimizer_tracks_the_variables_once():
    rate = LinearDecay(0.1, 10, 0.2)
    optimizer = RMSProp(BiasCorrected(rate, beta_1=0.9, beta_2=0.99), momentum=RateRatio(rate, 0.9))
    tracked = [id(variable) for variable in optimizer.variables]
    assert len(set(tracked)) == len(tracked)
    assert {id(variable) for variable in optimizer.momentum.variables} <= set(tracked)
    # iteration, rho, epsilon; the rate's three, two betas, gamma.
    assert len(tracked) == 9


REFUSED = [
    (Constant, {"learning_rate": -0.1}, "learning_rate must be a finite number"),
    (Constant, {"learning_rate": np.nan}, "learning_rate must be .*got nan"),
    (LinearDecay, {"learning_rate": 1, "decay_steps": 0, "decay_factor": 1}, "decay_steps must be"),
    (LinearDecay, {"learning_rate": 1, "decay_steps": 2.5, "decay_factor": 1}, "whole number"),
    (LinearDecay, {"learning_rate": 1, "decay_steps": 2, "decay_factor": 1.5}, r"\[0, 1\]"),
    (StepDecay, {"learning_rate": 1, "every_steps": -3}, "every_steps must be"),
    (StepDecay, {"learning_rate": 1, "factor": 2, "every_steps": 1}, "factor must be"),
    (Scaled, {"schedule": 0.1, "factor": 1}, "schedule must be a LearningRateSchedule; got 0.1"),
    (BiasCorrected, {"schedule": Constant(1), "beta_1": 1, "beta_2": 0.9}, "beta_1 must be"),
    (BiasCorrected, {"schedule": Constant(1), "beta_1": 0, "beta_2": -1}, "beta_2 must be"),
    (RateRatio, {"schedule": Constant(1), "factor": np.inf}, "factor must be"),
]


@pytest.mark.parametrize(("schedule", "arguments", "message"), REFUSED)
def test_refuses(schedule, arguments, message):
    with pytest.raises(ValueError, match=message):
        schedule(**arguments)


def test_a_refused_value_changes_nothing():
    schedule = LinearDecay(0.1, 10, 0.2)
    with pytest.raises(ValueError, match="learning_rate must be"):
        schedule.learning_rate = -1.0
    assert schedule.learning_rate == 0.1


def test_bias_corrected_adam_takes_plain_steps():
    """At beta_2 = 0 and a huge epsilon, Adam without its correction is a moving average of g."""
    optimizer = Adam(
        BiasCorrected(Constant(1e6), beta_1=0.5, beta_2=0.0), beta_1=0.5, beta_2=0, epsilon=1e6
    )
    weight = keras.Variable(0.0)
    for total in (0.5, 1.25, 2.125):  # by hand: m = 1/2, 3/4, 7/8
        optimizer.apply([keras.ops.convert_to_tensor(-1.0)], [weight])
        assert float(weight.numpy()) == pytest.approx(total, rel=1e-5)
