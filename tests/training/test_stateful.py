"""Trials of a model that carries its state from batch to batch, and what each seed decides."""

from dataclasses import replace

import numpy as np
import pytest
from tfoptcmp.workloads.data.text import splits_of_text
from tfoptcmp.workloads.models.lstm import lstm

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Fixed, SearchSpace
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.training.engine import Trainer
from tfoptcmp.workload import Budget, Workload

NUM_CLASSES = 7
STEPS_PER_EPOCH = 9  # by hand: 199 targets in windows of 4 x 5
SIGNATURE = Signature(
    name="sgd",
    rule=RULES["sgd"],
    schedule="constant",
    space=SearchSpace(source="test", dimensions={"eta0": Fixed(fixed=1.0)}),
)


def trainer(*, eval_every_steps, change=lambda splits: splits):
    budget = Budget(
        scale="smoke",
        batch_size=4,
        steps=12,
        eval_every_steps=eval_every_steps,
        num_feasible=1,
        target=None,
        options={},
    )
    codes = np.random.default_rng(0).integers(0, NUM_CLASSES, 300).astype(np.int32)
    splits = splits_of_text(
        {"train": codes[:200], "validation": codes[200:250], "test": codes[250:]},
        vocabulary_size=NUM_CLASSES,
        batch_size=4,
        sequence_length=5,
    )
    workload = Workload(
        name="text",
        title="Text",
        metric=CLASSIFICATION_ERROR,
        budgets={"smoke": budget},
        load=lambda budget, data_dir: splits,
        build=lambda budget, splits: lstm(vocabulary_size=NUM_CLASSES, batch_size=4, units=6),
    )
    return Trainer(workload=workload, budget=budget, splits=change(splits), signature=SIGNATURE)


def rows(trained, **seeds):
    found = []
    task = TrialTask(
        index=0,
        values={"eta0": 1.0},
        arguments={"learning_rate": 1.0},
        seeds={**trial_seeds(0, 0), **seeds},
    )
    trained.run(task, found.append)
    return found


@pytest.fixture(scope="module")
def plain():
    return trainer(eval_every_steps=3)


@pytest.fixture(scope="module")
def plain_rows(plain):
    return rows(plain)


def test_evaluation_has_a_state_of_its_own(plain_rows):
    [last] = rows(trainer(eval_every_steps=12))
    assert last == plain_rows[-1]


def test_a_trial_leaves_no_state_to_the_next(plain, plain_rows):
    assert rows(plain) == plain_rows


def test_state_is_zeroed_at_each_epoch(plain_rows):
    class Endless:
        steps_per_epoch = None

        def __init__(self, source):
            self.batches = source.batches

    never = trainer(
        eval_every_steps=3, change=lambda splits: replace(splits, train=Endless(splits.train))
    )
    carried_on = rows(never)
    assert [row["step"] for row in carried_on] == [3, 6, STEPS_PER_EPOCH, 12]
    assert carried_on[:3] == plain_rows[:3]
    assert carried_on[3] != plain_rows[3]


@pytest.mark.parametrize("purpose", ["weights", "dropout"])
def test_each_seed_decides(plain, plain_rows, purpose):
    assert rows(plain, **{purpose: 5}) != plain_rows


def test_source_gets_the_seeds_of_data_and_augmentation():
    asked = []

    class Spy:
        steps_per_epoch = STEPS_PER_EPOCH

        def __init__(self, source):
            self._source = source

        def batches(self, **arguments):
            asked.append(arguments)
            return self._source.batches(**arguments)

    spied = trainer(
        eval_every_steps=12, change=lambda splits: replace(splits, train=Spy(splits.train))
    )
    rows(spied, data=3, augmentation=4)
    assert asked == [{"seed": 3, "augmentation_seed": 4, "start": 0, "stop": 12}]
