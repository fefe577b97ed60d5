"""What a setting is, whatever tool wrote it, and what names of results mean."""

import math

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.sources.optuna_ranges import ranges
from tfoptcmp.analysis.sources.result_names import (
    higher_is_better,
    is_validation,
    metric_of,
    result_on_test,
)
from tfoptcmp.analysis.sources.setting_names import short, whose
from tfoptcmp.analysis.sources.settings import (
    number,
    optimizer_settings,
    settings_of,
    spelled,
)
from tfoptcmp.metrics import ACCURACY, CLASSIFICATION_ERROR, Metric
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"lr": 0.1, "opt": "sgd", "optimizer": "adam"}, "optimizer"),
        ({"opt_name": "adam", "opt_lr": 0.1}, "opt_name"),
        ({"model/optimizer": "adam", "algo": "adam"}, "model/optimizer"),
        ({"model.optimizer": "sgd", "config.optimizer.name": "adam", "opt": "sgd"}, "opt"),
        ({"optimizer/_target_": "torch.optim.Adam"}, "optimizer/_target_"),
        ({"Algorithm": "adam"}, "Algorithm"),
        ({"algorithm": "PPO"}, None),  # of all runs, and no rule
        ({"optimizer": 3, "opt": "0.5"}, None),  # numbers
        ({"reset_optimizer": True, "use_8bit_optimizer": "false"}, None),  # switches
        ({"base_optimizer": "sgd", "optimizer": "adam"}, "optimizer"),
        ({"lr": 0.1, "options": "adam"}, None),
    ],
)
def test_which_setting_names_the_optimizer(settings, found):
    assert next(iter(optimizer_settings([settings] * 2)), None) == found


def test_what_differs_names_the_optimizer_rather_than_what_does_not():
    runs = [{"optimizer": "x", "inner/opt": name, "method": name} for name in ("a", "b")]
    assert optimizer_settings(runs) == ["inner/opt", "optimizer"]
    assert optimizer_settings([{"method": "a"}, {"method": "b"}]) == ["method"]
    runs = [{"optimizer": "adam", "reset_optimizer": name} for name in ("first", "last")]
    assert optimizer_settings(runs) == ["optimizer"]


def test_spellings_of_optimizers():
    """A decimal point is no module: "sgd 0.9" was called "9"."""
    assert spelled(["torch.optim.Adam", "adam", None, "SGD"]) == ["Adam", "Adam", "", "SGD"]
    assert short("sgd 0.9") == "sgd 0.9"
    texts = ("<class 'torch.optim.adam.Adam'>", "Adam (\nParameter Group 0\n    lr: 0.1\n)")
    assert [short(one) for one in (*texts, "Adam (lr=0.1)")] == ["Adam"] * 3
    assert short("SGD (Nesterov)") == "SGD (Nesterov)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((1, 1.0), ("1e-3", 0.001), (np.int64(2), 2.0), (np.float32(0.5), 0.5), ("inf", math.inf)),
        *((value, None) for value in (True, np.bool_(0), "true", "", None, [1], "2024_05_01")),
    ],
)
def test_a_switch_is_no_number(value, expected):
    assert number(value) == expected


def made_of(*names, optimizers=("adam", "sgd", "sgd_momentum")):
    runs = [dict.fromkeys(names, 0.5 + i) for i in range(2 * len(optimizers))]
    return settings_of(runs, [name for name in optimizers for _ in range(2)])


@pytest.mark.parametrize(
    "name",
    [
        *("adam_lr", "lr_adam", "adam.lr", "lr/adam", "Adam-lr", "torch.optim.Adam_lr"),
        *("config.adam_lr", "optimizer/adam/lr", "adam/optimizer/lr"),
    ],
)
def test_settings_of_one_optimizer_are_its_own(name):
    found = made_of(name, optimizers=("torch.optim.Adam", "sgd"))
    assert found.columns == {"torch.optim.Adam": {name: "lr"}, "sgd": {}}
    assert list(found.unread) == []


def test_longer_names_of_optimizers_count():
    assert made_of("sgd_momentum_lr", "sgd_momentum", "sgd_lr").columns == {
        "adam": {},
        "sgd": {"sgd_momentum": "momentum", "sgd_lr": "lr"},
        "sgd_momentum": {"sgd_momentum_lr": "lr"},
    }


def test_an_argument_of_the_name_of_an_optimizer():
    """In the folder `optimizer` it was taken for a setting of Momentum's, named `optimizer`."""
    optimizers = ("sgd", "momentum")
    for name in ("optimizer/momentum", "opt_momentum", "momentum"):
        assert whose(name, optimizers) == ((), "momentum")
    assert whose("sgd_momentum", optimizers) == (("sgd",), "momentum")
    assert whose("lr/momentum", optimizers) == (("momentum",), "lr")


def test_ends_of_names_are_an_optimizers_only_beside_an_argument():
    """`ema_momentum` was Momentum's `ema`, and no setting of all others."""
    optimizers = ("sgd", "momentum")
    for name in ("ema_momentum", "momentum_decay", "momentum/start", "sgd_layers"):
        assert whose(name, optimizers) == ((), name)
    assert whose("lr_momentum", optimizers) == whose("momentum_lr", optimizers)
    assert whose("sgd_weight_decay", optimizers) == (("sgd",), "weight_decay")
    assert whose("sgd/layers", optimizers) == (("sgd",), "layers")
    assert made_of("lr", "ema_momentum", optimizers=optimizers).columns == {
        name: {"lr": "lr", "ema_momentum": "ema_momentum"} for name in optimizers
    }


def test_hugging_faces_arguments_of_adam():
    optimizers = ("adamw_torch", "paged_adamw_8bit", "adafactor")
    assert whose("adam_epsilon", optimizers) == (optimizers[:2], "epsilon")
    assert whose("adam_lr", ("adam", "adamw")) == (("adam",), "lr")
    run = {"learning_rate": 0.1, "adam_epsilon": 1e-8}
    found = settings_of([run] * 2, ["adamw_torch", "adafactor"])
    assert found.columns["adamw_torch"]["adam_epsilon"] == "epsilon"
    assert found.columns["adafactor"] == {"learning_rate": "learning_rate"}


@pytest.mark.parametrize("names", [("alpha", "lr"), ("lr", "alpha")])
def test_alpha_beside_a_learning_rate(names):
    """It was the rate if it came first, and the rate was `lr_setting`."""
    found = made_of(*names, optimizers=("RMSprop", "adam"))
    assert found.columns == {
        "RMSprop": {"lr": "lr", "alpha": "rho"},
        "adam": {"lr": "lr", "alpha": "alpha_setting"},
    }
    assert made_of("adam_lr", "eta", optimizers=("adam", "sgd")).columns == {
        "adam": {"adam_lr": "lr", "eta": "eta_setting"},
        "sgd": {"eta": "eta"},
    }
    constant = settings_of([{"lr": 0.1, "alpha": 0.2}] * 2, ["sgd", "sgd"])
    assert constant.columns == {"sgd": {"lr": "lr"}}


def test_a_rate_of_something_else_comes_last():
    runs = [{"optimizer.lr": 0.1 + i, "adam_lr": 0.1} for i in range(2)]
    assert settings_of(runs, ["adam"] * 2).columns["adam"]["optimizer.lr"] == "lr"
    found = made_of("a_probe.lr", "config.lr", optimizers=("adam",))
    assert found.columns["adam"] == {"config.lr": "lr", "a_probe.lr": "a_probe.lr_setting"}


@pytest.mark.parametrize(
    ("budgets", "steps"),
    [
        ({"max_steps": (-1, -1), "num_train_epochs": (3, 30)}, "num_train_epochs"),
        ({"trainer/max_steps": (-1, -1), "trainer/max_epochs": (9, 9)}, "trainer/max_epochs"),
        ({"steps": (5, 5), "max_steps": (100, 100)}, "max_steps"),
        ({"epochs": (10, 100), "max_epochs": (100, 100)}, "epochs"),
        ({"steps": (0, 10)}, None),
    ],
)
def test_budgets(budgets, steps):
    runs = [{name: given[i] for name, given in budgets.items()} for i in range(2)]
    assert settings_of(runs, ["sgd", "adam"]).roles.get("steps") == steps


def test_what_tells_runs_of_a_trial_apart_is_no_setting():
    """Each was a hyperparameter, and no run was one with another seed."""
    runs = [
        {"lr": 0.1, "seed": 0, "data_seed": i, "run_id": i, "exp_name": f"a{i}", "port": 80 + i}
        for i in range(3)
    ]
    found = settings_of(runs, ["sgd"] * 3)
    assert found.table.columns.tolist() == ["optimizer", "lr", "seed"]
    assert found.table["seed"].tolist() == [0, 1, 2]
    assert list(found.unread) == ["seed"]
    assert "exp_name" in found.said[0]
    for name in ("seed_everything", "random_state", "random_seed"):
        assert settings_of([{name: 1}, {name: 2}], ["sgd"] * 2).roles == {"seed": name}


def test_a_name_of_a_part_is_a_setting():
    for setting in ("loss/name", "act_name", "model_name_or_path"):
        found = settings_of([{setting: name} for name in ("a", "b")], ["sgd"] * 2)
        assert found.unread[setting].tolist() == ["a", "b"]


def test_settings_that_are_kept_as_a_value():
    assert optimizer_settings([{"config.optimizer.value": "adam"}]) == ["config.optimizer.value"]
    found = made_of("lr.value", "seed.value", optimizers=("adam",))
    assert found.columns == {"adam": {"lr.value": "lr"}}
    assert found.roles == {"seed": "seed.value"}


def test_names_that_would_be_one_stay_apart():
    """The one that is only this optimizer's is its rate; a schedule's gamma is no momentum."""
    found = made_of(
        *("lr", "adam_lr", "momentum", "gamma", "optimizer.eps", "model.eps", "crop_low", "test"),
        optimizers=("adam",),
    )
    assert found.columns["adam"] == {
        "adam_lr": "lr",
        "optimizer.eps": "eps",
        "lr": "lr_setting",
        "momentum": "momentum",
        "gamma": "gamma",
        "model.eps": "model.eps",
        "crop_low": "crop_low_setting",
        "test": "test_setting",
    }
    assert made_of("model.lr", "loss.alpha", "optimizer.decay").columns["adam"] == {
        "model.lr": "lr",
        "loss.alpha": "loss.alpha",
        "optimizer.decay": "decay",
    }


def test_of_two_that_would_be_one_that_which_varies_counts():
    runs = [{"config.lr": 1.0, "lr": rate} for rate in (0.1, 0.2)]
    found = settings_of(runs, ["adam", "adam"])
    assert found.columns == {"adam": {"lr": "lr", "config.lr": "config.lr_setting"}}


def test_numbers_that_are_the_same_everywhere_are_no_hyperparameters():
    """A batch size that differs between optimizers is one, and is said."""
    runs = [{"lr": 0.1, "width": 64, "batch": 32 * (1 + i), "epochs": 5} for i in (0, 0, 1)]
    found = settings_of(runs, ["sgd", "sgd", "adam"])
    assert found.columns["sgd"] == {"lr": "lr", "batch": "batch"}
    assert found.roles == {"steps": "epochs"} and found.table["steps"].tolist() == [5.0] * 3
    assert list(found.unread) == ["width"]
    assert found.said == (
        "'epochs' is what a trial spent, and shown as its steps.",
        "batch differs between optimizers: sgd 32, adam 64.",
    )


def test_what_is_no_number_is_kept_as_given():
    runs = [
        {"lr": "1e-3", "nesterov": True, "note": "a", "rng_seed": "1", "sgd/mode": "x"},
        {"lr": "0.1", "nesterov": False, "note": "a", "rng_seed": "2", "sgd/mode": None},
        {"lr": "0.1", "nesterov": False, "note": "a", "rng_seed": "2", "sgd/mode": "y"},
    ]
    found = settings_of(runs, ["sgd", "sgd", "adam"])
    assert found.table["lr"].tolist() == [0.001, 0.1, 0.1]
    assert found.table["seed"].tolist() == [1, 2, 2]
    assert list(found.unread) == ["nesterov", "note", "sgd/mode"]
    assert found.unread["sgd/mode"].tolist()[2:] != ["y"]  # of SGD, not of Adam
    assert found.said == (
        "Trials of one optimizer differ in what is no number: nesterov, sgd/mode.",
    )


def test_only_sgd_has_a_switch_of_nesterov():
    """A switch in the configuration of all made Adam a Nesterov."""
    found = settings_of([{"nesterov": "True", "lr": 0.1}] * 2, ["SGD", "adam"])
    assert found.table["rule"].fillna("").tolist() == ["nesterov", ""]


def test_the_schedule_of_each_optimizer():
    runs = [{"lr": 0.1, "lr_scheduler": name} for name in ("step", "cosine")]
    assert settings_of(runs, ["sgd", "adam"]).schedules == {"sgd": "step", "adam": "cosine"}


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
        ("x", of_json("Categorical", choices=[None, 0.5, "auto"]), Fixed(fixed=0.5)),
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
    likely = (
        "val_loss",
        "valid/acc",
        "validation",
        "dev_error",
        "eval.x",
        "Val Loss",
        "heldout_f1",
    )
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
        (("test_auroc",), "val_auc", True, "test_auroc"),
        (("test_acc",), "val_top1", True, "test_acc"),
        (("test_ppl",), "val_perplexity", False, "test_ppl"),
        (("test_f1",), "val_f1_score", True, "test_f1"),
    ],
)
def test_the_test_metric_beside_a_validation_metric(names, validation, maximize, found):
    assert result_on_test(names, validation, maximize) == found


@pytest.mark.parametrize(
    ("name", "validation", "maximize"),
    [
        *(("test_seconds", "val_accuracy", True), ("test_batch_size", "val_accuracy", True)),
        *(("test_time", "val_loss", False), ("test_time", "", None), ("test_size", "", False)),
        *(("test_error", "val_loss", False), ("test_top_k", "val_accuracy", True)),
        ("test_top5_acc", "val_acc", True),
    ],
)
def test_what_else_is_called_test_is_no_test_metric(name, validation, maximize):
    """Seconds and batch sizes were."""
    assert result_on_test([name], validation, maximize) == ""


@pytest.mark.parametrize(
    ("name", "maximize"),
    [
        *(("valid_top_p", None), ("eval_top_k", None), ("top", None), ("val_top_5", True)),
        *(("top1", True), ("top-5 acc", True), ("test_top5_error", False), ("laptop_loss", False)),
    ],
)
def test_top_has_a_number(name, maximize):
    assert higher_is_better(name) is maximize


def test_metrics_by_name():
    def found(name, maximize, *values):
        return metric_of(name, maximize=maximize, values=[pd.Series(values, dtype=float)])

    assert found("val_acc", True, 0.2, 0.9, float("inf")) == ACCURACY
    assert found("top1", True, 0.2) == ACCURACY
    assert found("val_acc", True, 20, 90) == Metric(name="acc", unit="%", maximize=True)
    assert found("val_acc", True, 20, 900) == Metric(name="acc", unit="", maximize=True)
    assert found("error_rate", False, 0.2) == CLASSIFICATION_ERROR
    assert found("val_error", False, 0.2) == Metric(name="error", unit="")  # may be a squared one
    assert found("mean_squared_error", False, 0.1).unit == ""
