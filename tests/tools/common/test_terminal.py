from dataclasses import replace

import pytest
from tfoptcmp.tools.common import terminal
from tfoptcmp.workloads.spaces.ranges import default_epsilon_signatures, initial_signatures

from tfoptcmp.metrics import CLASSIFICATION_ERROR, CROSS_ENTROPY
from tfoptcmp.spaces import LogUniform, SearchSpace

ROW = {
    "step": 10,
    "learning_rate": 0.125,
    "train_loss": 1.5,
    "train_metric": 0.25,
    "test_loss": None,
    "gradient_rms": 0.5,
}


@pytest.mark.parametrize(
    ("metric", "shown"), [(CLASSIFICATION_ERROR, "25.00 %"), (CROSS_ENTROPY, "0.25")]
)
def test_a_measurement_is_a_line_under_its_header(metric, shown):
    row, header = terminal.measurement_row(ROW, metric), terminal.measurement_header(metric)
    assert row.split("  ")[-1].strip() == "0.5"
    assert " ".join(row.split()) == f"10 0.125 1.5000 {shown} - - - - 0.5"
    assert len(row) == header.index("gradient rms") + len("gradient rms")
    assert metric.name in header


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (273600, "3 d 4 h")],
)
def test_durations(seconds, text):
    assert terminal.duration(seconds) == text


def test_all_arguments_are_shown_as_used():
    shown = terminal.hyperparameters({"epsilon": 0.5}, {"learning_rate": 2.0, "epsilon": 0.5})
    assert shown == "  searched: epsilon = 0.5\n  used: learning_rate = 2, epsilon = 0.5"
    assert terminal.hyperparameters({}, {"epsilon": 0.5}) == "  used: epsilon = 0.5"


INITIAL = initial_signatures("a paper")


@pytest.mark.parametrize("rule", ["adam", "rmsprop", "adamw", "adagrad"])
def test_a_space_says_which_rates_its_ratio_gives_at_the_default_of_epsilon(rule):
    signature = INITIAL[rule]
    ratio, default = signature.rule.rate_over_epsilon, signature.rule.epsilon.default
    low, high = (
        signature.space.derive(
            {
                **{name: one.low for name, one in signature.space.dimensions.items()},
                ratio: end,
                "epsilon": default,
            },
            budget_steps=100,
        )["learning_rate"]
        for end in (signature.space.dimensions[ratio].low, signature.space.dimensions[ratio].high)
    )
    *_, last = terminal.space(signature).splitlines()
    rate = signature.rule.rate
    assert last == f"  so {rate} is {low:g} .. {high:g} at epsilon = {default:g}, its default"


def test_a_space_without_the_default_of_epsilon_says_so():
    signature = INITIAL["adam"]
    narrowed = SearchSpace(
        dimensions={**signature.space.dimensions, "epsilon": LogUniform(low=2.0, high=3e9)},
        source="rounds",
    )
    *_, last = terminal.space(replace(signature, space=narrowed)).splitlines()
    assert last == "  so epsilon = 1e-08, its default, is left out"


@pytest.mark.parametrize(
    "signature",
    [INITIAL["sgd"], INITIAL["lamb"], default_epsilon_signatures(INITIAL)["adam"]],
    ids=["no epsilon", "no ratio", "epsilon fixed"],
)
def test_other_spaces_say_their_ranges_alone(signature):
    assert len(terminal.space(signature).splitlines()) == 1 + len(signature.space.dimensions)
