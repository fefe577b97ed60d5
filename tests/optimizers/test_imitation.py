"""Trajectories of special and general rules, on a quadratic and on a real network."""

import itertools

import keras
import numpy as np
import pytest

from tfoptcmp import inclusions
from tfoptcmp.optimizers import OPTIMIZERS, imitate
from tfoptcmp.schedules import LinearDecay, RateRatio, Scaled

NUM_STEPS = 60
INCLUSIONS = inclusions.closure()
IDS = [f"{i.special}-{i.general}" for i in INCLUSIONS]


@pytest.fixture
def float64():
    keras.backend.set_floatx("float64")
    yield
    keras.backend.set_floatx("float32")


def special_optimizer(name, learning_rate, decay_steps=50):
    schedule = LinearDecay(learning_rate, decay_steps=decay_steps, decay_factor=0.01)
    momentum = {} if name == "sgd" else {"momentum": 0.9}
    return OPTIMIZERS[name](schedule, **momentum)


def general_optimizer(inclusion, special, epsilon):
    free = {"one_minus_rho": ("rho", 0.95), "one_minus_beta2": ("beta_2", 0.999)}
    arguments = dict(free[name] for name in inclusion.unconstrained)
    if inclusion.limit:
        arguments["epsilon"] = epsilon
    return imitate(special, inclusion.general, **arguments)


def quadratic_trajectory(optimizer):
    """Weights after each step on a 7-dimensional quadratic with curvatures 0.1 to 3."""
    curvature = np.linspace(0.1, 3.0, 7)
    weights = keras.Variable(np.linspace(-1.0, 2.0, 7))
    trajectory = []
    for _ in range(NUM_STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(curvature) * weights], [weights])
        trajectory.append(keras.ops.convert_to_numpy(weights))
    return np.array(trajectory)


@pytest.mark.parametrize("inclusion", INCLUSIONS, ids=IDS)
def test_on_a_quadratic(float64, inclusion):
    wanted = quadratic_trajectory(special_optimizer(inclusion.special, 0.1))

    def error(epsilon):
        special = special_optimizer(inclusion.special, 0.1)
        return np.abs(
            quadratic_trajectory(general_optimizer(inclusion, special, epsilon)) - wanted
        ).max()

    assert np.abs(wanted).max() > 0.5  # the weights have moved along a real trajectory
    if not inclusion.limit:
        assert error(None) < 1e-13
        return
    errors = [error(epsilon) for epsilon in (1e4, 1e6, 1e8)]
    assert errors[2] < 1e-7  # theory: O(1/epsilon)
    # In RMSProp epsilon stands under the root: v + epsilon.
    for larger, smaller in itertools.pairwise(errors):
        assert larger / smaller == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("inclusion", INCLUSIONS, ids=IDS)
def test_on_a_network(inclusion):
    """Same weights after 20 steps of `fit` on digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = (digits.data / 16).astype("float32"), digits.target

    def train(optimizer):
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(32, activation="tanh"), keras.layers.Dense(10)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, jit_compile=False)
        initial = model.get_weights()
        model.fit(x, y, batch_size=64, steps_per_epoch=20, shuffle=False, verbose=0)
        return initial, model.get_weights()

    special = special_optimizer(inclusion.special, 0.05, decay_steps=15)
    initial, wanted = train(special_optimizer(inclusion.special, 0.05, decay_steps=15))
    _, got = train(general_optimizer(inclusion, special, 1e10))
    moved = max(np.abs(a - b).max() for a, b in zip(initial, wanted, strict=True))
    error = max(np.abs(a - b).max() for a, b in zip(got, wanted, strict=True))
    assert moved > 0.02
    assert error < 1e-5 * max(1.0, moved)  # float32 rounding


def test_without_bias_correction_adam_does_not_follow(float64):
    """The trap: one step off in the correction leaves an error that no epsilon removes."""
    special = special_optimizer("momentum", 0.1)
    wanted = quadratic_trajectory(special)
    adam = imitate(special_optimizer("momentum", 0.1), "adam", epsilon=1e10, beta_2=0.999)
    plain = OPTIMIZERS["adam"](adam._learning_rate.schedule, beta_1=0.9, beta_2=0.999, epsilon=1e10)
    assert np.abs(quadratic_trajectory(plain) - wanted).max() > 0.05


@pytest.mark.parametrize("follows_rate", [False, True])
def test_in_the_tables_form_rmsterov_does_not_follow_a_falling_rate(float64, follows_rate):
    """Neither with Nesterov's gamma nor with gamma eta_t / eta_{t-1}, whatever epsilon."""
    wanted = quadratic_trajectory(special_optimizer("nesterov", 0.1))
    rate = LinearDecay(0.1, decay_steps=50, decay_factor=0.01)
    polyak = OPTIMIZERS["rmsterov"](
        Scaled(rate, 1e5), momentum=RateRatio(rate, 0.9) if follows_rate else 0.9, epsilon=1e10
    )
    assert np.abs(quadratic_trajectory(polyak) - wanted).max() > 1e-3


def test_refuses_what_is_not_an_inclusion():
    with pytest.raises(ValueError, match="not comparable"):
        imitate(OPTIMIZERS["momentum"](0.1), "nadam", epsilon=1e8, beta_2=0.999)
    with pytest.raises(ValueError, match=r"takes \['beta_2', 'epsilon'\]"):
        imitate(OPTIMIZERS["momentum"](0.1), "adam", beta_2=0.999)
    with pytest.raises(ValueError, match=r"takes \[\]"):
        imitate(OPTIMIZERS["sgd"](0.1), "momentum", epsilon=1.0)
    with pytest.raises(ValueError, match=r"class of tfoptcmp\.optimizers"):
        imitate(keras.optimizers.SGD(0.1, momentum=0.9), "momentum")
    with pytest.raises(ValueError, match=r"defaults of \['clipnorm'\]"):
        imitate(OPTIMIZERS["sgd"](0.1, clipnorm=1.0), "momentum")
    with pytest.raises(ValueError, match="epsilon must be"):
        imitate(OPTIMIZERS["momentum"](0.1), "adam", epsilon=0.0, beta_2=0.999)
    for momentum in (1.0, 1.2):
        with pytest.raises(ValueError, match=f"momentum must be < 1.*got {momentum}"):
            special = OPTIMIZERS["momentum"](0.1, momentum=momentum)
            imitate(special, "adam", epsilon=1e8, beta_2=0.999)
    with pytest.raises(ValueError, match="accumulator"):
        special = OPTIMIZERS["momentum"](0.1, formulation="polyak")
        imitate(special, "adam", epsilon=1e8, beta_2=0.999)


def test_a_schedule_without_configuration_is_imitated():
    class Mine(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.01 / keras.ops.cast(step + 1, "float32")

    special = OPTIMIZERS["momentum"](Mine(), momentum=0.9)
    general = imitate(special, "adam", epsilon=1e8, beta_2=0.999)
    found = [quadratic_trajectory(optimizer) for optimizer in (special, general)]
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)
