"""An experiment that Ray Tune itself writes, read without opening its pickles."""

import importlib.util
import json
import math
import subprocess
import sys

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.metrics import ACCURACY
from tfoptcmp.rules import RULES
from tfoptcmp.study.schema import StudyError

needs_tune = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("ray", "pydantic", "pyarrow")),
    reason="no Ray Tune here (ray[tune])",
)

# A process of its own: Ray reads its environment at import. Trials 2 and 5 stop early as ASHA's do:
# a scheduler ends them after the first report, without an error.
_EXPERIMENT = """
import math, sys
import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

NAMES = ("adam", "sgd")

class EndsSome(FIFOScheduler):
    def on_trial_result(self, controller, trial, result):
        stops = trial.config["trial"] in (2, 5)
        return TrialScheduler.STOP if stops else TrialScheduler.CONTINUE

def train(config):
    optimizer, trial = config["optimizer"], config["trial"]
    rate = config["lr"][optimizer["name"]]
    for i in range(3):
        if trial == 8 and i == 1:
            raise RuntimeError("the node is lost")
        value = math.nan if trial in (3, 4) and i else 0.8 - rate / 100 + 0.01 * i
        tune.report({"val_accuracy": value, "test_accuracy": value - 0.01, "loss": 1 - value})

ray.init(num_cpus=2, include_dashboard=False)
tune.Tuner(
    tune.with_resources(train, {"cpu": 1}),
    param_space={
        "trial": tune.grid_search(list(range(24))),
        "optimizer": {"name": tune.sample_from(lambda spec: NAMES[spec.config.trial % 2])},
        "lr": {"adam": tune.loguniform(1e-4, 1), "sgd": tune.loguniform(1e-3, 10)},
        "seed": 7,
        "layers": [8, 8],
    },
    tune_config=tune.TuneConfig(
        metric="val_accuracy",
        mode="max",
        scheduler=EndsSome(),
        max_concurrent_trials=2,
        reuse_actors=True,
    ),
    run_config=tune.RunConfig(storage_path=sys.argv[1], name="digits"),
).fit()
ray.shutdown()
"""


@needs_tune
def test_an_experiment_of_ray_tune(tmp_path, monkeypatch):
    for name, value in (("USAGE_STATS_ENABLED", "0"), ("worker_niceness", "0")):
        monkeypatch.setenv(f"RAY_{name}", value)
    written = tmp_path / "results"
    subprocess.run([sys.executable, "-c", _EXPERIMENT, written], check=True, timeout=240)
    for pickle in written.rglob("*.pkl"):
        pickle.write_bytes(b"not to be opened")
    (comparison,) = read_comparisons(written)
    assert comparison.workload == "digits" and comparison.metric == ACCURACY
    assert comparison.selected_by == "validation" and comparison.budget == {"steps": 3}
    by_name = {one.name: one for one in comparison.contestants}
    adam, sgd = by_name["adam"], by_name["sgd"]
    assert (adam.rule, sgd.rule) == (RULES["adam"], RULES["sgd"])
    # 2 was stopped, 8 failed, 4 is NaN; 5 was stopped, 3 is NaN.
    assert (adam.num_feasible, adam.num_infeasible) == (9, 1)
    assert (sgd.num_feasible, sgd.num_infeasible) == (10, 1)
    assert comparison.remarks[0] == "Left out: 2 stopped, 1 failed."
    assert comparison.remarks[1].startswith(
        "Ray Tune experiment 'digits': 24 trials, metric val_accuracy, its direction by its name"
    )
    assert any("pickles" in remark for remark in comparison.remarks)
    assert {*comparison.not_read} >= {"layers", "loss"} and "lr/sgd" not in comparison.not_read
    for one in (adam, sgd):
        rate = one.winner["used_learning_rate"]
        assert one.winner["validation_metric"] == pytest.approx(0.18 + rate / 100)
    found = {finding.title: finding.evidence for finding in audit([comparison])}
    assert found["search spaces not reported"] == (
        "no range of learning_rate of sgd; learning_rate, beta_1, beta_2, epsilon of adam"
    )


def trial(write, name, config, reports, *, error=False):
    write(json.dumps(config), f"digits/{name}/params.json")
    lines = [
        json.dumps({"done": i == len(reports), "training_iteration": i, "pid": 1, **report})
        for i, report in enumerate(reports, 1)
    ]
    write("".join(f"{line}\n" for line in lines), f"digits/{name}/result.json")
    if error:
        write("Traceback", f"digits/{name}/error.txt")


def experiment(write, metric=None, statuses=("TERMINATED",) * 3, **criterion):
    """A state as Ray 2.60 writes it, with what is read of it."""
    names = ("a", "b", "c")
    state = {
        "trial_data": [
            [
                json.dumps(
                    {
                        "trial_id": name,
                        "relative_logdir": name,
                        "status": status,
                        "config": {},
                        "stopping_criterion": criterion,
                    }
                ),
                "{}",
            ]
            for name, status in zip(names, statuses, strict=True)
        ],
        "runner_data": {"_metric": metric},
    }
    return write(json.dumps(state), "digits/experiment_state-2026-11-29_13-45-52.json").parent


def reports(*losses):
    return [{"val_loss": loss} for loss in losses]


def test_what_reached_the_goal_of_the_experiment_was_not_stopped(write):
    path = experiment(write, "val_loss", **{"val/acc": 0.9})
    for name, accuracies in (("a", [0.5, 0.6, 0.7]), ("b", [0.5, 0.9]), ("c", [0.5, 0.1])):
        some = [{"val_loss": 1 - value, "val": {"acc": value}} for value in accuracies]
        trial(write, name, {"opt": "adam", "lr": 0.1}, some)
    (comparison,) = read_comparisons(path)
    assert comparison.remarks[0] == "Left out: 1 stopped."
    (adam,) = comparison.contestants
    assert list(adam.trials["steps"]) == [3.0, 2.0]


def test_nan_is_no_early_stop(write):
    path = experiment(write, "val_loss")
    for name, losses in (("a", [0.5, 0.4]), ("b", [0.5, 0.3]), ("c", [math.nan])):
        trial(write, name, {"opt": "adam", "lr": 0.1}, reports(*losses))
    ((adam,),) = [one.contestants for one in read_comparisons(path)]
    assert (adam.num_feasible, adam.num_infeasible) == (2, 1)


def test_what_is_not_ranked_by_may_be_no_number(write):
    path = experiment(write, "val_loss")
    for name, losses in (("a", [0.5, 0.4]), ("b", [0.5, 0.3]), ("c", [0.7])):
        some = [{"val_loss": loss, "aux": math.nan} for loss in losses]
        trial(write, name, {"opt": "adam", "lr": 0.1}, some)
    (comparison,) = read_comparisons(path)
    assert comparison.remarks[0] == "Left out: 1 stopped."


def test_trials_that_were_to_be_short_were_not_stopped(write):
    path = experiment(write, "val_loss")
    for name, losses, epochs in (("a", [0.5, 0.4], 2), ("b", [0.5], 2), ("c", [0.3], 1)):
        trial(write, name, {"opt": "adam", "lr": 0.1, "epochs": epochs}, reports(*losses))
    (comparison,) = read_comparisons(path)
    assert comparison.remarks[0] == "Left out: 1 stopped."
    assert sorted(comparison.contestants[0].trials["steps"]) == [1.0, 2.0]


def test_a_metric_whose_name_says_nothing(write):
    path = experiment(write, "goodness")
    for name in ("a", "b", "c"):
        trial(write, name, {"opt": "adam", "lr": 0.1}, [{"goodness": 1.0}])
    with pytest.raises(StudyError, match=r"whether higher 'goodness' is better is not recorded"):
        read_comparisons(path)


def test_a_metric_that_is_not_recorded(write):
    path = experiment(write)
    for name in ("a", "b", "c"):
        some = [{"val_loss": 0.2, "val_nll": 0.3, "test_loss": 0.2}]
        trial(write, name, {"opt": "adam", "lr": 0.1}, some)
    with pytest.raises(StudyError, match=r"any of \['val_loss', 'val_nll'\].*--map validation="):
        read_comparisons(path)


def test_no_setting_names_the_optimizer(write):
    """Then the experiment does."""
    path = experiment(write, "val_loss", ("RUNNING", "TERMINATED", "TERMINATED"))
    trial(write, "a", {"lr": 0.1}, reports(0.1), error=True)
    trial(write, "b", {"lr": 0.2}, reports(0.2), error=True)  # and tried again
    trial(write, "c", {"lr": 0.3}, reports(0.3))
    (comparison,) = read_comparisons(path)
    assert [one.name for one in comparison.contestants] == ["digits"]
    assert comparison.remarks[0] == "Left out: 1 failed."


@pytest.mark.parametrize("damage", ["{", "[1]\n", '{"a": \n'])
def test_a_damaged_report_is_named(write, damage):
    path = experiment(write, "val_loss")
    write("{}", "digits/a/params.json")
    write(damage + "\n", "digits/a/result.json")
    with pytest.raises(StudyError, match=r"a/result.json, line 1"):
        read_comparisons(path)


def test_settings_of_the_other_optimizer_say_nothing(write):
    """And spelling does not make another optimizer."""
    path = experiment(write, "val_loss")
    for i, (name, optimizer) in enumerate((("a", "Adam"), ("b", "adam"), ("c", "sgd"))):
        config = {"optimizer": optimizer, "adam_lr": 0.1, "sgd_lr": 0.1 * (1 + i), "seed": i}
        trial(write, name, config, reports(0.1 + 0.1 * i))
    (comparison,) = read_comparisons(path)
    sgd, adam = comparison.contestants
    assert (adam.name, adam.num_feasible, len(adam.reruns)) == ("Adam", 1, 1)
    assert list(sgd.trials["used_learning_rate"]) == pytest.approx([0.3])
    assert not any("seed" in remark for remark in comparison.remarks)
