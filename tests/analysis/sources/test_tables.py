import math

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.contestant import TRIALS
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.names import between, grid, searched_name
from tfoptcmp.analysis.sources.tables import higher_is_better
from tfoptcmp.rules import RULES, rule_named
from tfoptcmp.spaces import Fixed, LogUniform, Uniform
from tfoptcmp.study.schema import StudyError


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


def test_grids_of_few_values_are_choices():
    """keras-tuner's had up to 100 values, Optuna's 20."""
    assert grid(-1.0, -0.25, 0.25) == [-1.0, -0.75, -0.5, -0.25]
    assert grid(0.001, 0.1, 10.0, geometric=True) == pytest.approx([0.001, 0.01, 0.1])
    assert len(grid(1.0, 20.0, 1.0)) == 20 and grid(1.0, 21.0, 1.0) == []


def test_names_and_ranges_become_those_of_our_spaces():
    assert searched_name("lr", RULES["adam"]) == "alpha0"
    assert searched_name("learning_rate", RULES["momentum"]) == "eta0"
    assert searched_name("beta2", RULES["adam"]) == "one_minus_beta2"
    assert searched_name("alpha0_over_epsilon", RULES["adam"]) == "alpha0_over_epsilon"
    assert searched_name("warmup", None) == "warmup"
    # by hand: 1 - 0.99 and 1 - 0.9, a factor of 10 apart.
    dimension = between("momentum", 0.9, 0.99)
    assert isinstance(dimension, LogUniform)
    assert (dimension.low, dimension.high) == pytest.approx((0.01, 0.1))
    assert between("eps", 1e-8, 1e-8) == Fixed(fixed=1e-8)
    assert between("decay_steps_fraction", 0.5, 1.0) == Uniform(low=0.5, high=1.0)


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


@pytest.mark.parametrize("more", ["", ",diverged"])
def test_a_table_without_a_result_is_refused(write, more):
    text = f"optimizer,validation,test,eta0{more}\n" + f"sgd,nan,,1{more and ',true'}\n" * 3
    with pytest.raises(StudyError, match="no row has a number for validation or test"):
        read_comparisons(write(text))


def test_an_infinite_metric_that_selects_is_a_trial_that_diverged(write):
    text = "optimizer,validation,test,lr\na,inf,0.1,1\na,0.2,inf,2\na,0.3,0.3,3\n"
    (comparison,) = read_comparisons(write(text))
    assert comparison.contestants[0].trials["feasible"].tolist() == [False, True, True]


def test_a_range_may_be_of_any_name_of_a_column(write):
    path = write("optimizer,test,learning_rate\nsgd,0.1,1\nsgd,0.2,2\n")
    (comparison,) = read_comparisons(path, how=TableMap(ranges={"lr": "0.1:10:log"}))
    assert comparison.contestants[0].dimensions == {"eta0": LogUniform(low=0.1, high=10.0)}
    with pytest.raises(StudyError, match=r"of hyperparameters, of \['learning_rate'\]; got 'eps'"):
        read_comparisons(path, how=TableMap(ranges={"eps": "0:1"}))


def test_sgd_with_nesterovs_switch_on_is_nesterov(write):
    rows = ("sgd,0.1,1,0.9,True", "sgd,0.2,2,0.8,1", "adam,0.1,1,,false")
    path = write("\n".join(["optimizer,test,lr,momentum,nesterov", *rows]))
    (comparison,) = read_comparisons(path)
    assert [one.rule.name for one in comparison.contestants] == ["nesterov", "adam"]
    assert comparison.not_read == ()
    (comparison,) = read_comparisons(write(path.read_text() + "\nsgd,0.3,3,0.9,False\n"))
    assert [one.rule.name for one in comparison.contestants] == ["momentum", "adam"]
    assert comparison.not_read == ("nesterov",)


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
        ",Optimizer,validation,lr,memory,train_accuracy,warmup,warmup_low,warmup_high,commit\n"
        "0,sgd,0.1,0.1,12,0.9,5,0,9,abc\n1,sgd,0.2,0.2,13,0.8,6,0,9,abd\n"
    )
    (comparison,) = read_comparisons(path)
    assert comparison.not_read == ("Unnamed: 0", "memory", "train_accuracy", "commit")
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
        (
            "opt,val_error,lr\na,1,1\n",
            "perhaps --map optimizer=opt --map validation=val_error \\(tfopt",
        ),
        ("optimizer,valid_acc\na,1\n", "perhaps --map 'validation=1 - valid_acc' "),
        (
            "optimizer,accuracy,val_accuracy,test_accuracy\na,.9,.8,.7\n",
            "--map 'validation=1 - val_accuracy' --map 'test=1 - test_accuracy' ",
        ),
        (
            "number,value,params_optimizer,user_attrs_test_error\n0,1,a,1\n",
            "--map optimizer=params_optimizer --map validation=value "
            "--map test=user_attrs_test_error ",
        ),
        (
            "metrics.val_loss,params.optimizer\n1,a\n",
            "--map optimizer=params.optimizer --map validation=metrics.val_loss ",
        ),
        (
            "config/optimizer,val_acc\na,91\n",
            "optimizer=config/optimizer --map validation=-val_acc ",
        ),
        ("optimizer,test,num_test\na,-0.1,100\n", r"in \[0, 1\]; got -0.1"),
        ("optimizer,test,num_test\na,8.1,100\n", r"in \[0, 1\]; got 8.1 \(divide percent by 100"),
        ("optimizer,test,lr,lr_low,lr_high\na,1,3,1,2\n", "line 2: 'lr' must lie between .*got 3"),
        ("optimizer,test,lr\na,1,auto\n", "line 2: 'lr' must be a number; got 'auto'"),
        ("optimizer,test,Test\na,1,1\n", "must appear only once; got 'test' twice"),
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
        ("name,test\na,1\n", "missing 'optimizer' of"),
        ("optimizer,result\na,1\n", "missing 'validation' or 'test' of"),
        ("optimizer,test\n", "a row for each trial"),
        ("optimizer,test\nadam,0.1\n,0.2\n", "line 3: 'optimizer' must be a name"),
        ("optimizer,test\nadam,0.1\nadam,good\n", "line 3: 'test' must be a number; got 'good'"),
        ("optimizer,test,rule\nadam,0.1,adamw\n", "rule must be one of .*got 'adamw'"),
        ("optimizer,test,diverged\nadam,0.1,maybe\n", "'diverged' must be 0, 1, true or false"),
        ("optimizer,test,lr\na,0,1,5\nb,0,1\n", "line 2: has more fields than the header's 3"),
        ("optimizer,test,lr\na,0,1\nb,0,1,5\n", "line 3: has 4 fields, and the header has 3"),
        ("optimizer,test,diverged\nadam,,0\n", "line 2: a trial that did not diverge"),
        ("optimizer,test,lr,lr_low\nadam,0.1,1,1\n", "'lr_low' needs a column 'lr_high'"),
        ("optimizer,test,lr_low,lr_high\nadam,0.1,2,1\n", "lr_low must be <= lr_high"),
        ("", r"cannot be read as a table of results \(CSV\): .* tfoptcmp-audit --columns"),
    ],
)
def test_helpful_errors(write, text, message):
    with pytest.raises(StudyError, match=message):
        read_comparisons(write(text))


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        ("num_test", "0", "an integer >= 1"),
        ("num_test", "2.5", "an integer >= 1"),
        ("num_validation", "inf", "an integer >= 1"),
        ("steps", "inf", "a number >= 0"),
        ("steps", "-1", "a number >= 0"),
        ("steps_to_target", "-3", "a number >= 0"),
        ("train_loss", "-inf", "> -inf"),
        ("train_loss", "1e308", "> -inf"),
    ],
)
def test_values_that_none_can_be_are_named(tmp_path, column, value, allowed):
    path = tmp_path / "results.csv"
    path.write_text(f"optimizer,validation,{column}\nadam,0.1,{value}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=f"line 2: '{column}' must be {allowed}"):
        read_comparisons(path)


def test_arguments_are_those_that_the_names_of_a_row_say(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(
        "optimizer,validation,lr,momentum,epsilon,alpha0_over_epsilon\n"
        "adam,0.20,,0.1,1e-3,4.0\n"
        "adam,0.22,0.3,,,\n"
        "adam,0.23,0.3,0.5,1e-2,2\n"  # two names of one argument: the later column counts
        "adam,0.24,,,,2\n"  # a ratio to an epsilon that is not known
    )
    (comparison,) = read_comparisons(table)
    trials = comparison.contestants[0].trials
    used = trials[[name for name in trials if name.startswith("used_")]]
    # By hand; the first row has its learning rate from the last column.
    assert list(used) == ["used_momentum", "used_epsilon", "used_learning_rate"]
    rates = used["used_learning_rate"].tolist()
    assert rates[:3] == [4.0 * 1e-3, 0.3, 2 * 1e-2]
    assert math.isnan(rates[3])
    assert used["used_momentum"].tolist()[::2] == pytest.approx([0.1, 0.5])


def test_a_table_of_a_metric_that_is_maximised(tmp_path):
    """It is the table of what the metric lacks to 1."""
    errors = [0.1, 0.3, 0.2, 0.4, 0.25]
    for name, values in (("low", errors), ("high", [1 - e for e in errors])):
        rows = [
            f"{rule},{value + i / 100 * (1 if name == 'low' else -1)},{value}"
            for i, rule in enumerate(("sgd", "adam"))
            for value in values
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["optimizer,validation,test", *rows]))
    (low,), (high,) = (read_comparisons(tmp_path / f"{name}.csv") for name in ("low", "high"))
    high = higher_is_better(high)
    assert high.metric.maximize
    for one, other in zip(low.contestants, high.contestants, strict=True):
        for column in ("validation_metric", "test_metric"):
            assert list(other.trials[column]) == pytest.approx(list(one.trials[column]))
        assert one.winner["trial"] == other.winner["trial"] == 0
    assert high.metric.text(high.contestants[0].winner["test_metric"]) == "0.9"


def test_studies_know_their_direction(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.1, 0.2])
    (comparison,) = read_comparisons(tmp_path)
    with pytest.raises(StudyError, match="its study says itself whether higher values are better"):
        higher_is_better(comparison)
