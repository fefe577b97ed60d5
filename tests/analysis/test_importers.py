"""Results of other tools, in small files written by their documented form."""

import json
import math

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_csv, read_evidence
from tfoptcmp.analysis.sources.names import rule_named, searched_name, searched_range
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform
from tfoptcmp.study.schema import StudyError


@pytest.fixture
def write(tmp_path):
    def write(text, name="results.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("label", "rule"),
    [
        ("SGD", "sgd"),
        ("GradientDescentOptimizer", "sgd"),
        ("SGD-momentum", "momentum"),
        ("MomentumOptimizer", "momentum"),
        ("nesterov_momentum", "nesterov"),
        ("RMSProp", "rmsprop"),
        ("AdamOptimizer", "adam"),
        ("NAdam", "nadam"),
        ("AdamW", None),
        ("adam_tuned", None),
    ],
)
def test_labels_of_update_rules(label, rule):
    assert rule_named(label) == rule


def test_names_and_ranges_become_those_of_our_spaces():
    assert searched_name("lr", "adam") == "alpha0"
    assert searched_name("learning_rate", "momentum") == "eta0"
    assert searched_name("beta2", "adam") == "one_minus_beta2"
    assert searched_name("alpha0_over_epsilon", "adam") == "alpha0_over_epsilon"
    assert searched_name("warmup", "adam") == "warmup"
    # by hand: 1 - 0.99 and 1 - 0.9, a factor of 10 apart.
    dimension = searched_range("momentum", 0.9, 0.99)
    assert isinstance(dimension, LogUniform)
    assert (dimension.low, dimension.high) == pytest.approx((0.01, 0.1))
    assert searched_range("eps", 1e-8, 1e-8) == Fixed(fixed=1e-8)
    assert searched_range("decay_steps_fraction", 0.5, 1.0) == Uniform(low=0.5, high=1.0)


def test_three_columns_are_enough(write):
    path = write("optimizer,validation,test\nadam,0.2,0.21\nsgd,0.1,0.11\nadam,nan,\n")
    (evidence,) = read_csv(path)
    assert [entry.rule for entry in evidence.entries] == ["sgd", "adam"]
    assert [entry.num_feasible for entry in evidence.entries] == [1, 1]
    assert evidence.entries[1].trials["diverged"].tolist() == [False, True]
    assert evidence.workload == "results"
    titles = [finding.title for finding in audit([evidence])]
    assert "search spaces not reported" in titles
    assert "fewer than tens of trials" in titles


def test_hyperparameters_ranges_and_repeated_seeds(write):
    path = write(
        "optimizer,rule,validation,test,seed,learning_rate,learning_rate_low,learning_rate_high,"
        "momentum,note\n"
        "heavy ball,momentum,0.2,0.3,1,0.1,1e-4,1,0.9,a\n"
        "heavy ball,momentum,0.1,0.2,1,0.2,1e-4,1,0.9,b\n"
        "heavy ball,momentum,0.12,0.22,2,0.2,1e-4,1,0.9,c\n"
    )
    ((entry,),) = [evidence.entries for evidence in read_csv(path)]
    assert entry.rule == "momentum"
    assert entry.num_feasible == 2
    assert entry.winning_values == pytest.approx({"eta0": 0.2, "one_minus_gamma": 0.1})
    assert entry.dimensions["eta0"] == LogUniform(low=1e-4, high=1.0)
    assert entry.fixed == pytest.approx({"one_minus_gamma": 0.1})
    assert entry.reruns[["trial", "validation", "test"]].values.tolist() == [[1, 0.12, 0.22]]


def test_workloads_are_apart_and_targets_may_be_missed(write):
    path = write(
        "workload,optimizer,test,validation,steps_to_target,num_test,num_validation\n"
        "digits,sgd,0.1,0.1,300,1000,500\ndigits,sgd,0.2,0.2,,1000,500\nmnist,sgd,3,3,,,\n"
    )
    path.write_text(path.read_text() + ",sgd ,0.1,0.1,,,\n")
    digits, mnist, unnamed = read_csv(path)
    assert (unnamed.workload, unnamed.entries[0].name) == ("results", "sgd")
    assert (digits.workload, mnist.workload) == ("digits", "mnist")
    assert digits.entries[0].trials["steps_to_target"].tolist() == [300, math.inf]
    assert digits.num_examples == {"validation": 500, "test": 1000}
    assert digits.metric_unit == "share"
    assert mnist.metric_unit == ""


def test_a_wide_table_has_empty_fields(write):
    """What an optimizer does not have is empty in its rows, the ends of ranges too."""
    path = write(
        "optimizer,validation,learning_rate,momentum,momentum_low,momentum_high,epsilon\n"
        "sgd,0.1,0.1,,,,\nsgd,0.2,0.2,,,,\nmomentum,0.1,0.1,0.9,0,0.99,\n"
        "momentum,0.1,0.2,0.5,0,0.99,\nadam,0.1,0.1,,,,1e-8\nadam,0.1,0.2,,,,1e-8\n"
    )
    ((sgd, momentum, adam),) = [evidence.entries for evidence in read_csv(path)]
    assert list(sgd.values) == ["eta0"] and sgd.dimensions == {}
    assert list(momentum.dimensions) == ["one_minus_gamma"]
    assert adam.fixed == {"epsilon": 1e-8}


def test_columns_that_are_no_hyperparameters_are_not_read(write):
    path = write(
        ",Optimizer,validation,lr,seconds,train_accuracy,warmup,warmup_low,warmup_high,commit\n"
        "0,sgd,0.1,0.1,12,0.9,5,0,9,abc\n1,sgd,0.2,0.2,13,0.8,6,0,9,abd\n"
    )
    (evidence,) = read_csv(path)
    assert evidence.not_read == ("Unnamed: 0", "seconds", "train_accuracy", "commit")
    assert list(evidence.entries[0].values) == ["eta0", "warmup"]


def test_sgd_of_other_tools_may_have_momentum(write):
    path = write("optimizer,test,momentum\nSGD,0.1,0.9\nSGD,0.2,0.5\nplain,0.1,0\n")
    sgd, _ = read_csv(path)[0].entries
    assert (sgd.name, sgd.title, sgd.rule) == ("SGD", "SGD with momentum", "momentum")
    path = write("optimizer,test,momentum\nSGD,0.1,0\nSGD,0.2,0\n")
    assert read_csv(path)[0].entries[0].rule == "sgd"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("opt,val_error,lr\na,1,1\n", "rename 'opt' to 'optimizer'; rename 'val_error' to"),
        ("optimizer,valid_acc\na,1\n", "for 'valid_acc' give 1 - accuracy"),
        ("optimizer;test\na;1\n", "must be separated by commas"),
        ("optimizer,test,num_test\na,8.1,100\n", r"in \[0, 1\]; got 8.1 \(divide percent by 100"),
        ("optimizer,test,lr,lr_low,lr_high\na,1,3,1,2\n", "line 2: 'lr' must lie between .*got 3"),
        ("optimizer,test,lr\na,1,auto\n", "line 2: 'lr' must be a number; got 'auto'"),
        ("optimizer,test,Test\na,1,1\n", "must be there once; got 'test' twice"),
        (
            "optimizer,test,lr,lr_low,lr_high\na,1,3,1,9\na,1,3,2,9\n",
            r"a: lr_low must be one number .* got \[1.0, 2.0\]",
        ),
    ],
)
def test_errors_say_what_to_do(write, text, message):
    with pytest.raises(StudyError, match=message):
        read_csv(write(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,test\na,1\n", "missing \\['optimizer'\\]"),
        ("optimizer,result\na,1\n", "missing \\['test'\\]"),
        ("optimizer,test_accuracy\na,1\n", "lower must be better"),
        ("optimizer,test\n", "a row for each trial"),
        ("optimizer,test\nadam,0.1\n,0.2\n", "line 3: 'optimizer' must be a name"),
        ("optimizer,test\nadam,0.1\nadam,good\n", "line 3: 'test' must be a number; got 'good'"),
        ("optimizer,test,rule\nadam,0.1,adamw\n", "rule must be one of .*got 'adamw'"),
        ("optimizer,test,diverged\nadam,0.1,maybe\n", "'diverged' must be 0, 1, true or false"),
        ("optimizer,test,diverged\nadam,,0\n", "line 2: a trial that did not diverge"),
        ("optimizer,test,lr,lr_low\nadam,0.1,1,1\n", "'lr_low' needs a column 'lr_high'"),
        ("optimizer,test,lr_low,lr_high\nadam,0.1,2,1\n", "lr_low must be <= lr_high"),
        ("", "cannot be read as CSV"),
    ],
)
def test_helpful_errors(write, text, message):
    with pytest.raises(StudyError, match=message):
        read_csv(write(text))


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
    (evidence,) = read_evidence([path.parents[3]])
    assert evidence.workload == "cifar100_allcnnc, batch size 256"
    assert evidence.selected_by == "test"
    momentum, adam = evidence.entries
    assert (momentum.rule, adam.rule) == ("momentum", "adam")
    assert momentum.num_feasible == 2 and len(momentum.trials) == 3  # one diverged, one seed more
    assert momentum.winner["test"] == pytest.approx(0.4)
    assert momentum.reruns["test"].tolist() == pytest.approx([0.45])
    assert momentum.winner["steps"] == 6  # 3 values, one every 2 steps
    assert adam.fixed == pytest.approx({"one_minus_beta1": 0.1, "epsilon": 1e-8})
    titles = [finding.title for finding in audit([evidence])]
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
    (evidence,) = read_evidence([path.parent])
    (entry,) = evidence.entries
    assert (entry.rule, entry.name) == ("nesterov", "SGD (Nesterov)")
    assert entry.trials["validation"].tolist() == pytest.approx([0.3])
    assert entry.winning_values == pytest.approx({"eta0": 0.1, "one_minus_gamma": 0.1})


def test_a_damaged_run_of_deepobs_is_named(write):
    path = write("{}", "random_seed__42__x.json")
    with pytest.raises(StudyError, match=r"random_seed__42__x.json is not a run of DeepOBS"):
        read_evidence([path.parent])


_SHALLUE = {
    "batch_size": 256,
    "dataset": "imagenet",
    "early_stopping": False,
    "model": "resnet_50",
    "optimizer": "nesterov_momentum",
    "parameter_configs": {
        "learning_rate": {
            "max_value": 10.0,
            "min_value": 0.0001,
            "scale": "LOG_SCALE",
            "type": "DOUBLE",
        },
        "momentum": {
            "max_value": 0.9999,
            "min_value": 0.9,
            "scale": "REVERSE_LOG_SCALE",
            "type": "DOUBLE",
        },
        "label_smoothing": {"feasible_points": [0.0, 0.01, 0.1], "type": "DISCRETE"},
        "learning_rate_decay_steps": {
            "max_value": 600000,
            "min_value": 300000,
            "scale": "",
            "type": "INTEGER",
        },
    },
    "train_steps": 600000,
}


def _shallue_trial(write, folder, trial, status, error):
    parameters = {
        "label_smoothing": 0.01,
        "learning_rate": 0.01 * (1 + trial),
        "learning_rate_decay_steps": 500000,
        "momentum": 0.98,
    }
    metadata = {"parameters": parameters, "status": status, "steps": 600000, "trial_id": trial}
    write(json.dumps(metadata), f"{folder}/{trial}/metadata.json")
    columns = [
        f"{s}/{m}_error"
        for s in ("train", "val", "test")
        for m in ("cross_entropy", "classification")
    ]
    rows = [[0, *(["6.9", "0.99"] * 3)], [600000, *(["1.1", str(error)] * 3)]]
    lines = [["step", *columns], *rows]
    write(
        "\n".join(",".join(map(str, line)) for line in lines) + "\n",
        f"{folder}/{trial}/measurements.csv",
    )


def test_studies_in_the_layout_of_shallue_et_al(write):
    folder = "batch_science/imagenet/resnet_50/nesterov_momentum/256"
    path = write(json.dumps(_SHALLUE), f"{folder}/study.json")
    statuses = ("COMPLETE", "INCOMPLETE", "INFEASIBLE", "COMPLETE")
    for trial, status in enumerate(statuses):
        _shallue_trial(write, folder, trial, status, 0.2 + 0.01 * trial)
    sgd = {**_SHALLUE, "optimizer": "sgd", "train_steps": 1000}
    del sgd["parameter_configs"]
    write(
        json.dumps({**sgd, "parameter_configs": {}}),
        "batch_science/imagenet/resnet_50/sgd/256/study.json",
    )
    _shallue_trial(write, "batch_science/imagenet/resnet_50/sgd/256", 0, "COMPLETE", 0.3)

    (evidence,) = read_evidence([path.parents[4]])
    assert evidence.workload == "imagenet resnet_50, batch size 256"
    assert evidence.metric_unit == "share"
    nesterov = next(entry for entry in evidence.entries if entry.rule == "nesterov")
    assert nesterov.feasible["validation"].tolist() == [0.2, 0.23]
    assert len(nesterov.trials) == 3  # INCOMPLETE ones are left out
    assert nesterov.dimensions["eta0"] == LogUniform(low=1e-4, high=10.0)
    assert nesterov.dimensions["one_minus_gamma"].low == pytest.approx(1e-4)
    assert nesterov.dimensions["label_smoothing"] == Choice(values=(0.0, 0.01, 0.1))
    assert nesterov.dimensions["learning_rate_decay_steps"] == Uniform(low=300000, high=600000)
    titles = [finding.title for finding in audit([evidence])]
    assert "unequal budgets" in titles
    assert "search spaces not reported" in titles


def test_a_directory_of_nothing(tmp_path):
    with pytest.raises(StudyError, match=r"holds no study\.json .* --csv"):
        read_evidence([tmp_path])


def test_our_own_studies(six_rules):
    (evidence,) = read_evidence([six_rules])
    assert [entry.rule for entry in evidence.entries] == [
        *("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
    ]
    sgd = evidence.entries[0]
    assert sgd.trials["gradient_rms"].iloc[-1] == 1.0  # exp(-0): the largest measured
    assert sgd.schedule == "linear_decay"
    assert len(sgd.trials) == 15 and sgd.num_feasible == 10
