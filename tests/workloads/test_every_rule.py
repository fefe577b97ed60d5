"""Every update rule on every workload, five steps at the middle of its initial space.

Small batches of small data, but the workload's own network. All pairs take minutes:

    python -m pytest -m "slow or not slow" tests/workloads/test_every_rule.py

Without -m, each of the networks that are quick to trace gets one rule, and each rule a network.
"""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest
from tfoptcmp.workloads.data.mock import load_mock

from tfoptcmp import workloads
from tfoptcmp.rules import DEFAULT_RULES, RULES
from tfoptcmp.study.schema import Status
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.training.engine import Trainer
from tfoptcmp.workload import Budget, Splits, Workload

STEPS = 5

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


def test_no_rule_is_left_out():
    assert set(QUICK) <= set(workloads.names())
    assert set(QUICK.values()) == set(DEFAULT_RULES)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Of mock data, which workloads that read the same share."""
    return tmp_path_factory.mktemp("mock")


@functools.cache
def prepared(name: str, data_dir: Path) -> tuple[Workload, Budget, Splits]:
    """A workload at its size for tests."""
    workload = workloads.get(name)
    small = workload.small
    smoke = workload.budget(
        "smoke", batch_size=small.batch_size, steps=STEPS, eval_every_steps=STEPS
    )
    budget = dataclasses.replace(smoke, options={**smoke.options, **small.options})
    if workload.data_sets:
        splits = load_mock(workload, budget, data_dir)
    else:
        splits = workload.load(budget, None)
    some = next(iter(splits.evaluation["train"]))
    splits = dataclasses.replace(splits, evaluation={"train": [some], "validation": [some]})
    return workload, budget, splits


@pytest.mark.parametrize(("name", "rule"), PAIRS)
def test_five_steps_end_feasible_or_infeasible(name, rule, data_dir):
    workload, budget, splits = prepared(name, data_dir)
    of_rule = workload.signature(rule)
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
