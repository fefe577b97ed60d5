"""What a user writes to compare their own optimizer on their own workload; the README's recipe."""

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.data.in_memory import splits_of_arrays
from tfoptcmp.workloads.spaces.ranges import DECAY, initial_signatures

from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES, Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import LogUniform, SearchSpace
from tfoptcmp.workload import Budget, Workload

ADAMW = Signature(
    name="my_adamw",
    rule=Rule(
        name="my_adamw",
        title="My AdamW",
        optimizer="keras.optimizers:AdamW",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay"),
        contains=("adam",),  # at weight_decay = 0
    ),
    space=SearchSpace(
        source="mine",
        dimensions={
            **RULES["adam"].initial_ranges,
            "decoupled_decay": LogUniform(low=1e-6, high=1e-1),
            **DECAY,
        },
        own={"decoupled_decay": Hyperparameter(argument="weight_decay", meaning="AdamW's decay")},
    ),
)


def _load(budget, data_dir):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int32)
    parts = {"train": slice(0, 200), "validation": slice(200, 250), "test": slice(250, 300)}
    return splits_of_arrays(
        {name: (x[part], y[part]) for name, part in parts.items()},
        num_classes=2,
        batch_size=budget.batch_size,
        prepare=tf.identity,
    )


def _build(budget, splits):
    return keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(splits.num_classes),
        ]
    )


WORKLOADS = {
    "quadrants": Workload(
        name="quadrants",
        title="Quadrants of the plane",
        metric=CLASSIFICATION_ERROR,
        budgets={
            "smoke": Budget(
                scale="smoke",
                batch_size=20,
                steps=20,
                eval_every_steps=10,
                num_feasible=3,
                target=0.2,
                options={},
            )
        },
        load=_load,
        build=_build,
        spaces={"initial": {**initial_signatures("mine"), "my_adamw": ADAMW}},
    )
}

SIGNATURES = {"digits_simple_cnn": {"initial": {"my_adamw": ADAMW}}}
