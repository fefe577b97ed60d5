"""Runs trials in a separate process: python trial_process.py '{"threads": 1, "trials": [...]}'.

Prints one line of JSON per trial: its measurements, and a digest of all its variables at the end. A
trial is a dictionary of "workload" (a name below) and, for checkpoints, "directory"; it is stopped
at the first opportunity with "stop", and the process dies within its checkpoint number "kill_in".
"""

import functools
import hashlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from pydoc_data.topics import topics

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.data.in_memory import splits_of_arrays
from tfoptcmp.workloads.data.text import encode, splits_of_text
from tfoptcmp.workloads.layers.batch_norm import BatchNormalization
from tfoptcmp.workloads.layers.ghost_batch_norm import GhostBatchNormalization
from tfoptcmp.workloads.models.lstm import lstm

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Fixed, SearchSpace
from tfoptcmp.study.trial import Interrupted, TrialTask, trial_seeds
from tfoptcmp.training import runtime
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, Workload


def signature(rule, **values):
    space = {"decay_steps_fraction": 1.0, "decay_factor": 0.1, **values}
    dimensions = {name: Fixed(fixed=value) for name, value in space.items()}
    return Signature(
        name=rule, rule=RULES[rule], space=SearchSpace(source="test", dimensions=dimensions)
    )


def images(budget, data_dir):
    """Four classes of noisy 6x6 images, flipped at random."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 4
    x = rng.normal(size=(4, 6, 6, 1))[y] + 0.5 * rng.normal(size=(120, 6, 6, 1))
    return splits_of_arrays(
        {
            "train": (x[:80].astype("f4"), y[:80]),
            "validation": (x[80:].astype("f4"), y[80:]),
        },
        num_classes=4,
        batch_size=budget.batch_size,
        prepare=lambda images: images,
        augment=lambda images, seed: tf.image.stateless_random_flip_left_right(images, seed),
    )


def cnn(budget, splits):
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            BatchNormalization(momentum=0.9),
            keras.layers.Conv2D(8, 3, activation="relu"),
            GhostBatchNormalization(ghost_batch_size=8, momentum=0.9),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(4),
        ]
    )


def text(budget, data_dir):
    characters = topics["assert"][:500]
    vocabulary = "".join(sorted(set(characters)))
    codes = encode(characters, vocabulary)
    return splits_of_text(
        {"train": codes[:300], "validation": codes[300:]},  # an epoch is 9 steps
        vocabulary_size=len(vocabulary),
        batch_size=budget.batch_size,
        sequence_length=8,
    )


def characters(budget, splits):
    return lstm(vocabulary_size=splits.num_classes, batch_size=budget.batch_size, units=8)


def embedding(budget, splits):
    """Sums of embeddings: rows of the gradient are scattered with duplicate indices."""
    codes = keras.Input((8,), dtype="int32")
    x = keras.layers.Embedding(splits.num_classes, 64)(codes)
    x = keras.layers.Dense(64, activation="relu")(x + keras.ops.sum(x, axis=1, keepdims=True))
    return keras.Model(codes, keras.layers.Dense(splits.num_classes)(x))


def workload(name, budget, load, build, regularisation=()):
    return Workload(
        name=name,
        title=name,
        metric=CLASSIFICATION_ERROR,
        budgets={"smoke": budget},
        load=load,
        build=build,
        regularisation=regularisation,
    )


BUDGET = Budget(
    scale="smoke",
    batch_size=16,
    steps=15,
    eval_every_steps=5,
    num_feasible=1,
    target=None,
    options={},
)
STREAMS = replace(BUDGET, batch_size=4)
TRIALS = {
    "cnn": (
        workload("cnn", BUDGET, images, cnn, ("l2", "label_smoothing")),
        signature(
            "adam",
            alpha0_over_epsilon=1.0,
            epsilon=1e-2,
            one_minus_beta1=0.1,
            one_minus_beta2=0.01,
            l2=1e-3,
            label_smoothing=0.1,
        ),
    ),
    "lstm": (
        workload("lstm", STREAMS, text, characters),
        signature(
            "rmsprop",
            eta0_over_sqrt_epsilon=1.0,
            epsilon=1e-4,
            one_minus_gamma=0.1,
            one_minus_rho=0.1,
        ),
    ),
    "embedding": (
        workload("embedding", STREAMS, text, embedding),
        signature("momentum", eta0=0.05, one_minus_gamma=0.1),
    ),
}


STOP = []  # not empty: trials are to stop


@functools.cache
def trainer(name):
    workload, signature = TRIALS[name]
    [budget] = workload.budgets.values()
    return Trainer(
        workload=workload,
        budget=budget,
        splits=workload.load(budget, None),
        signature=signature,
        options=Options(checkpoint_every_steps=5),
        should_stop=lambda: bool(STOP),
    )


def run(workload, directory=None, stop=False, kill_in=None):
    space = TRIALS[workload][1].space
    values = space.values(())
    task = TrialTask(
        index=3,
        values=values,
        arguments=space.derive(values, budget_steps=BUDGET.steps),
        seeds=trial_seeds(0, 3),
        directory=directory and Path(directory),
    )
    STOP[:] = [True] if stop else []
    if kill_in:
        die_in_replace(kill_in)
    rows = []
    try:
        trainer(workload).run(task, rows.append)
    except Interrupted:
        assert stop
    arrays = trainer(workload)._model.snapshot()
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    return {"rows": rows, "digest": digest}


def die_in_replace(number):
    """The process dies, as by the kernel's hand, before the file gets its name."""
    replace, calls = os.replace, []

    def dying(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*arguments)

    os.replace = dying


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    runtime.configure(asked["threads"])
    for trial in asked["trials"]:
        print(json.dumps(run(**trial)), flush=True)
