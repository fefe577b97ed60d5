"""Whose parameter is whose, and what names of results mean."""

import pandas as pd
import pytest

from tfoptcmp.analysis.sources.optuna_ranges import ranges
from tfoptcmp.analysis.sources.parameters import optimizer_parameter, parameters
from tfoptcmp.analysis.sources.result_names import (
    higher_is_better,
    is_validation,
    metric_of,
    result_on_test,
)
from tfoptcmp.metrics import ACCURACY, CLASSIFICATION_ERROR, Metric
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("lr", "opt", "optimizer"), "optimizer"),
        (("opt_name", "opt_lr"), "opt_name"),
        (("model/optimizer", "algo"), "model/optimizer"),
        (("Algorithm",), "Algorithm"),
        (("lr", "options"), None),
    ],
)
def test_which_parameter_names_the_optimizer(names, found):
    assert optimizer_parameter(names) == found


def columns_of(*names, optimizers=("adam", "sgd", "sgd_momentum")):
    given = pd.DataFrame([dict.fromkeys(names, 0.5)] * len(optimizers))
    return parameters(given, pd.Series(optimizers)).columns


@pytest.mark.parametrize(
    "name", ["adam_lr", "lr_adam", "adam.lr", "lr/adam", "Adam-lr", "torch.optim.Adam_lr"]
)
def test_parameters_of_one_optimizer_are_its_own(name):
    found = columns_of(name, optimizers=("torch.optim.Adam", "sgd"))
    assert found == {"torch.optim.Adam": {name: "lr"}, "sgd": {}}


def test_longer_names_of_optimizers_count():
    found = columns_of("sgd_momentum_lr", "sgd_momentum", "sgd_lr")
    assert found == {
        "adam": {},
        "sgd": {"sgd_momentum": "momentum", "sgd_lr": "lr"},
        "sgd_momentum": {"sgd_momentum_lr": "lr"},
    }


def test_names_that_would_be_one_stay_apart():
    """The one that is only this optimizer's is its rate; a schedule's gamma is no momentum."""
    found = columns_of(
        *("lr", "adam_lr", "momentum", "gamma", "optimizer.eps", "model.eps", "crop_low", "test"),
        optimizers=("adam",),
    )
    assert found["adam"] == {
        "adam_lr": "lr",
        "lr": "lr (parameter)",
        "momentum": "momentum",
        "gamma": "gamma",
        "optimizer.eps": "eps",
        "model.eps": "model.eps",
        "crop_low": "crop_low (parameter)",
        "test": "test (parameter)",
    }


def test_what_is_no_number_is_kept_as_given():
    given = pd.DataFrame({"lr": ["1e-3", "0.1"], "nesterov": [True, False], "note": ["a", "a"]})
    found = parameters(given, pd.Series(["sgd", "sgd"]))
    assert found.table["lr"].tolist() == [0.001, 0.1]
    assert list(found.unread) == ["nesterov", "note"]
    assert found.said == ("Trials of one optimizer differ in what is no number: nesterov.",)


def of_json(kind, **attributes):
    return {"name": f"{kind}Distribution", "attributes": attributes}


@pytest.mark.parametrize(
    ("column", "distribution", "dimension"),
    [
        ("lr", of_json("Float", low=1e-4, high=1.0, log=True, step=None), "log"),
        ("lr", of_json("LogUniform", low=1e-4, high=1.0), "log"),  # before Optuna 3
        ("x", of_json("Uniform", low=0.0, high=1.0), Uniform(low=0.0, high=1.0)),
        ("x", of_json("DiscreteUniform", low=0, high=1, q=0.5), Choice(values=(0.0, 0.5, 1.0))),
        ("x", of_json("Int", low=1, high=3, step=1, log=False), Choice(values=(1.0, 2.0, 3.0))),
        ("x", of_json("Int", low=1, high=300, step=1), Uniform(low=1.0, high=300.0)),
        ("x", of_json("Int", low=1, high=8, step=1, log=True), LogUniform(low=1.0, high=8.0)),
        ("x", of_json("Float", low=2.0, high=2.0), Fixed(fixed=2.0)),
        ("x", of_json("Categorical", choices=[8, 4]), Choice(values=(8.0, 4.0))),
        ("x", of_json("Categorical", choices=[None, 0.5, "auto"]), Choice(values=(0.5,))),
        ("x", {"type": "float", "low": 0.0, "high": 1.0}, Uniform(low=0.0, high=1.0)),
    ],
)
def test_ranges_out_of_distributions(column, distribution, dimension):
    found, said = ranges([("sgd", {"p": distribution})], {"sgd": {"p": column}})
    expected = LogUniform(low=1e-4, high=1.0) if dimension == "log" else dimension
    assert found == {"sgd": {"eta0" if column == "lr" else column: expected}}
    assert not said


def test_a_momentum_is_searched_as_what_it_lacks_to_one():
    distribution = of_json("Float", low=0.5, high=0.75, log=True)
    found, _ = ranges([("sgd", {"p": distribution})], {"sgd": {"p": "momentum"}})
    assert found == {"sgd": {"one_minus_gamma": Uniform(low=0.25, high=0.5)}}


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        *(("val_accuracy", True), ("valAcc", True), ("eval/f1", True), ("val_score_loss", False)),
        *(("val_loss", False), ("dev.error", False), ("val_x", None), ("", None)),
    ],
)
def test_directions_by_name(name, higher):
    assert higher_is_better(name) is higher


def test_names_of_splits():
    likely = ("val_loss", "valid/acc", "validation", "dev_error", "eval.x", "Val Loss")
    assert all(map(is_validation, likely))
    assert not any(map(is_validation, ("value", "evaluated", "best_loss", "test_loss", "devices")))


@pytest.mark.parametrize(
    ("names", "validation", "maximize", "found"),
    [
        (("test_loss", "test_acc"), "val_acc", True, "test_acc"),
        (("test_loss", "test_acc"), "", False, "test_loss"),
        (("test_acc",), "val_loss", False, ""),  # other values are better
        (("test_a", "test_b"), "val_loss", False, ""),
        (("test",), "", None, "test"),
    ],
)
def test_the_test_metric_beside_a_validation_metric(names, validation, maximize, found):
    assert result_on_test(names, validation, maximize) == found


def test_metrics_by_name():
    def found(name, maximize, *values):
        return metric_of(name, maximize=maximize, values=[pd.Series(values, dtype=float)])

    assert found("val_acc", True, 0.2, 0.9, float("inf")) == ACCURACY
    assert found("val_acc", True, 20, 90) == Metric(name="acc", unit="", maximize=True)
    assert found("error_rate", False, 0.2) == CLASSIFICATION_ERROR
    assert found("val_error", False, 0.2) == Metric(name="error", unit="")  # may be a squared one
