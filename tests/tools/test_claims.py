"""Answers to the paper's claims, on studies written for them."""

import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tfoptcmp.tools.reproduction.claims import CLAIMS, answer
from tfoptcmp.tools.reproduction.evidence import mean_values
from tfoptcmp.tools.reproduction.plans import ALL_TUNED, Panel

from tfoptcmp.analysis import read_comparisons

_SPEC = importlib.util.spec_from_file_location(
    "studies_on_paper", Path(__file__).parents[1] / "analysis" / "conftest.py"
)
on_paper = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(on_paper)


@pytest.fixture
def panel(tmp_path):
    """Writes the studies of a panel, rule to its lowest error; returns panel and comparison."""

    def write(errors, workload="cifar10_resnet32", num_trials=20, scale="cpu", **changes):
        protocol = "test" if "space" in changes else ALL_TUNED
        panel = Panel(
            protocol=protocol, workload=workload, **{"optimizers": tuple(errors), **changes}
        )
        for rule, error in errors.items():
            on_paper.write_study(
                tmp_path / panel.directory,
                on_paper.make_signature(rule),
                list(error + np.linspace(0, 0.01, num_trials)),
                workload=workload,
                budget={"scale": scale},
                num_examples={"train": 10_000, "validation": 10_000, "test": 10_000},
            )
        (comparison,) = read_comparisons(tmp_path / panel.directory)
        return panel, comparison

    return write


def agrees(claim, *panels):
    return CLAIMS[claim].check(panels).agrees


def test_inclusions(panel):
    holds = panel({"sgd": 0.2, "momentum": 0.1})
    assert agrees("inclusions", holds) == "yes"
    assert CLAIMS["inclusions"].check([holds]).ours == "2 tests: 2 better"
    assert agrees("inclusions_training", holds) == "yes"
    alone = panel({"sgd": 0.2}, space="alone")
    assert CLAIMS["inclusions_steps"].check([alone]).ours == "no pair to test, or no target"
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
    alike = panel(
        {"sgd": 0.1, "momentum": 0.1, "adam": 0.1}, workload="lm1b_transformer", search="r"
    )
    assert agrees("transformer", alike) == "cannot tell"


def test_no_clear_winner(panel):
    assert agrees("adaptive", panel({"rmsprop": 0.1, "adam": 0.1, "nadam": 0.1})) == "yes"
    ahead = panel({"rmsprop": 0.2, "adam": 0.1, "nadam": 0.1}, space="other")
    assert agrees("adaptive", ahead) == "no"
    assert "adam minus rmsprop -10.00 [" in CLAIMS["adaptive"].check([ahead]).ours


def test_fastest(panel):
    """The error falls linearly from 0.9, so the lower its end, the sooner the target is reached."""
    assert agrees("fastest", panel({"sgd": 0.2, "adam": 0.01})) == "yes"
    assert agrees("fastest", panel({"sgd": 0.01, "adam": 0.2}, space="other")) == "no"
    alike = panel({"sgd": 0.1, "nadam": 0.1}, space="third")
    assert agrees("fastest", alike) == "cannot tell"
    assert CLAIMS["fastest"].check([alike]).ours.endswith("+0 [+0, +0] steps")


def test_who_never_reaches_the_target_is_not_the_fastest(panel):
    """The target is 0.25, as above."""
    ahead = panel({"sgd": 0.2, "adam": 0.01})
    never = {"sgd": 0.01, "momentum": 0.4, "adam": 0.4}
    lost = [panel(never, space=f"lost{i}") for i in range(2)]
    assert agrees("fastest", ahead, *lost) == "no"
    # By hand: SGD is there after 75 of the 100 steps, which is all that Adam has.
    (said,) = (CLAIMS["fastest"].check([one]).ours for one in lost[:1])
    assert said.endswith("adam minus sgd +25 [+25, +25] steps, adam never got there")
    alone = panel({"sgd": 0.4, "adam": 0.01}, space="alone")
    assert agrees("fastest", alone) == "yes"
    assert agrees("fastest", panel({"sgd": 0.4, "adam": 0.4}, space="none")) == "cannot tell"


def test_who_gets_there_seldom_is_not_the_faster_of_the_two(panel):
    """Two trials of NAdam get there at once, and the rest never; Adam's all do after 75 steps."""
    where, found = panel({"sgd": 0.2, "adam": 0.0, "nadam": 0.2})
    seldom = [25.0] * 2 + [math.inf] * 18
    nadam = found.named("nadam")
    nadam = replace(nadam, trials=nadam.trials.assign(steps_to_target=seldom))
    found = replace(found, contestants=(*found.contestants[:2], nadam))
    # By hand, of two trials: 1 - 0.9 ** 2 get there.
    assert mean_values(found, "steps_to_target") == pytest.approx(
        {"sgd": 100, "adam": 75, "nadam": 0.19 * 25 + 0.81 * 100}
    )
    said = CLAIMS["fastest"].check([(where, found)])
    assert "adam minus sgd -25" in said.ours and "nadam" not in said.ours
    assert said.agrees == "yes"


def test_adam_and_nadam_a_little_better_than_rmsprop(panel):
    assert agrees("adaptive_order", panel({"rmsprop": 0.11, "adam": 0.1, "nadam": 0.1})) == "yes"
    turned = panel({"rmsprop": 0.1, "adam": 0.11, "nadam": 0.11}, space="other")
    assert agrees("adaptive_order", turned) == "no"
    alike = panel({"rmsprop": 0.1, "adam": 0.1}, space="equal")
    assert agrees("adaptive_order", alike) == "cannot tell"
    assert agrees("adaptive_order", panel({"sgd": 0.1, "adam": 0.1}, space="third")) == "not run"


def test_steps_on_lm1b(panel):
    """Errors fall linearly from 0.9 in 100 steps and are measured every 25."""
    on = {"workload": "lm1b_transformer"}
    # By hand: SGD ends at 0.7; Adam, on its way to 0, is there after 22 steps, seen at 25.
    ahead = panel({"sgd": 0.7, "momentum": 0.24, "adam": 0.0}, **on)
    assert CLAIMS["lm1b_steps_to_sgd"].check([ahead]).ours == "25 %"
    assert agrees("lm1b_steps_to_sgd", ahead) == "yes"
    # By hand: the target is 0.25, which Momentum reaches at 100 and Adam at 75.
    assert CLAIMS["lm1b_steps"].check([ahead]).ours == "75 %"
    assert agrees("lm1b_steps", ahead) == "yes"
    behind = panel({"sgd": 0.1, "momentum": 0.5, "adam": 0.5}, space="other", **on)
    assert agrees("lm1b_steps_to_sgd", behind) == "cannot tell"
    assert agrees("lm1b_steps", behind) == "cannot tell"
    assert agrees("lm1b_steps", panel({"adam": 0.1}, workload="digits_simple_cnn")) == "not run"


def test_thin_evidence_says_neither_yes_nor_no(panel):
    errors = {"sgd": 0.1, "momentum": 0.1}
    assert answer("resnet32", [panel(errors)]).agrees == "yes"
    smoke = answer("resnet32", [panel(errors, scale="smoke", space="smoke")])
    assert smoke.agrees == "cannot tell: smoke scale"
    few = answer("resnet32", [panel(errors, num_trials=9, space="few")])
    assert few.agrees == "cannot tell"
    assert answer("transformer", [panel(errors, num_trials=9, space="f")]).agrees == "not run"


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
    schedule = panel({"sgd": 0.1, "rmsprop": 0.1, "adam": 0.1}, space="lr_and_schedule")
    assert agrees("wilson_grid", grid, more, wide) == "yes"
    assert agrees("wilson_equal", grid, more, schedule, wide) == "yes"
    assert agrees("wilson_improves", grid, more, wide) == "yes"
    worse = panel({"sgd": 0.12, "rmsprop": 0.08, "adam": 0.08}, search="random")
    assert agrees("wilson_improves", grid, worse) == "no"
    panel_of_final, comparison = wide
    final = replace(panel_of_final, space="final"), comparison
    assert agrees("wilson_improves", grid, final) == "yes"


def test_all_needs_all_rules_and_protocols(panel):
    errors = {"sgd": 0.1, "adam": 0.1}
    grid = panel({"sgd": 0.1, "adam": 0.2}, space="wilson_lr_grid")
    more = panel(errors, space="wilson_momentum_epsilon")
    schedule = panel(errors, space="lr_and_schedule")
    assert agrees("wilson_equal", more, schedule) == "yes"
    assert agrees("wilson_equal", more) == "cannot tell"
    lacking = replace(more[0], optimizers=("sgd", "momentum", "adam")), more[1]
    assert agrees("wilson_equal", lacking, schedule) == "cannot tell"
    apart = panel({"sgd": 0.1, "adam": 0.2}, space="wilson_momentum_epsilon", search="random")
    assert agrees("wilson_equal", apart) == "no"

    only = panel({"sgd": 0.05})
    assert agrees("wilson_improves", grid, only) == "cannot tell"
    assert "adam not run in both" in CLAIMS["wilson_improves"].check([grid, only]).ours
    noise = panel({"sgd": 0.0999, "adam": 0.1}, search="random")
    assert agrees("wilson_improves", grid, noise) == "cannot tell"


def test_too_many_of_the_trials_are_no_answer(panel):
    one, comparison = panel({"sgd": 0.1, "momentum": 0.105})
    descriptive = replace(comparison, tuning_budget=5)  # of 20
    assert agrees("resnet32", (one, descriptive)) == "cannot tell"


def test_epsilon_over_the_workloads(panel):
    """The trials' epsilons are random: here only that the answer is about several workloads."""
    first = panel({"adam": 0.1})
    assert agrees("epsilon_span", first) == "not run"
    second = panel({"adam": 0.1}, workload="digits_simple_cnn")
    answer = CLAIMS["epsilon_span"].check([first, second])
    assert answer.ours == "0.0 orders"  # the same random numbers
    assert answer.agrees == "cannot tell"  # other workloads may be further apart
    assert "times the default or more" in CLAIMS["epsilon"].check([first]).ours
