"""Every update rule on every workload, five steps at the middle of its initial space.

Small batches of small data, but the workload's own network. All 54 pairs take minutes:

    python -m pytest -m "slow or not slow" tests/workloads/test_every_rule.py

Without -m, each of the networks that are quick to trace gets one rule, and each rule a network.
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import workloads
from tests.workloads.prepared import write_data_set
from tfoptcmp.rules import RULES
from tfoptcmp.study.schema import Status
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.training.engine import Trainer
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.spaces import signature

STEPS = 5

# Batch size, and what differs from the options of the scale `smoke`.
SIZES = {
    "fashion_mnist_simple_cnn": (4, {}),
    "cifar10_resnet32": (4, {}),
    "cifar100_all_cnn_c": (4, {}),
    "cifar10_vgg16": (4, {}),
    "imagenet_resnet50": (4, {"image_size": 32}),
    "war_and_peace_lstm": (4, {"sequence_length": 5}),
    "lm1b_transformer": (4, {"vocabulary_size": 60}),
    "digits_simple_cnn": (4, {}),
    "pydocs_lstm": (50, {}),
}
QUICK = {
    "fashion_mnist_simple_cnn": "sgd",
    "cifar100_all_cnn_c": "nesterov",
    "war_and_peace_lstm": "rmsprop",
    "lm1b_transformer": "adam",
    "digits_simple_cnn": "momentum",
    "pydocs_lstm": "nadam",
}

PAIRS = [
    pytest.param(name, rule, marks=() if QUICK.get(name) == rule else pytest.mark.slow)
    for name in workloads.names()
    for rule in RULES
]


def test_no_workload_and_no_rule_is_left_out():
    assert set(SIZES) == set(workloads.names())
    assert set(QUICK.values()) == set(RULES)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """The data sets that are read file by file; the others are TFDS's mock data."""
    directory = tmp_path_factory.mktemp("tfds")
    sentences = [{"text": f"the {a} sat on the {b} .".encode()} for a in "abcde" for b in "vwxyz"]
    write_data_set(directory, "lm1b", "1.1.0", {"train": [sentences], "test": [sentences[:4]]})
    text = "War and Peace. " * 40
    parts = {split: [[{"text": text.encode()}]] for split in ("train", "validation", "test")}
    write_data_set(directory, "war_and_peace", "1.0.0", parts)
    jpeg = tf.io.encode_jpeg(np.full((40, 48, 3), 99, np.uint8)).numpy()
    images = [{"image": jpeg, "label": i, "file_name": b"x"} for i in range(8)]
    write_data_set(
        directory, "imagenet2012", "5.1.0", {"train": [images], "validation": [images[:4]]}
    )
    return str(directory)


@functools.cache
def prepared(name: str, data_dir: str) -> tuple[Workload, Budget, Splits]:
    """A workload at a small size, whose network is built once for all rules."""
    workload = workloads.get(name)
    batch_size, options = SIZES[name]
    smoke = workload.budget("smoke", batch_size=batch_size, steps=STEPS, eval_every_steps=STEPS)
    budget = dataclasses.replace(smoke, options={**smoke.options, **options})
    if name in ("imagenet_resnet50", "war_and_peace_lstm", "lm1b_transformer"):
        splits = workload.load(budget, data_dir)
    else:
        with tfds.testing.mock_data(num_examples=20):
            splits = workload.load(budget, data_dir)
    some = next(iter(splits.evaluation["train"]))
    splits = dataclasses.replace(splits, evaluation={"train": [some], "validation": [some]})
    workload = dataclasses.replace(workload, build=built_once(workload.build))
    return workload, budget, splits


def built_once(build: Callable[[Budget, Splits], keras.Model]):
    """Gives the same network at each call, with the weights that it had when it was built."""

    kept: list[tuple[keras.Model, list[np.ndarray]]] = []

    def again(budget: Budget, splits: Splits) -> keras.Model:
        if not kept:
            network = build(budget, splits)
            kept.append((network, [variable.numpy() for variable in network.variables]))
        [(network, weights)] = kept
        for variable, value in zip(network.variables, weights, strict=True):
            variable.assign(value)
        return network

    return again


@pytest.mark.parametrize(("name", "rule"), PAIRS)
def test_five_steps_end_feasible_or_infeasible(name, rule, data_dir):
    workload, budget, splits = prepared(name, data_dir)
    of_rule = signature(name, rule)
    values = of_rule.space.values([0.5] * of_rule.space.num_dims)
    task = TrialTask(
        index=0,
        values=values,
        arguments=of_rule.space.derive(values, budget_steps=STEPS),
        seeds=trial_seeds(0, 0),
    )
    rows = []
    trainer = Trainer(workload=workload, budget=budget, splits=splits, signature=of_rule)
    outcome = trainer.run(task, rows.append)
    if outcome.status is Status.COMPLETE:
        assert outcome.steps == STEPS
        [row] = rows
        assert np.isfinite([row["train_loss"], row["validation_metric"]]).all()
    else:
        assert outcome.status is Status.INFEASIBLE
        assert outcome.message
