"""Pasted code makes the updates of the trial that it comes from."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
from tfoptcmp.workloads.spaces.ranges import initial_signatures

from tfoptcmp.keras_code import keras_code
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Fixed, LogUniform, SearchSpace
from tfoptcmp.training.optimizer import build_optimizer

STEPS = 60
SIGNATURES = initial_signatures("test")
HERE = [
    name
    for name, one in SIGNATURES.items()
    if hasattr(keras.optimizers, one.rule.optimizer.partition(":")[2])
    or one.rule.optimizer.startswith("tfoptcmp")
]


def pasted(code, model=None):
    names = {"model": model}
    exec(compile(code, "pasted", "exec"), names)
    return names["optimizer"]


def trained(make_optimizer):
    """A small model's weights after a training with `fit`, as in a user's script."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(7, "tanh"), keras.layers.Dense(1)]
    )
    model.compile(make_optimizer(model), "mse")
    x = np.random.default_rng(0).normal(size=(16 * STEPS, 5)).astype(np.float32)
    model.fit(x, np.sin(x.sum(axis=1)), batch_size=16, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == STEPS
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def check(signature, point):
    space = signature.space
    arguments = space.derive(space.values([point] * space.num_dims), budget_steps=STEPS)

    def measured(model):
        optimizer = build_optimizer(signature, arguments)
        optimizer.build(model.trainable_variables)  # as the engine does, outside the trace
        return optimizer

    wanted = trained(measured)
    found = trained(partial(pasted, keras_code(signature, arguments, "trial 3")))
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)
    return wanted


@pytest.mark.parametrize("name", HERE)
def test_it_trains_as_the_trial_did(name):
    weights = check(SIGNATURES[name], 0.3)
    assert np.isfinite(weights).all()
    assert np.ptp(weights) > 0


def with_schedule(schedule, dimensions, bias_corrected=False):
    """Adam with another schedule."""
    adam = SIGNATURES["adam"]
    own = {n: d for n, d in adam.space.dimensions.items() if not n.startswith("decay")}
    space = SearchSpace(source="test", dimensions={**own, **dimensions})
    return replace(adam, schedule=schedule, space=space, bias_corrected=bias_corrected)


@pytest.mark.parametrize("bias_corrected", [False, True])
@pytest.mark.parametrize("schedule", ["constant", "linear_decay", "step_decay"])
def test_every_schedule(schedule, bias_corrected):
    decay = {"decay_steps_fraction": Fixed(fixed=0.3), "decay_factor": Fixed(fixed=0.5)}
    dimensions = {} if schedule == "constant" else decay
    check(with_schedule(schedule, dimensions, bias_corrected), 0.4)


def test_what_it_prints():
    """By hand; Keras's own class where it makes the same updates."""
    space = SearchSpace(
        source="test",
        dimensions={
            "eta0": LogUniform(low=0.01, high=1.0),
            "decay_steps_fraction": Fixed(fixed=0.5),
            "decay_factor": Fixed(fixed=0.25),
            "l2": Fixed(fixed=0.001),
        },
    )
    sgd = Signature(name="sgd", rule=SIGNATURES["sgd"].rule, space=space)
    arguments = {"learning_rate": 0.5, "decay_steps": 30, "decay_factor": 0.25, "l2": 0.001}
    assert keras_code(sgd, arguments, "trial 3 of runs/mine/sgd") == (
        "# trial 3 of runs/mine/sgd\n"
        "import keras\n"
        "\n"
        "learning_rate = keras.optimizers.schedules.PolynomialDecay(\n"
        "    0.5,\n"
        "    decay_steps=30,\n"
        "    end_learning_rate=0.125,\n"
        ")\n"
        "optimizer = keras.optimizers.SGD(learning_rate)\n"
        "# The loss had l2 / 2 times the sum of squares of the kernels added: l2 = 0.001.\n"
    )


@pytest.mark.parametrize("schedule", ["constant", "linear_decay", "step_decay"])
def test_a_rate_that_is_a_whole_number_is_a_float(schedule):
    """Keras's schedules took its type, so that rates below 1 were 0."""
    decay = {"decay_steps_fraction": Fixed(fixed=0.3), "decay_factor": Fixed(fixed=0.5)}
    space = SearchSpace(
        source="test",
        dimensions={"eta0": Fixed(fixed=1), **({} if schedule == "constant" else decay)},
    )
    sgd = Signature(name="sgd", rule=SIGNATURES["sgd"].rule, space=space, schedule=schedule)
    arguments = space.derive(space.values(()), budget_steps=STEPS)
    rate = pasted(keras_code(sgd, arguments, "trial 3"))._learning_rate
    at_the_end = float(rate(STEPS) if callable(rate) else rate)
    # By hand: the linear one ends at half of it; steps of 18 halve it three times in 60.
    assert at_the_end == {"constant": 1.0, "linear_decay": 0.5, "step_decay": 0.125}[schedule]
