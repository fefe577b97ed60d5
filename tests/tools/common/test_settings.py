"""What --set changes, and what it refuses."""

import pytest
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.settings import change

from tfoptcmp.spaces import LogUniform, SearchSpace

SPACE = SearchSpace(
    source="test",
    dimensions={
        "alpha0_over_epsilon": LogUniform(low=1e-3, high=1e3),
        "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
        "epsilon": LogUniform(low=1e-8, high=1.0),
        "weight_decay_per_step": LogUniform(low=1e-8, high=1.0),
    },
)
VALUES = {
    "alpha0_over_epsilon": 4.0,
    "one_minus_beta1": 0.125,
    "epsilon": 0.5,
    "weight_decay_per_step": 0.25,
}


def changed(*settings):
    return change(SPACE, VALUES, settings, budget_steps=100)


def test_without_settings_all_arguments_are_there():
    found = changed()
    assert found.values == VALUES
    assert found.arguments == {
        **{"learning_rate": 2.0, "beta_1": 0.875, "epsilon": 0.5, "weight_decay": 0.125},
    }
    assert found.note == ""


def test_decay_follows_the_rate_that_is_used():
    found = changed("learning_rate=0.5")
    assert found.arguments["weight_decay"] == 0.25 / 0.5
    assert found.values.keys() == VALUES.keys() - {"alpha0_over_epsilon"}  # no longer true
    found = changed("learning_rate=0.5", "weight_decay=0", "epsilon=0.25")
    assert found.arguments == {
        **{"learning_rate": 0.5, "beta_1": 0.875, "epsilon": 0.25, "weight_decay": 0.0},
    }
    assert found.note == ""


def test_epsilon_moves_the_rate_and_the_decay_and_says_so():
    found = changed("epsilon=0.25")
    assert found.arguments["learning_rate"] == 4.0 * 0.25
    assert found.arguments["weight_decay"] == 0.25 / (4.0 * 0.25)
    assert "moved with epsilon, from 2 to 1, as alpha0_over_epsilon is what it was" in found.note
    assert changed("epsilon=0.25", "alpha0_over_epsilon=3").note == ""  # both are chosen
    assert changed("epsilon=0.5").note == ""  # it was that


REFUSED = {
    "as used, twice": (["learning_rate=1", "learning_rate=2"], "learning_rate must be given once"),
    "as searched, twice": (["epsilon=1", "epsilon=1"], "epsilon must be given once"),
    "decay and its product": (
        ["weight_decay_per_step=0.5", "weight_decay=0"],
        "weight_decay_per_step and weight_decay both determine weight_decay: leave out one",
    ),
    "a rate and its ratio": (["learning_rate=1", "alpha0_over_epsilon=3"], "both determine learni"),
    "decay over no rate": (["learning_rate=0"], "learning_rate must be > 0, as weight_decay_per"),
    "no name": (["gamma=1"], "name must be one of"),
    "no number": (["epsilon=small"], "epsilon must be a number; got 'small'"),
    "out of range": (["epsilon=-1"], r"epsilon must lie in \(0"),
}


@pytest.mark.parametrize(("settings", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_set_is_refused(settings, message):
    with pytest.raises(UserError, match=f"--set: .*{message}|--set: {message}"):
        changed(*settings)
