import json
import math

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.rules import RULES
from tfoptcmp.study.schema import StudyError


def _deepobs_run(optimizer, learning_rate, seed, accuracy, **changes):
    return {
        "train_losses": [4.9, 2.0],
        "test_losses": [4.9, 2.1],
        "minibatch_train_losses": [4.9, 3.0, 2.5],
        "train_accuracies": [0.01, 0.5],
        "test_accuracies": [0.01, accuracy],
        "optimizer": optimizer,
        "testproblem": "cifar100_allcnnc",
        "weight_decay": None,
        "batch_size": 256,
        "num_epochs": 350,
        "learning_rate": learning_rate,
        "lr_sched_epochs": None,
        "lr_sched_factors": None,
        "random_seed": seed,
        "train_log_interval": 2,
        "hyperparams": {"momentum": 0.99, "use_nesterov": False},
        **changes,
    }


def test_runs_of_deepobs(write):
    """As version 1.1 writes them, whose test set also selects."""
    runs = [
        _deepobs_run("MomentumOptimizer", 0.1, 42, 0.5),
        _deepobs_run("MomentumOptimizer", 0.01, 42, 0.6),
        _deepobs_run("MomentumOptimizer", 0.01, 43, 0.55),
        _deepobs_run("MomentumOptimizer", 10.0, 42, 0.01, test_losses=[4.9, math.nan]),
        _deepobs_run("AdamOptimizer", 0.01, 42, 0.4, hyperparams={"beta1": 0.9, "epsilon": 1e-8}),
        _deepobs_run("AdamOptimizer", 0.1, 42, 0.3, hyperparams={"beta1": 0.9, "epsilon": 1e-8}),
    ]
    for i, run in enumerate(runs):
        folder = f"baselines/cifar100_allcnnc/{run['optimizer']}/lr__{run['learning_rate']}"
        path = write(json.dumps(run), f"{folder}/random_seed__{run['random_seed']}__{i}.json")
    (comparison,) = read_comparisons(path.parents[3])
    assert comparison.workload == "cifar100_allcnnc, batch size 256"
    assert comparison.selected_by == "test"
    momentum, adam = comparison.contestants
    assert (momentum.rule, adam.rule) == (RULES["momentum"], RULES["adam"])
    assert momentum.num_feasible == 2 and len(momentum.trials) == 3  # one diverged, one seed more
    assert momentum.winner["test_metric"] == pytest.approx(0.4)
    assert momentum.winner["validation_metric"] == momentum.winner["test_metric"]
    assert momentum.reruns["test_metric"].tolist() == pytest.approx([0.45])
    assert momentum.winner["steps"] == 6  # 3 values, one every 2 steps
    assert adam.fixed == pytest.approx({"one_minus_beta1": 0.1, "epsilon": 1e-8})
    titles = [finding.title for finding in audit([comparison])]
    assert "selected on the test metric" in titles
    assert "beta_1 and epsilon not tuned" in titles


def test_runs_of_deepobs_1_2_have_a_validation_set(write):
    run = _deepobs_run("SGD", None, 42, 0.6, valid_losses=[4.0, 2.0], valid_accuracies=[0.1, 0.7])
    del run["optimizer"], run["hyperparams"], run["learning_rate"]
    run |= {
        "optimizer_name": "SGD",
        "optimizer_hyperparams": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    }
    path = write(json.dumps(run), "results/random_seed__42__x.json")
    ((nesterov,),) = [comparison.contestants for comparison in read_comparisons(path.parent)]
    assert (nesterov.rule, nesterov.name) == (RULES["nesterov"], "SGD (Nesterov)")
    assert nesterov.trials["validation_metric"].tolist() == pytest.approx([0.3])
    winning = nesterov.values_of(nesterov.winner)
    assert winning == pytest.approx({"eta0": 0.1, "one_minus_gamma": 0.1})


def test_a_damaged_run_of_deepobs_is_named(write):
    path = write("{}", "random_seed__42__x.json")
    with pytest.raises(StudyError, match=r"random_seed__42__x.json is not a run of DeepOBS"):
        read_comparisons(path.parent)


def _deepobs_1_2_run(learning_rate, seed, accuracy, training, **changes):
    """As version 1.2 writes them: the schedule is one of the training's parameters."""
    run = _deepobs_run("SGD", None, seed, accuracy, **changes)
    for name in ("optimizer", "hyperparams", "learning_rate", "lr_sched_epochs"):
        del run[name]
    return run | {
        "valid_losses": [4.0, 2.0],
        "valid_accuracies": [0.1, accuracy],
        "optimizer_name": "SGD",
        "optimizer_hyperparams": {"lr": learning_rate, "momentum": 0.9, "nesterov": False},
        "training_params": training,
    }


def _read(write, runs):
    for i, run in enumerate(runs):
        write(json.dumps(run), f"runs/{i}/random_seed__{run['random_seed']}__{i}.json")
    (comparison,) = read_comparisons(write("", "runs/readme.txt").parent)
    return comparison


def test_runs_of_other_schedules_and_lengths_are_other_optimizers(write):
    """Version 1.1: they were merged into one optimizer, whose runs differed only in the seed."""
    step = {"lr_sched_epochs": [50, 80], "lr_sched_factors": [0.1, 0.01]}
    adam = {"hyperparams": {"beta1": 0.9}}
    comparison = _read(
        write,
        [
            _deepobs_run("AdamOptimizer", 0.1, 42, 0.5, num_epochs=100, **adam),
            _deepobs_run("AdamOptimizer", 0.1, 43, 0.52, num_epochs=100, **adam),
            _deepobs_run("AdamOptimizer", 0.1, 44, 0.6, num_epochs=100, **adam, **step),
            _deepobs_run("AdamOptimizer", 0.1, 45, 0.7, num_epochs=350, **adam, **step),
            _deepobs_run("MomentumOptimizer", 0.1, 42, 0.5, num_epochs=100, **step),
        ],
    )
    assert {one.name: (one.schedule, len(one.trials)) for one in comparison.contestants} == {
        "AdamOptimizer, 100 epochs, constant schedule": ("constant", 1),
        "AdamOptimizer, 100 epochs, step at epochs 50, 80 by 0.1, 0.01": (
            "step at epochs 50, 80 by 0.1, 0.01",
            1,
        ),
        "AdamOptimizer, 350 epochs, step at epochs 50, 80 by 0.1, 0.01": (
            "step at epochs 50, 80 by 0.1, 0.01",
            1,
        ),
        "MomentumOptimizer": ("step at epochs 50, 80 by 0.1, 0.01", 1),
    }
    assert [one.rule.name for one in comparison.contestants] == ["momentum", *3 * ["adam"]]
    assert len(comparison.contestants[1].reruns) == 1  # seed 43
    assert "different learning-rate schedules" in [f.title for f in audit([comparison])]


def test_schedules_of_1_2_are_in_the_parameters_of_training(write):
    step = {"lr_sched_epochs": [50], "lr_sched_factors": [0.1]}
    comparison = _read(
        write,
        [
            _deepobs_1_2_run(0.1, 42, 0.5, {}),
            _deepobs_1_2_run(0.1, 43, 0.52, {"lr_sched_epochs": None, "lr_sched_factors": None}),
            _deepobs_1_2_run(0.1, 44, 0.6, step),
        ],
    )
    assert {one.name: one.schedule for one in comparison.contestants} == {
        "SGD, constant schedule": "constant",
        "SGD, step at epochs 50 by 0.1": "step at epochs 50 by 0.1",
    }
    assert [len(one.reruns) for one in comparison.contestants] == [1, 0]


def test_settings_that_are_no_numbers_keep_runs_apart(write):
    def run(seed, **hyperparams):
        return _deepobs_run("Mine", 0.1, seed, 0.5, hyperparams=hyperparams)

    comparison = _read(
        write,
        [
            run(42, betas=[0.9, 0.99], amsgrad=True, mode="a"),
            run(43, betas=[0.9, 0.99], amsgrad=True, mode="a"),
            run(44, betas=[0.9, 0.999], amsgrad=True, mode="a"),
            run(45, betas=[0.9, 0.999], amsgrad=False, mode="a"),
        ],
    )
    assert {one.name: 1 + len(one.reruns) for one in comparison.contestants} == {
        "Mine, betas [0.9, 0.99], amsgrad true": 2,
        "Mine, betas [0.9, 0.999], amsgrad true": 1,
        "Mine, betas [0.9, 0.999], amsgrad false": 1,
    }


def test_weight_decay_is_a_setting(write):
    decays = (None, 1e-3, 1e-3, 1e-2)
    runs = [
        _deepobs_run("AdamOptimizer", 0.1, 42 + i, 0.5, weight_decay=decay)
        for i, decay in enumerate(decays)
    ]
    (adam,) = _read(write, runs).contestants
    assert (len(adam.trials), len(adam.reruns)) == (3, 1)
