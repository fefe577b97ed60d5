"""Results of other tools, in small files written by their documented form."""

import json
import math
from pathlib import Path

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.comparison import TRIALS
from tfoptcmp.analysis.sources import SOURCES, read_comparisons
from tfoptcmp.analysis.sources.names import searched_name, searched_range
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES, rule_named
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform
from tfoptcmp.study.schema import Status, StudyError


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
    assert rule_named(label) == (rule and RULES[rule])


def test_names_and_ranges_become_those_of_our_spaces():
    assert searched_name("lr", RULES["adam"]) == "alpha0"
    assert searched_name("learning_rate", RULES["momentum"]) == "eta0"
    assert searched_name("beta2", RULES["adam"]) == "one_minus_beta2"
    assert searched_name("alpha0_over_epsilon", RULES["adam"]) == "alpha0_over_epsilon"
    assert searched_name("warmup", None) == "warmup"
    # by hand: 1 - 0.99 and 1 - 0.9, a factor of 10 apart.
    dimension = searched_range("momentum", 0.9, 0.99)
    assert isinstance(dimension, LogUniform)
    assert (dimension.low, dimension.high) == pytest.approx((0.01, 0.1))
    assert searched_range("eps", 1e-8, 1e-8) == Fixed(fixed=1e-8)
    assert searched_range("decay_steps_fraction", 0.5, 1.0) == Uniform(low=0.5, high=1.0)


def test_three_columns_are_enough(write):
    path = write("optimizer,validation,test\nadam,0.2,0.21\nsgd,0.1,0.11\nadam,nan,\n")
    (comparison,) = read_comparisons(path)
    sgd, adam = comparison.contestants
    assert (sgd.rule, adam.rule) == (RULES["sgd"], RULES["adam"])
    assert (sgd.num_feasible, adam.num_feasible, adam.num_infeasible) == (1, 1, 1)
    assert adam.trials["feasible"].tolist() == [True, False]
    assert list(adam.trials) == list(TRIALS)
    assert comparison.workload == "results"
    titles = [finding.title for finding in audit([comparison])]
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
    (comparison,) = read_comparisons(path)
    (momentum,) = comparison.contestants
    assert momentum.rule == RULES["momentum"]
    assert momentum.num_feasible == 2
    winner = momentum.winner
    assert momentum.values_of(winner) == pytest.approx({"eta0": 0.2, "one_minus_gamma": 0.1})
    used = momentum.values_of(winner, used=True)
    assert used == pytest.approx({"learning_rate": 0.2, "momentum": 0.9})
    assert momentum.dimensions["eta0"] == LogUniform(low=1e-4, high=1.0)
    assert momentum.free == ("eta0",)
    assert momentum.fixed == pytest.approx({"one_minus_gamma": 0.1})
    (rerun,) = momentum.reruns.to_dict("records")
    assert rerun == {
        **{"trial": 1, "rerun": 0, "status": "COMPLETE", "seed": 2.0},
        **{"validation_metric": 0.12, "test_metric": 0.22},
    }


def test_names_of_our_own_become_arguments(write):
    """A ratio only where epsilon is known; steps of a decay are not known from its fraction."""
    path = write(
        "optimizer,validation,alpha0_over_epsilon,eps,one_minus_beta2,decay_steps_fraction,warmup,"
        "warmup_low,warmup_high\nadam,0.2,100,1e-3,0.01,0.5,7,0,9\nadam,0.3,100,,0.01,,7,0,9\n"
    )
    (adam,) = read_comparisons(path)[0].contestants
    arguments = [adam.values_of(row, used=True) for _, row in adam.trials.iterrows()]
    assert arguments[0] == pytest.approx({"learning_rate": 0.1, "epsilon": 1e-3, "beta_2": 0.99})
    assert arguments[1] == pytest.approx({"beta_2": 0.99})


def test_workloads_are_apart_and_targets_may_be_missed(write):
    path = write(
        "workload,optimizer,test,validation,steps_to_target,num_test,num_validation\n"
        "digits,sgd,0.1,0.1,300,1000,500\ndigits,sgd,0.2,0.2,,1000,500\nmnist,sgd,3,3,,,\n"
    )
    path.write_text(path.read_text() + ",sgd ,0.1,0.1,,,\n")
    digits, mnist, unnamed = read_comparisons(path)
    assert (unnamed.workload, unnamed.contestants[0].name) == ("results", "sgd")
    assert (digits.workload, mnist.workload) == ("digits", "mnist")
    assert digits.contestants[0].trials["steps_to_target"].tolist() == [300, math.inf]
    assert digits.num_examples == {"validation": 500, "test": 1000}
    assert digits.metric.unit == "share"
    assert mnist.metric.unit == ""


def test_a_wide_table_has_empty_fields(write):
    """What an optimizer does not have is empty in its rows, the ends of ranges too."""
    path = write(
        "optimizer,validation,learning_rate,momentum,momentum_low,momentum_high,epsilon\n"
        "sgd,0.1,0.1,,,,\nsgd,0.2,0.2,,,,\nmomentum,0.1,0.1,0.9,0,0.99,\n"
        "momentum,0.1,0.2,0.5,0,0.99,\nadam,0.1,0.1,,,,1e-8\nadam,0.1,0.2,,,,1e-8\n"
    )
    sgd, momentum, adam = read_comparisons(path)[0].contestants
    assert sgd.searched_names == ("eta0",) and sgd.dimensions == {}
    assert list(momentum.dimensions) == ["one_minus_gamma"]
    assert adam.fixed == {"epsilon": 1e-8}


def test_columns_that_are_no_hyperparameters_are_not_read(write):
    path = write(
        ",Optimizer,validation,lr,seconds,train_accuracy,warmup,warmup_low,warmup_high,commit\n"
        "0,sgd,0.1,0.1,12,0.9,5,0,9,abc\n1,sgd,0.2,0.2,13,0.8,6,0,9,abd\n"
    )
    (comparison,) = read_comparisons(path)
    assert comparison.not_read == ("Unnamed: 0", "seconds", "train_accuracy", "commit")
    assert comparison.contestants[0].searched_names == ("eta0", "warmup")


def test_sgd_of_other_tools_may_have_momentum(write):
    path = write("optimizer,test,momentum\nSGD,0.1,0.9\nSGD,0.2,0.5\nplain,0.1,0\n")
    sgd, _ = sorted(read_comparisons(path)[0].contestants, key=lambda one: one.name)
    assert (sgd.name, sgd.title, sgd.rule) == ("SGD", "SGD with momentum", RULES["momentum"])
    path = write("optimizer,test,momentum\nSGD,0.1,0\nSGD,0.2,0\n")
    assert read_comparisons(path)[0].contestants[0].rule == RULES["sgd"]


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
        read_comparisons(write(text))


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
        ("", r"cannot be read as a table of results \(CSV\): .* tfoptcmp-audit --columns"),
    ],
)
def test_helpful_errors(write, text, message):
    with pytest.raises(StudyError, match=message):
        read_comparisons(write(text))


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

    (comparison,) = read_comparisons(path.parents[4])
    assert comparison.workload == "imagenet resnet_50, batch size 256"
    assert comparison.metric == CLASSIFICATION_ERROR
    sgd, nesterov = comparison.contestants
    assert (sgd.title, nesterov.rule) == ("sgd with momentum", RULES["nesterov"])
    assert nesterov.feasible["validation_metric"].tolist() == [0.2, 0.23]
    assert len(nesterov.trials) == 3  # INCOMPLETE ones are left out
    assert nesterov.dimensions["eta0"] == LogUniform(low=1e-4, high=10.0)
    assert nesterov.dimensions["one_minus_gamma"].low == pytest.approx(1e-4)
    assert nesterov.dimensions["label_smoothing"] == Choice(values=(0.0, 0.01, 0.1))
    assert nesterov.dimensions["learning_rate_decay_steps"] == Uniform(low=300000, high=600000)
    titles = [finding.title for finding in audit([comparison])]
    assert "unequal budgets" in titles
    assert "search spaces not reported" in titles


def test_paths_that_cannot_be_read_say_what_was_looked_for(tmp_path, monkeypatch):
    empty, locked = tmp_path / "empty", tmp_path / "locked"
    empty.mkdir()
    locked.mkdir()
    (empty / "notes.txt").write_text("of something else")

    def refuse(path, listed=Path.iterdir):
        if path == locked:  # as for anybody but root
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    for path, wrong in (
        (empty, "holds nothing that can be read as results"),
        (tmp_path / "nowhere", "cannot be read: No such file or directory"),
        (tmp_path / "nowhere.csv", "cannot be read: No such file or directory"),
        (empty / "notes.txt" / "sgd", "cannot be read: Not a directory"),
        (locked, "cannot be read: Permission denied"),
    ):
        with pytest.raises(StudyError) as raised:
            read_comparisons([path])
        message = str(raised.value)
        assert message.startswith(f"{path} {wrong}. Looked for: study.json of the layout of Shall")
        assert all(source.title in message for source in SOURCES.values())
        assert "tfoptcmp-audit --columns" in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b'{"a": 1}', b'a,"b\nc', b"PK\x03\x04"])
def test_a_file_that_is_no_table(tmp_path, content):
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"results\.csv.*tfoptcmp-audit --columns"):
        read_comparisons(path)


def test_our_own_studies_too_deep_are_not_found(tmp_path, make_signature, write_study):
    """Reading goes one level down; so does looking, which must not walk through the trials."""
    write_study(tmp_path / "a" / "b", make_signature("sgd"), [0.1, 0.2])
    assert len(read_comparisons(tmp_path / "a" / "b")) == 1
    with pytest.raises(StudyError, match=r"study\.json of tfoptcmp, there or one level below"):
        read_comparisons(tmp_path)


def test_results_of_several_tools(six_rules, write):
    path = write("optimizer,validation\nadam,0.2\n")
    found = read_comparisons([path, six_rules, path], tuning_budget=3)
    assert [one.workload for one in found] == ["digits_simple_cnn", "results"]
    assert [one.tuning_budget for one in found] == [3, 3]


def test_our_own_studies(six_rules):
    (comparison,) = read_comparisons(six_rules)
    assert [one.rule.name for one in comparison.contestants] == [
        *("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
    ]
    sgd = comparison.contestants[0]
    assert sgd.trials["largest_gradient_rms"].iloc[-1] == 1.0  # exp(-0): the largest measured
    assert sgd.schedule == "linear_decay"
    assert len(sgd.trials) == 15 and sgd.num_feasible == 10


def test_trials_that_did_not_end_are_no_evidence(tmp_path, make_signature, write_study):
    unfinished = (Status.RUNNING, Status.FAILED)
    write_study(tmp_path, make_signature("sgd"), [0.1, 0.2], infeasible=1, unfinished=unfinished)
    (sgd,) = read_comparisons(tmp_path)[0].contestants
    assert (len(sgd.trials), len(sgd.ended)) == (5, 3)
    assert (sgd.num_feasible, sgd.num_infeasible, sgd.num_failed) == (2, 1, 1)
