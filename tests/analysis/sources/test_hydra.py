"""Sweeps of hydra, laid out by hand after its documentation (hydra 1.3); hydra is not installed."""

import json
import math

import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.metrics import Metric
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import Choice, LogUniform, Uniform
from tfoptcmp.study.schema import StudyError

_TARGETS = {"adam": "torch.optim.Adam", "sgd": "torch.optim.SGD"}


def run(write, folder, optimizer, rate, *, results=None, name="metrics.json", seed=0, **settings):
    config = [
        "optimizer:",
        f"  _target_: {_TARGETS[optimizer]}",
        f"  lr: {rate}",
        "model:",
        "  width: 64",
        "  layers:",
        "  - 8",
        "  - 8",
        f"seed: {seed}",
        *(f"{key}: {value}" for key, value in settings.items()),
    ]
    write("\n".join(config) + "\n", f"{folder}/.hydra/config.yaml")
    chosen = f"- optimizer={optimizer}\n- optimizer.lr={rate}\n"
    path = write(chosen, f"{folder}/.hydra/overrides.yaml")
    if results is not None:
        given = results if isinstance(results, str) else json.dumps(results)
        write(given, f"{folder}/{name}")
    return path.parents[2]


def sweep(write, folder, *overrides):
    lines = [
        *("hydra:", "  run:", "    dir: outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}", "  sweeper:"),
        *("    _target_: hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "  help:"),
        *("    template: '${hydra.help.header}", "", "      == Configuration groups ==", "      '"),
        *("  overrides:", "    hydra:", "    - hydra.mode=MULTIRUN", "    task:"),
        *(f"    - {override}" for override in overrides),
    ]
    write("\n".join(lines) + "\n", f"{folder}/multirun.yaml")


def test_a_sweep_over_two_optimizers(write):
    for i in range(12):
        optimizer, rate = ("adam", "sgd")[i % 2], 10.0 ** -(1 + i // 2 % 3)
        error = math.nan if i == 6 else 0.1 + 0.01 * i
        results = {"val": {"error": error, "loss": 3.0}, "test": {"error": error + 0.01}}
        found = None if i == 5 else results
        above = run(write, f"multirun/{i}", optimizer, rate, seed=i // 6, results=found)
    sweep(write, "multirun", "optimizer=adam,sgd", "optimizer.lr=0.1,0.01,0.001", "seed=0,1")
    (comparison,) = read_comparisons(above)
    assert comparison.workload == "multirun" and comparison.metric == Metric(name="error", unit="")
    sgd, adam = comparison.contestants
    assert (adam.name, sgd.name) == ("Adam", "SGD")
    assert (adam.rule, sgd.rule) == (RULES["adam"], RULES["sgd"])
    # Three points and two seeds each: a run that diverged is infeasible, one without results out.
    assert (adam.num_feasible, len(adam.reruns)) == (3, 3)
    assert (sgd.num_feasible, len(sgd.reruns)) == (3, 2)
    assert adam.dimensions["alpha0"] == sgd.dimensions["eta0"] == Choice(values=(0.1, 0.01, 0.001))
    assert comparison.remarks[:2] == (
        "Left out: 1 incomplete.",
        "hydra sweep 'multirun': 12 runs, metrics of metrics.json; ranges are those in "
        "multirun.yaml.",
    )
    assert set(comparison.not_read) == {"model/layers", "model/width", "optimizer", "val/loss"}
    assert "selected on the test metric" not in [one.title for one in audit([comparison])]


def test_sweeps_of_one_optimizer_each_are_one_comparison(write):
    for day, name in (("2026-11-28", "adam"), ("2026-11-29", "sgd")):
        for i, rate in enumerate((0.1, 0.01)):
            at = f"multirun/{day}/13-00-00"
            run(write, f"{at}/{i}", name, rate, results={"val_accuracy": 0.9})
        sweep(write, at, f"optimizer={name}", "+optimizer.lr=tag(log, interval(0.001, 1))")
    (comparison,) = read_comparisons(write("", "notes.txt").parent)
    assert [len(one.trials) for one in comparison.contestants] == [2, 2]
    assert comparison.contestants[0].dimensions == {"eta0": LogUniform(low=0.001, high=1.0)}
    assert "hydra sweeps '13-00-00', '13-00-00': 4 runs" in comparison.remarks[0]


@pytest.mark.parametrize(
    ("swept", "expected"),
    [
        ("interval(0.001, 1)", Uniform(low=0.001, high=1.0)),
        ("choice(0.1, 0.01)", Choice(values=(0.1, 0.01))),
        ("range(1, 5)", None),  # not read, and then not reported
    ],
)
def test_notations_of_ranges(write, swept, expected):
    for i, rate in enumerate((0.1, 0.01)):
        above = run(write, f"m/{i}", "adam", rate, results={"val_loss": 0.9})
    sweep(write, "m", f"optimizer.lr={swept}")
    ((adam,),) = [one.contestants for one in read_comparisons(above)]
    assert adam.dimensions.get("alpha0") == expected


@pytest.mark.parametrize(
    ("name", "results"),
    [
        ("metrics.csv", "epoch,val_loss,test_loss\n0,0.5,\n1,0.25,\n1,,0.3\n"),
        ("metrics.yaml", "val_loss: 0.25\ntest_loss: 0.3\n"),
        ("results.json", '{"val_loss": [0.5, 0.25], "test_loss": 0.3}'),
    ],
)
def test_files_of_metrics(write, name, results):
    above = run(write, "m/0", "adam", "${base}", results=results, name=name, base="1.0e-05")
    ((adam,),) = [one.contestants for one in read_comparisons(above)]
    assert adam.winner["validation_metric"] == 0.25 and adam.winner["test_metric"] == 0.3
    assert adam.winner["used_learning_rate"] == 1e-5  # hydra writes references unresolved


def test_references_from_where_they_stand(write):
    """As omegaconf has them: "${..base}" is one level up; the rate was lost without a word."""
    for i, rate in enumerate((0.1, 0.2)):
        above = run(write, f"m/{i}", "adam", "${..base}", results={"val_loss": rate}, base=rate)
    (comparison,) = read_comparisons(above)
    assert list(comparison.contestants[0].trials["searched_alpha0"]) == [0.1, 0.2]


def test_settings_that_are_texts_and_differ_are_named(write):
    """Runs of one rate that differ in their schedule are not runs of one trial; others are."""
    for i, schedule in enumerate(("constant", "linear", "linear")):
        settings = {"decay": schedule, "results": {"val_loss": 0.2}, "seed": i}
        above = run(write, f"m/{i}", "adam", 0.1, **settings)
    (comparison,) = read_comparisons(above)
    (adam,) = comparison.contestants
    assert (adam.num_feasible, len(adam.reruns)) == (2, 1)
    said = "Trials of one optimizer differ in what is no number: decay."
    assert said in comparison.remarks and "decay" in comparison.not_read


def test_without_metrics_it_says_what_was_looked_for(write):
    above = run(write, "m/0", "adam", 0.1)
    with pytest.raises(
        StudyError, match=r"no run of hydra has a file of metrics: \['metrics.json'"
    ):
        read_comparisons(above)


def test_yaml_that_is_not_read_is_named(write):
    above = run(write, "m/0", "adam", "*base", results={"val_loss": 0.9})
    with pytest.raises(StudyError, match=r"config.yaml cannot be read: line 3: '\*base' is YAML"):
        read_comparisons(above)
