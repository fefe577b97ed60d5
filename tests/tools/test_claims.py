"""Answers to the paper's claims, on studies written for them."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfoptcmp.analysis.comparisons import compare
from tools.reproduction.claims import CLAIMS
from tools.reproduction.plans import Panel

_SPEC = importlib.util.spec_from_file_location(
    "studies_on_paper", Path(__file__).parents[1] / "analysis" / "conftest.py"
)
on_paper = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(on_paper)


@pytest.fixture
def panel(tmp_path):
    """Writes the studies of a panel, rule to its lowest error; returns panel and comparison."""

    def write(errors, workload="cifar10_resnet32", **changes):
        panel = Panel(protocol="test", workload=workload, **changes)
        for rule, error in errors.items():
            on_paper.write_study(
                tmp_path / panel.directory,
                on_paper.make_signature(rule),
                list(error + np.linspace(0, 0.01, 20)),
                workload=workload,
                num_examples={"train": 10_000, "validation": 10_000, "test": 10_000},
            )
        (comparison,) = compare(tmp_path / panel.directory)
        return panel, comparison

    return write


def agrees(claim, *panels):
    return CLAIMS[claim].check(panels).agrees


def test_inclusions(panel):
    holds = panel({"sgd": 0.2, "momentum": 0.1})
    assert agrees("inclusions", holds) == "yes"
    assert CLAIMS["inclusions"].check([holds]).ours == "2 tests: 2 consistent"
    assert agrees("inclusions_training", holds) == "yes"
    broken = panel({"sgd": 0.1, "adam": 0.2}, space="other")
    assert agrees("inclusions", holds, broken) == "no"


def test_hardly_matters_is_about_resnet32(panel):
    near = panel({"sgd": 0.1, "momentum": 0.105})
    assert agrees("resnet32", near) == "yes"
    far = panel({"sgd": 0.2, "momentum": 0.1}, space="other")
    assert agrees("resnet32", far) == "no"
    elsewhere = panel({"sgd": 0.1, "momentum": 0.1}, workload="digits_simple_cnn")
    assert agrees("resnet32", elsewhere) == "not run"


def test_clear_order_on_the_transformer(panel):
    clear = {"sgd": 0.3, "momentum": 0.2, "adam": 0.1}
    assert agrees("transformer", panel(clear, workload="lm1b_transformer")) == "yes"
    turned = {"sgd": 0.2, "momentum": 0.3, "adam": 0.1}
    other = panel(turned, workload="lm1b_transformer", space="other")
    assert agrees("transformer", other) == "no"


def test_no_clear_winner(panel):
    assert agrees("adaptive", panel({"rmsprop": 0.1, "adam": 0.1, "nadam": 0.1})) == "yes"
    ahead = panel({"rmsprop": 0.2, "adam": 0.1, "nadam": 0.1}, space="other")
    assert agrees("adaptive", ahead) == "no"
    assert "P(adam better than rmsprop) 1.00" in CLAIMS["adaptive"].check([ahead]).ours


def test_fastest(panel):
    """The error falls linearly from 0.9, so the lower its end, the sooner the target is reached."""
    assert agrees("fastest", panel({"sgd": 0.2, "adam": 0.01})) == "yes"
    assert agrees("fastest", panel({"sgd": 0.01, "adam": 0.2}, space="other")) == "no"


def test_schneider_says_yes_or_no_only_if_clearly(panel):
    space = {"workload": "cifar100_all_cnn_c", "space": "schneider_lr"}
    assert agrees("schneider_all_cnn_c", panel({"momentum": 0.1, "adam": 0.2}, **space)) == "yes"
    even = panel({"momentum": 0.1, "adam": 0.1}, search="random", **space)
    assert agrees("schneider_all_cnn_c", even) == "cannot tell"
    turned = panel({"momentum": 0.2, "adam": 0.1}, search="grid", **space)
    assert agrees("schneider_all_cnn_c", turned) == "no"
    assert agrees("schneider_lstm", turned) == "not run"


def test_wilson(panel):
    grid = panel({"sgd": 0.1, "rmsprop": 0.2, "adam": 0.2}, space="wilson_lr_grid")
    more = panel({"sgd": 0.1, "rmsprop": 0.1, "adam": 0.1}, space="wilson_momentum_epsilon")
    wide = panel({"sgd": 0.09, "rmsprop": 0.08, "adam": 0.08})
    assert agrees("wilson_grid", grid, more, wide) == "yes"
    assert agrees("wilson_equal", grid, more, wide) == "yes"
    assert agrees("wilson_improves", grid, more, wide) == "yes"
    worse = panel({"sgd": 0.12, "rmsprop": 0.08, "adam": 0.08}, search="random")
    assert agrees("wilson_improves", grid, worse) == "no"


def test_too_many_of_the_trials_are_no_answer(panel):
    one, comparison = panel({"sgd": 0.1, "momentum": 0.105})
    descriptive = replace(comparison, tuning_budget=11)  # of 20
    assert agrees("resnet32", (one, descriptive)) == "cannot tell"


def test_epsilon_over_the_workloads(panel):
    """The trials' epsilons are random: here only that the answer is about several workloads."""
    first = panel({"adam": 0.1})
    assert agrees("epsilon_span", first) == "not run"
    second = panel({"adam": 0.1}, workload="digits_simple_cnn")
    answer = CLAIMS["epsilon_span"].check([first, second])
    assert answer.ours == "0.0 orders"  # the same random numbers
    assert answer.agrees == "no"
    assert "times the default or more" in CLAIMS["epsilon"].check([first]).ours
