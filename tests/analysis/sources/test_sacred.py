"""Runs of sacred, by hand as its FileStorageObserver 0.7 writes them; sacred is not installed."""

import json
import math

import pytest

from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.metrics import ACCURACY
from tfoptcmp.rules import RULES
from tfoptcmp.study.schema import StudyError


def run(write, number, config, values=(), *, status="COMPLETED", result=None, name="digits"):
    state = {
        "experiment": {"name": name, "sources": []},
        "command": "main",
        "status": status,
        "result": result,
        "meta": {},
    }
    write(json.dumps({"seed": 1, **config}), f"runs/{number}/config.json")
    if values:
        series = {"values": values, "steps": list(range(len(values))), "timestamps": []}
        write(json.dumps({"val.accuracy": series}), f"runs/{number}/metrics.json")
    return write(json.dumps(state), f"runs/{number}/run.json").parents[1]


def test_runs_of_two_optimizers(write):
    write("", "runs/_sources/train_1.py")
    for i in range(6):
        optimizer = {"name": ("adam", "sgd")[i % 2], "lr": 0.1 / (1 + i)}
        run(write, i, {"optimizer": optimizer, "epochs": 5}, [0.1, 0.5 + 0.01 * i])
    for i, status in enumerate(("FAILED", "RUNNING", "COMPLETED", "INTERRUPTED"), 6):
        run(write, i, {"optimizer": {"name": "sgd", "lr": 1}}, [math.nan], status=status)
    above = run(write, 10, {"optimizer": {"name": "sgd", "lr": 1}}, status="COMPLETED")
    (comparison,) = read_comparisons(above)
    assert comparison.workload == "digits" and comparison.metric == ACCURACY
    sgd, adam = comparison.contestants
    assert (adam.rule, sgd.rule) == (RULES["adam"], RULES["sgd"])
    assert (adam.num_feasible, sgd.num_feasible, sgd.num_infeasible) == (3, 3, 1)
    assert adam.winner["validation_metric"] == pytest.approx(1 - 0.54)
    assert adam.winner["steps"] == 5
    left_out = comparison.remarks[0]
    assert left_out == "Left out: 1 incomplete, 1 failed, 1 running, 1 interrupted."
    assert comparison.remarks[1].startswith("sacred experiment 'digits': 11 runs, the last value")
    assert "'epochs' is what a trial spent, and shown as its steps." in comparison.remarks


def test_what_the_main_function_returned(write):
    """Numbers of numpy keep their type; those of a dictionary keep their names."""
    returned = {"val_loss": {"dtype": "float64", "value": 0.25}, "test_loss": 0.3}
    above = run(write, 1, {"optimizer": "adam", "learning_rate": 0.1}, result=returned)
    ((adam,),) = [one.contestants for one in read_comparisons(above)]
    assert adam.winner["validation_metric"] == 0.25 and adam.winner["test_metric"] == 0.3


def test_several_experiments(write):
    """They are workloads if settings name the optimizer, and else the optimizers."""
    for i, name in enumerate(("digits", "letters")):
        above = run(write, i, {"opt": "adam", "lr": 0.1}, [0.5], name=name)
    assert [one.workload for one in read_comparisons(above)] == ["runs, digits", "runs, letters"]
    for i, name in enumerate(("adam", "sgd")):
        run(write, i, {"lr": 0.1}, [0.5], name=name)
    (comparison,) = read_comparisons(above)
    assert comparison.workload == "runs"
    assert {one.name for one in comparison.contestants} == {"adam", "sgd"}


def test_one_number_without_a_name_is_not_guessed(write):
    above = run(write, 1, {"optimizer": "adam", "learning_rate": 0.1}, result=0.3)
    with pytest.raises(
        StudyError, match=r"among \['result'\]; to say which it is, give the results as a table"
    ):
        read_comparisons(above)


def test_a_damaged_run_is_named(write):
    above = run(write, 1, {"optimizer": "adam"}, [0.1])
    write('{"val_loss": 3}', "runs/1/metrics.json")
    with pytest.raises(StudyError, match=r"runs/1/metrics\.json is not a run of sacred: a field"):
        read_comparisons(above)
