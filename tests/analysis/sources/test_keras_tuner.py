"""Projects that keras-tuner itself writes, of trials that train nothing."""

import json
import math

import keras_tuner
import pytest
from keras_tuner.errors import FailedTrialError
from tfoptcmp.tuners import QuasiRandomOracle

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.metrics import ACCURACY
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform
from tfoptcmp.study.schema import StudyError, planned_tuning_budget

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning",
    "ignore:All-NaN axis encountered:RuntimeWarning",
)


def of_optimizer(hp):
    """Adam or SGD, each with hyperparameters of its own."""
    optimizer = hp.Choice("optimizer", ["adam", "sgd"])
    with hp.conditional_scope("optimizer", ["adam"]):
        if optimizer == "adam":
            rate = hp.Float("adam_learning_rate", 1e-5, 1e-1, sampling="log")
            hp.Float("epsilon", 1e-10, 1.0, sampling="log")
    with hp.conditional_scope("optimizer", ["sgd"]):
        if optimizer == "sgd":
            rate = hp.Float("sgd_learning_rate", 1e-4, 1e1, sampling="log")
            hp.Float("momentum", 0.8, 0.99)
    hp.Int("batch_size", 32, 128, step=32)
    hp.Fixed("label_smoothing", 0.1)
    return rate


def accuracies(rate, *, number):
    value = 0.9 - 0.05 * abs(math.log10(rate) + 2) + 0.001 * number
    return {"val_accuracy": value, "test_accuracy": value - 0.02, "val_loss": 1 - value}


def project(directory, name, run, *, kind=keras_tuner.RandomSearch, **settings):
    """Runs a search whose trials are `run(hyperparameters, number)`; returns its trials."""

    class Tuner(kind):
        def run_trial(self, trial, *args, **kwargs):
            return run(trial.hyperparameters, len(self.oracle.trials))

    given = {"seed": 0, "max_consecutive_failed_trials": 100}
    if kind is keras_tuner.RandomSearch:
        given |= {"max_trials": 24}
    if kind is not keras_tuner.Tuner:
        given |= {"objective": keras_tuner.Objective("val_accuracy", "max"), "hypermodel": None}
    else:
        given = {"hypermodel": lambda hp: None}
    tuner = Tuner(**given | settings, directory=directory, project_name=name)
    tuner.search()
    return list(tuner.oracle.trials.values())


def ended(trials, optimizer):
    return [
        trial
        for trial in trials
        if trial.status == "COMPLETED"
        and trial.hyperparameters.values.get("optimizer", optimizer) == optimizer
    ]


def test_a_search_over_two_optimizers(tmp_path):
    def run(hp, number):
        found = accuracies(of_optimizer(hp), number=number)
        if number in (4, 9):
            raise FailedTrialError("too large")
        if number in (6, 11, 17):
            return dict.fromkeys(found, math.nan)
        return [found, {name: value + 0.01 for name, value in found.items()}]  # two executions

    trials = project(tmp_path, "digits", run)
    (comparison,) = read_comparisons(tmp_path)
    assert comparison.workload == "digits" and comparison.selected_by == "validation"
    assert comparison.metric == ACCURACY
    by_name = {one.name: one for one in comparison.contestants}
    adam, sgd = by_name["adam"], by_name["sgd"]
    assert (adam.rule, sgd.rule) == (RULES["adam"], RULES["momentum"])
    for one in (adam, sgd):
        assert one.num_feasible == len(ended(trials, one.name)) > 0
    assert adam.num_feasible + sgd.num_feasible == 19
    assert adam.num_infeasible + sgd.num_infeasible == 3  # NaN, which keras-tuner calls FAILED
    assert comparison.tuning_budget == planned_tuning_budget(comparison.num_trials)
    assert comparison.remarks[0] == "Left out: 2 failed."
    assert comparison.remarks[1] == (
        "keras-tuner project 'digits': 24 trials, objective val_accuracy, max; each trial's "
        "numbers are of its best epoch."
    )
    assert comparison.not_read == ("val_loss",)
    shared = {
        "batch_size": Choice(values=(32.0, 64.0, 96.0, 128.0)),
        "label_smoothing": Fixed(fixed=0.1),
    }
    assert adam.dimensions == {
        "alpha0": LogUniform(low=1e-5, high=1e-1),
        "epsilon": LogUniform(low=1e-10, high=1.0),
        **shared,
    }
    momentum = sgd.dimensions["one_minus_gamma"]
    assert isinstance(momentum, Uniform)
    assert (momentum.low, momentum.high) == pytest.approx((0.01, 0.2))
    rate = LogUniform(low=1e-4, high=1e1)
    assert sgd.dimensions == {"eta0": rate, "one_minus_gamma": momentum, **shared}
    best = max(ended(trials, "adam"), key=lambda trial: trial.score)
    assert adam.winner["validation_metric"] == pytest.approx(1 - best.score)
    assert adam.winner["used_learning_rate"] == best.hyperparameters.get("adam_learning_rate")
    assert adam.winner["test_metric"] == pytest.approx(1 - best.score + 0.02)
    found = {finding.title: finding.evidence for finding in audit([comparison])}
    assert found["search spaces not reported"] == "no range of beta_1, beta_2 of adam"
    assert "fewer than tens of trials" in found
    assert not {"selected on the test metric", "unequal budgets"} & set(found)


def of_rate(hp, number):
    return accuracies(hp.Float("learning_rate", 1e-4, 1.0, sampling="log"), number=number)


def test_projects_side_by_side_are_an_optimizer_each(tmp_path):
    for name, num_trials in (("adam", 3), ("rmsprop", 4)):
        project(tmp_path / "digits", name, of_rate, max_trials=num_trials)
    for given in (tmp_path / "digits", [tmp_path / "digits/adam", tmp_path / "digits/rmsprop"]):
        (comparison,) = read_comparisons(given)
        assert comparison.workload == "digits"
        counts = {one.name: one.num_feasible for one in comparison.contestants}
        assert counts == {"adam": 3, "rmsprop": 4}
        rmsprop = comparison.contestants[list(counts).index("rmsprop")]
        assert list(rmsprop.dimensions.values()) == [LogUniform(low=1e-4, high=1.0)]
    (alone,) = read_comparisons(tmp_path / "digits/adam")
    assert [one.name for one in alone.contestants] == ["adam"]


def test_one_name_with_a_range_for_each_optimizer(tmp_path):
    def run(hp, number):
        chosen = hp.Choice("opt", ["adam", "sgd"])
        for name, high in (("adam", 0.1), ("sgd", 10.0)):
            with hp.conditional_scope("opt", [name]):
                if chosen == name:
                    rate = hp.Float("lr", 1e-4, high, sampling="log")
        return accuracies(rate, number=number)

    project(tmp_path, "x", run, max_trials=8)
    (comparison,) = read_comparisons(tmp_path / "x")
    ranges = {one.name: list(one.dimensions.values()) for one in comparison.contestants}
    assert ranges == {
        "adam": [LogUniform(low=1e-4, high=0.1)],
        "sgd": [LogUniform(low=1e-4, high=10.0)],
    }


def test_brackets_are_budgets_of_their_own(tmp_path):
    """Hyperband's trials of fewer epochs are not those of the full budget."""

    def run(hp, number):
        return accuracies(of_optimizer(hp), number=number)

    brackets = {"hypermodel": of_optimizer, "max_epochs": 4, "factor": 2}
    trials = project(tmp_path, "x", run, kind=keras_tuner.Hyperband, **brackets)
    (comparison,) = read_comparisons(tmp_path / "x")
    epochs = sorted(trial.hyperparameters.get("tuner/epochs") for trial in trials)
    steps = [s for one in comparison.contestants for s in one.trials["steps"]]
    assert sorted(steps) == epochs and len(set(epochs)) > 1
    assert any("tuner/epochs" in remark for remark in comparison.remarks)
    assert not any(
        name.startswith("tuner") for one in comparison.contestants for name in one.trials
    )


def test_projects_of_our_own_oracle(tmp_path):
    """Its FAILED trials did not reach finite numbers: they are infeasible."""

    def run(hp, number):
        if number == 3:
            raise FailedTrialError("the loss is NaN")
        found = of_rate(hp, number)
        return {"val_loss": math.nan if number == 2 else found["val_loss"], "loss": 1.0}

    oracle = QuasiRandomOracle(objective="val_loss", num_feasible=5, seed=0)
    project(tmp_path, "adam", run, kind=keras_tuner.Tuner, oracle=oracle)
    (comparison,) = read_comparisons(tmp_path)
    (adam,) = comparison.contestants
    assert (adam.num_feasible, adam.num_infeasible) == (5, 2)
    assert not comparison.metric.maximize and comparison.metric.name == "loss"
    assert adam.dimensions == {"alpha0": LogUniform(low=1e-4, high=1.0)}


def test_a_search_on_the_test_set_is_found(tmp_path):
    objective = keras_tuner.Objective("test_accuracy", "max")
    project(tmp_path, "adam", of_rate, max_trials=3, objective=objective)
    (comparison,) = read_comparisons(tmp_path)
    assert comparison.selected_by == "test"
    assert "selected on the test metric" in [one.title for one in audit([comparison])]


def test_a_search_of_which_nothing_ended_says_so(tmp_path):
    def run(hp, number):
        raise FailedTrialError("no")

    project(tmp_path, "adam", run, max_trials=1)
    with pytest.raises(StudyError, match=r"adam: no trial has a result; 1 failed"):
        read_comparisons(tmp_path)


def test_a_project_of_which_nothing_ended_has_the_objective_of_its_neighbours(tmp_path):
    """It made all of them unreadable."""

    def run(hp, number):
        raise FailedTrialError("no")

    project(tmp_path, "adam", of_rate, max_trials=3)
    project(tmp_path, "sgd", run, max_trials=2)
    (comparison,) = read_comparisons(tmp_path)
    assert comparison.remarks[0] == "Left out: 1 failed."
    assert {one.name: one.num_feasible for one in comparison.contestants} == {"adam": 3}


@pytest.mark.parametrize("wrong", [{}, {"hyperparameters": {"space": [], "values": {}}}])
def test_a_damaged_trial_is_named(write, wrong):
    path = write(json.dumps(wrong), "x/trial_0/trial.json")
    with pytest.raises(StudyError, match=r"trial_0/trial.json is not a trial of keras-tuner"):
        read_comparisons(path.parents[1])
