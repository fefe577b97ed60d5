"""Importance on made surfaces, whose shares are known by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tfoptcmp.tuners.points import point

from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.ranges.importance import LEAST_TO_FIT, importances
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform

DIMENSIONS = {
    "eta0": LogUniform(low=1e-4, high=1e2),
    "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
    "epsilon": Fixed(fixed=1e-8),
}
NUM = 300


def contestant(error, num=NUM):
    """Trials whose error is a function of the four positions in [0, 1)."""
    units = np.array([point(i, num_dims=4, seed=0) for i in range(num)])
    names = [name for name in DIMENSIONS if name != "epsilon"]
    rows = {
        f"searched_{name}": [DIMENSIONS[name].value(u) for u in units[:, i]]
        for i, name in enumerate(names)
    }
    rows["validation_metric"] = [error(*u) for u in units]
    table = trials_table(pd.DataFrame({"trial": range(num), **rows}))
    diverged = ~np.isfinite(table["validation_metric"])
    table["feasible"] = ~diverged
    table["status"] = np.where(diverged, "INFEASIBLE", "COMPLETE")
    return Contestant(name="x", title="X", rule=None, trials=table, dimensions=DIMENSIONS)


def shares(found):
    return {one.name: one.share for one in found.each}


def test_of_a_sum_the_shares_are_those_of_its_terms():
    """Log error 2 a + b: variances 4 and 1 of 12ths, so 80 and 20 %."""
    found = importances(contestant(lambda a, b, c, d: 0.01 * math.exp(2 * a + b)))
    assert found.is_believable
    assert found.explained > 0.9
    assert [one.name for one in found.each[:2]] == ["eta0", "one_minus_gamma"]
    assert shares(found)["eta0"] == pytest.approx(0.8, abs=0.07)
    assert shares(found)["one_minus_gamma"] == pytest.approx(0.2, abs=0.07)
    assert shares(found)["decay_steps_fraction"] < 0.02
    assert found.interactions < 0.1
    assert found.pair.names == ("eta0", "one_minus_gamma")
    assert found.pair.share > 0.95
    assert found.pair.interaction < 0.06
    # By hand: the cell of the lowest positions has the lowest error, and rows are of the first.
    assert np.unravel_index(found.pair.expected.argmin(), (10, 10)) == (0, 0)
    assert found.pair.expected[-1, 0] > found.pair.expected[0, -1]
    assert 0.01 < found.pair.expected.min() < found.pair.expected.max() < 0.01 * math.exp(3)


def test_of_a_product_nothing_matters_alone():
    found = importances(
        contestant(lambda a, b, c, d: 0.1 * math.exp(8 * (a - 0.5) * (b - 0.5)), num=600)
    )
    assert found.is_believable
    assert found.pair.interaction > 0.5
    assert set(found.pair.names) == {"eta0", "one_minus_gamma"}
    assert found.interactions > 0.6
    assert max(shares(found).values()) < 0.2


def test_a_choice_can_matter():
    found = importances(contestant(lambda a, b, c, d: 0.01 * (1 + int(3 * d))))
    assert found.each[0].name == "decay_factor"
    assert found.each[0].share > 0.9


def test_intervals_hold_the_truth_and_shrink():
    wide, narrow = (
        importances(contestant(lambda a, b, c, d: 0.01 * math.exp(2 * a + b + c), num))
        for num in (40, 400)
    )
    for found in (wide, narrow):
        (first, *_) = found.each
        assert first.name == "eta0"
        assert first.low - 0.1 <= 4 / 6 <= first.high + 0.1  # by hand: 4 of 4 + 1 + 1
    assert narrow.each[0].high - narrow.each[0].low < wide.each[0].high - wide.each[0].low


def test_noise_is_not_believed():
    rng = np.random.default_rng(0)
    found = importances(contestant(lambda *_: rng.uniform(0.1, 0.9), num=60))
    assert not found.is_believable


def test_diverged_trials_count_as_guessing():
    """The error is the same everywhere but diverges at high rates: the rate alone matters."""
    made = contestant(lambda a, b, c, d: math.inf if a > 0.5 else 0.05)
    found = importances(made, worst=0.9)
    assert found.each[0].name == "eta0"
    assert found.each[0].share > 0.95


def test_too_few_trials_say_nothing():
    made = contestant(lambda a, b, c, d: a, num=LEAST_TO_FIT - 1)
    assert importances(made) is None
    assert importances(replace(made, dimensions={"epsilon": Fixed(fixed=1.0)})) is None


def test_all_equal_is_nothing():
    found = importances(contestant(lambda *_: 0.5, num=30))
    assert max(shares(found).values()) == 0
    assert not found.is_believable
