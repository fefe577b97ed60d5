"""Run under each backend of Keras by test_backends.py: rules, schedules, files, fit and oracle."""

import sys
import tempfile
from pathlib import Path

import keras
import keras_tuner
import numpy as np
from tfoptcmp.tuners import QuasiRandomOracle

from tests import reference
from tfoptcmp.optimizers import OPTIMIZERS
from tfoptcmp.schedules import LinearDecay

ARGUMENTS = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9},
    "rmsprop": {"momentum": 0.8, "rho": 0.95, "epsilon": 1e-3},
    "adam": {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-3},
    "nadam": {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-3},
}
CURVATURE = np.linspace(0.1, 3.0, 7)
START = np.linspace(-1.0, 2.0, 7)


def gradient(theta):
    return CURVATURE * theta + 0.3 * np.sin(3 * theta)


def falling(t):
    return 0.1 * (1 + (0.01 - 1) * min(t, 200) / 200)


def schedule():
    return LinearDecay(0.1, decay_steps=200, decay_factor=0.01)


def check_trajectories():
    keras.config.set_floatx("float64")
    for name, arguments in ARGUMENTS.items():
        optimizer = OPTIMIZERS[name](learning_rate=schedule(), **arguments)
        weights = keras.Variable(START, dtype="float64")
        given = {key: lambda t, value=value: value for key, value in arguments.items()}
        for key in ("rho", "epsilon", "beta_1", "beta_2"):
            if key in arguments:
                given[key] = arguments[key]
        expected = getattr(reference, name)(START, gradient, learning_rate=falling, **given)
        for _, theta in zip(range(300), expected, strict=False):
            found = keras.ops.convert_to_numpy(weights.value)
            optimizer.apply([keras.ops.convert_to_tensor(gradient(found))], [weights])
            found = keras.ops.convert_to_numpy(weights.value)
            np.testing.assert_allclose(found, theta, rtol=1e-9, atol=1e-12, err_msg=name)
    keras.config.set_floatx("float32")


X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def model(optimizer):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile(optimizer, "mse")
    return network


def check_fit_and_files():
    for name, arguments in ARGUMENTS.items():
        network = model(OPTIMIZERS[name](learning_rate=schedule(), **arguments))
        network.fit(X, Y, verbose=0, epochs=4)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "model.keras"
            network.save(path)
            again = keras.saving.load_model(path)
        assert type(again.optimizer) is OPTIMIZERS[name]
        for one in (network, again):
            one.fit(X, Y, verbose=0, epochs=2, shuffle=False)
        for one, other in zip(network.weights, again.weights, strict=True):
            np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))


def check_oracle():
    def build(hp):
        return model(OPTIMIZERS["sgd"](hp.Float("rate", 1e-4, 1e-1, sampling="log")))

    with tempfile.TemporaryDirectory() as directory:
        oracle = QuasiRandomOracle(objective="val_loss", num_feasible=3, seed=0)
        tuner = keras_tuner.Tuner(oracle=oracle, hypermodel=build, directory=directory)
        tuner.search(X, Y, validation_data=(X, Y), epochs=1, verbose=0)
        rates = [oracle.trials[key].hyperparameters.values["rate"] for key in sorted(oracle.trials)]
    assert len(set(rates)) == 3, rates
    print(rates)


assert keras.backend.backend() == sys.argv[1]
check_trajectories()
check_fit_and_files()
check_oracle()
