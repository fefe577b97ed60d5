"""A workload of four-class blobs that trains in milliseconds, with every kind of random layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.workload import Budget, Splits, Workload

_RNG = np.random.default_rng(0)
_CENTRES = _RNG.normal(size=(4, 6))
Y = np.arange(240, dtype=np.int32) % 4
X = (_CENTRES[Y] + 0.5 * _RNG.normal(size=(240, 6))).astype(np.float32)


class Blobs:
    """Batches drawn with replacement: a pure function of (seed, step)."""

    steps_per_epoch = None

    def batches(self, *, seed, augmentation_seed, start, stop):
        def batch(step):
            rows = tf.random.stateless_uniform([16], [seed, step], 0, 120, tf.int32)
            return tf.gather(X, rows), tf.gather(Y, rows)

        return tf.data.Dataset.range(start, stop).map(batch)


@pytest.fixture(scope="session")
def budget():
    return Budget(
        scale="smoke",
        batch_size=16,
        steps=25,
        eval_every_steps=10,
        num_feasible=3,
        target=None,
        options={},
    )


@pytest.fixture(scope="session")
def splits():
    parts = {"train": slice(0, 60), "validation": slice(120, 180), "test": slice(180, 240)}
    return Splits(
        train=Blobs(),
        evaluation={
            name: [(tf.constant(X[part]), tf.constant(Y[part]))] for name, part in parts.items()
        },
        num_classes=4,
        num_examples={"train": 120, "validation": 60, "test": 60},
    )


def build(budget, splits):
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(16, activation="relu")(inputs)
    hidden = keras.layers.BatchNormalization(momentum=0.5)(hidden)
    hidden = keras.layers.Dropout(0.2)(hidden)
    return keras.Model(inputs, keras.layers.Dense(4)(hidden))


@pytest.fixture(scope="session")
def workload(budget, splits):
    return Workload(
        name="blobs",
        title="Blobs",
        metric=CLASSIFICATION_ERROR,
        budgets={"smoke": budget},
        load=lambda budget, data_dir: splits,
        build=build,
        regularisation=("l2", "label_smoothing"),
    )


@pytest.fixture(scope="session")
def adam():
    return Signature(
        name="adam",
        rule=RULES["adam"],
        space=SearchSpace(
            source="test",
            dimensions={
                "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e4),
                "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
                "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
                "epsilon": LogUniform(low=1e-10, high=1e10),
                "decay_steps_fraction": Uniform(low=0.5, high=1.0),
                "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
                "l2": Fixed(fixed=1e-3),
                "label_smoothing": Fixed(fixed=0.1),
            },
        ),
    )


@pytest.fixture(scope="session")
def make_task(budget):
    def make(signature, index=0, **values):
        point = (0.4,) * signature.space.num_dims
        values = {**signature.space.values(point), **values}
        return TrialTask(
            index=index,
            values=values,
            arguments=signature.space.derive(values, budget_steps=budget.steps),
            seeds=trial_seeds(0, index),
        )

    return make
