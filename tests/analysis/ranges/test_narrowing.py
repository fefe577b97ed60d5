"""Narrower spaces from the trials of all rounds: next_spaces, next_space, narrowed.

Bounds of fitted ranges are recorded, and wide; limits, widths and digits are theory.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from tfoptcmp.tuners.points import point

from tfoptcmp.analysis.ranges import narrowing
from tfoptcmp.analysis.ranges.boundary import Edge, check_boundaries
from tfoptcmp.analysis.ranges.narrowing import (
    LEAST_TO_NARROW,
    narrowed,
    next_space,
    next_spaces,
)
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.metrics import CLASSIFICATION_ERROR, CROSS_ENTROPY, Metric
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform

RATE = LogUniform(low=1e-4, high=1e2)
SQUARE = SearchSpace(
    dimensions={"eta0": RATE, "one_minus_gamma": LogUniform(low=1e-4, high=1.0)}, source="test"
)
MIXED = SearchSpace(
    dimensions={
        "eta0": RATE,
        "decay_steps_fraction": Uniform(low=0.5, high=1.0),
        "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
        "epsilon": Fixed(fixed=1e-8),
    },
    source="test",
)


def searched(space, num, seed=0):
    return [space.values(point(i, num_dims=len(space.free), seed=seed)) for i in range(num)]


def valley(values, place=-2.0):
    """Errors of trials, at chance 1.5 decades from the best rate and beyond."""
    away = np.array([math.log10(one["eta0"]) - place for one in values])
    return np.minimum(0.05 * np.exp(2 * np.abs(away)), 0.9)


def slope(values, place):
    """Errors that fall all the way to a place outside."""
    return np.array([0.01 * math.exp(0.5 * abs(math.log10(v["eta0"]) - place)) for v in values])


def decades(dimension):
    return math.log10(dimension.high / dimension.low)


def in_one_digit(value):
    return value == float(f"{value:.1g}")


def test_a_valley_is_found_and_its_range_lies_around_it():
    values = searched(SQUARE, 40)
    found = narrowed(SQUARE, SQUARE, values, valley(values), worst=0.9)
    rate = found["eta0"]
    assert 1e-4 < rate.low < 5e-3 and 2e-2 < rate.high < 10
    assert 1.0 <= decades(rate) < 3
    assert in_one_digit(rate.low) and in_one_digit(rate.high)
    # What does not matter stays wide: most of four decades.
    assert decades(found["one_minus_gamma"]) > 2.5


def test_trials_of_earlier_rounds_count():
    values = searched(SQUARE, 40)
    current = SearchSpace(
        dimensions={**SQUARE.dimensions, "eta0": LogUniform(low=1e-3, high=1.0)}, source="test"
    )
    later = searched(current, 12, seed=1)
    known = narrowed(SQUARE, current, values + later, valley(values + later), worst=0.9)["eta0"]
    assert 1e-3 <= known.low < 5e-3 and 2e-2 < known.high <= 1.0


def test_no_range_leaves_the_last_round_s():
    # The best rate is below the range: it stays, since no edge was moved.
    values = searched(SQUARE, 40)
    found = narrowed(SQUARE, SQUARE, values, slope(values, -6.0), worst=0.9)
    assert found["eta0"].low == 1e-4
    assert found["one_minus_gamma"].high <= 1.0


@pytest.mark.parametrize(("place", "side"), [(-6.0, "low"), (4.0, "high")])
def test_a_moved_edge_stays_moved(place, side):
    values = searched(SQUARE, 40)
    wider = {"low": LogUniform(low=1e-7, high=1e2), "high": LogUniform(low=1e-4, high=1e5)}[side]
    results, beyond = slope(values, place), {"eta0": wider}
    found = narrowed(SQUARE, SQUARE, values, results, worst=0.9, beyond=beyond)["eta0"]
    assert getattr(found, side) == getattr(wider, side)
    assert decades(found) < decades(wider)


def test_uniform_ranges_choices_and_constants_stay():
    values = searched(MIXED, 40)
    results = np.array([one["decay_steps_fraction"] / 10 for one in values]) * valley(values)
    found = narrowed(MIXED, MIXED, values, results, worst=0.9)
    assert list(found) == list(MIXED.dimensions)
    assert found["eta0"] != RATE
    assert {n: d for n, d in found.items() if n != "eta0"} == {
        n: d for n, d in MIXED.dimensions.items() if n != "eta0"
    }


def test_without_a_logarithmic_range_nothing_changes():
    space = SearchSpace(dimensions={"l2": Uniform(low=0.0, high=1.0)}, source="test")
    values = searched(space, 20)
    assert narrowed(space, space, values, np.linspace(0, 1, 20)) == space.dimensions


def test_few_trials_change_nothing_but_moved_edges():
    values = searched(SQUARE, LEAST_TO_NARROW - 1)
    wider = LogUniform(low=1e-7, high=1e2)
    found = narrowed(SQUARE, SQUARE, values, valley(values), worst=0.9, beyond={"eta0": wider})
    assert found == {**SQUARE.dimensions, "eta0": wider}
    values = searched(SQUARE, LEAST_TO_NARROW)
    assert narrowed(SQUARE, SQUARE, values, valley(values), worst=0.9) != SQUARE.dimensions


@pytest.mark.parametrize("diverged", [math.inf, math.nan])
def test_what_diverged_is_as_bad_as_guessing(diverged):
    values = searched(SQUARE, 40)
    guessed = valley(values)
    some = np.where(guessed == 0.9, diverged, guessed)
    assert np.sum(guessed == 0.9) > 10
    expected = narrowed(SQUARE, SQUARE, values, guessed, worst=0.9)
    assert narrowed(SQUARE, SQUARE, values, some, worst=0.9) == expected


def test_results_worse_than_guessing_are_alike():
    values = searched(SQUARE, 40)
    guessed = valley(values)
    far = np.where(guessed == 0.9, np.linspace(0.9, 1e29, 40), guessed)
    expected = narrowed(SQUARE, SQUARE, values, guessed, worst=0.9)
    assert narrowed(SQUARE, SQUARE, values, far, worst=0.9) == expected


def test_negative_results_are_told_apart():
    values = searched(SQUARE, 40)
    results = valley(values) - 5.0
    found = narrowed(SQUARE, SQUARE, values, results)["eta0"]
    assert found.low < 1e-2 < found.high
    assert decades(found) < 0.6 * decades(RATE)
    some = np.where(np.arange(40) == int(np.argmax(results)), np.nan, results)
    assert narrowed(SQUARE, SQUARE, values, some, worst=-4.1)["eta0"] == found


ODD = {
    "all at chance": (np.full(30, 0.9), 0.9),
    "all worse than chance": (np.full(30, 0.95), 0.9),
    "all equal": (np.full(30, 0.2), 0.9),
    "all diverged": (np.full(30, math.inf), 0.9),
    "all diverged, no level of guessing": (np.full(30, math.nan), math.inf),
    "all zero": (np.zeros(30), 0.9),
    "all zero, no level of guessing": (np.zeros(30), math.inf),
    "some zero": (np.where(np.arange(30) % 3, 0.0, 0.4), 0.9),
    "some zero, no level of guessing": (np.where(np.arange(30) % 3, 0.0, 4e5), math.inf),
    "one is feasible": (np.where(np.arange(30) == 7, 12.0, math.inf), math.inf),
    "guessing's is zero": (np.linspace(0.0, 0.4, 30), 0.0),
    "huge": (np.geomspace(1e-2, 1e29, 30), math.inf),
    "tiny": (np.geomspace(1e-30, 1e-20, 30), math.inf),
    "negative": (np.linspace(-5.0, 5.0, 30), math.inf),
}


@pytest.mark.parametrize(("results", "worst"), ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("error")
def test_odd_results_give_a_sane_box(results, worst):
    found = narrowed(SQUARE, SQUARE, searched(SQUARE, 30), results, worst=worst)
    for name, dimension in found.items():
        limits = SQUARE.dimensions[name]
        assert limits.low <= dimension.low < dimension.high <= limits.high
        assert decades(dimension) >= 1.0 - 1e-9


def test_values_over_many_decades_without_a_level_of_guessing():
    values = searched(SQUARE, 60)
    away = np.array([abs(math.log10(one["eta0"]) + 2) for one in values])
    rate = narrowed(SQUARE, SQUARE, values, 1e-2 * 10 ** (7 * away))["eta0"]
    assert 1e-4 < rate.low < 5e-3 and 2e-2 < rate.high < 10


def test_the_same_trials_give_the_same_space():
    values = searched(SQUARE, 40)
    first, second = (narrowed(SQUARE, SQUARE, values, valley(values), worst=0.9) for _ in range(2))
    assert first == second


def test_of_many_trials_some_are_fitted(monkeypatch):
    monkeypatch.setattr(narrowing, "_MOST_TRIALS", 50)
    seen = []
    fitted = narrowing._fitted

    def spy(inputs, targets):
        seen.append(len(inputs))
        return fitted(inputs, targets)

    monkeypatch.setattr(narrowing, "_fitted", spy)
    values = searched(SQUARE, 601)
    rate = narrowed(SQUARE, SQUARE, values, valley(values), worst=0.9)["eta0"]
    assert rate.low < 1e-2 < rate.high
    assert seen == [50]


def test_which_of_many_trials_are_taken():
    # By hand.
    assert narrowing._evenly(3, 5) == [0, 1, 2]
    assert narrowing._evenly(9, 5) == [0, 2, 4, 6, 8]
    assert len(narrowing._evenly(601, 600)) == 600


def test_a_narrow_range_is_widened_to_a_decade_as_far_as_it_may():
    limits = LogUniform(low=1e-4, high=1e2)
    # By hand: a decade around 0.1 and a quarter of one on both sides.
    assert narrowing._range(np.full(9, -1.0), limits) == (-1.75, -0.25)
    assert narrowing._range(np.full(9, 2.0), limits) == (1.25, 2.0)


@pytest.mark.parametrize(("low", "high"), [(1.1e-2, 1.4e-2), (1.6e-2, 2.4e-2), (0.0149, 0.0151)])
def test_a_range_within_the_rounding_of_its_ends_stays(low, high):
    """To one digit, 0.011 and 0.014 are both 0.01."""
    narrow = LogUniform(low=low, high=high)
    space = replace(SQUARE, dimensions={**SQUARE.dimensions, "eta0": narrow})
    values = searched(space, 40)
    assert narrowed(space, space, values, valley(values))["eta0"] == narrow


def test_small_values_without_a_level_of_guessing_are_told_apart():
    values = searched(SQUARE, 60)
    small, large = (
        narrowed(SQUARE, SQUARE, values, scale * valley(values)) for scale in (1e-9, 1e9)
    )
    assert small == large
    assert decades(small["eta0"]) < 3


@pytest.mark.parametrize("scale", [1e-9, 0.002, 0.01, 1e9])
def test_a_known_level_of_guessing_does_not_make_a_unit(scale):
    values = searched(SQUARE, 60)
    one, other = (
        narrowed(SQUARE, SQUARE, values, by * valley(values), worst=by * 0.9, least=0.0)
        for by in (1.0, scale)
    )
    assert one == other
    assert decades(one["eta0"]) < 3


@pytest.fixture
def study(tmp_path, make_signature, write_study):
    """Makes a study of Momentum whose error is a function of its searched values."""

    def make(num, error=None, **dimensions):
        signature = make_signature("momentum", **dimensions)
        directory = tmp_path / str(len(list(tmp_path.iterdir())))
        (comparison,) = read_comparisons(write_study(directory, signature, [0.5] * num))
        (momentum,) = comparison.contestants
        if error is not None:
            errors = [error(momentum.values_of(row)) for _, row in momentum.trials.iterrows()]
            momentum = replace(momentum, trials=momentum.trials.assign(validation_metric=errors))
        return replace(comparison, contestants=(momentum,))

    return make


def rate(values):
    return min(0.05 * math.exp(2 * abs(math.log10(values["eta0"]) + 1)), 0.9)


def test_the_next_space_of_a_study(study):
    comparison = study(60, rate)
    space = next_spaces(comparison)["momentum"]
    assert space == next_space(comparison, comparison.contestants[0])
    initial = comparison.contestants[0].dimensions
    assert decades(space.dimensions["eta0"]) < decades(initial["eta0"])
    assert space.dimensions["one_minus_gamma"].high <= 1.0
    assert space.dimensions["decay_factor"] == initial["decay_factor"]
    assert space.source == (
        "narrowed after 60 feasible trials, first in a space (test <space>), digits_simple_cnn, "
        "100 steps, study seed 0"
    )
    assert SearchSpace.from_json(space.to_json()) == space


def test_the_next_space_rests_on_all_rounds(study):
    (first,) = study(60, rate).contestants
    comparison = study(20, rate)
    (second,) = comparison.contestants
    both = replace(comparison, contestants=(replace(second, earlier=(first,)),))
    assert "after 60 + 20 feasible trials" in next_spaces(both)["momentum"].source
    assert next_spaces(both) != next_spaces(comparison)


def test_studies_with_too_few_trials_or_without_results_are_left_out(study):
    assert next_spaces(study(14)) == {}
    assert list(next_spaces(study(15))) == ["momentum"]
    assert next_spaces(study(30, lambda v: math.nan)) == {}


def test_an_edge_that_good_trials_crowd_is_moved_outward(study):
    comparison = study(60, lambda v: min(0.05 * (v["eta0"] / 1e-4) ** 0.5, 0.9))
    rate = next_spaces(comparison)["momentum"].dimensions["eta0"]
    assert rate.low == 1e-7  # by hand: half of six decades lower
    assert rate.high < 10


@pytest.mark.parametrize(("unit", "is_same"), [("", True), ("share", False), ("nats", False)])
def test_small_results_are_alike_in_shares_and_nats_only(study, unit, is_same):
    comparison = study(60, rate)
    (one,) = comparison.contestants
    found = []
    for scale in (1.0, 0.002):
        trials = one.trials.assign(validation_metric=scale * one.trials["validation_metric"])
        metric = Metric(name="error", unit=unit, guess=0.9 * scale)
        scaled = replace(comparison, metric=metric, contestants=(replace(one, trials=trials),))
        found.append(next_spaces(scaled)["momentum"].dimensions)
    assert (found[0] == found[1]) == is_same


def test_a_crowded_edge_of_a_narrow_range_does_not_move_inward(study):
    # By hand: half of the range above 1.2 is 1.47, which in one digit is 1.
    narrow = LogUniform(low=0.8, high=1.2)
    comparison = study(60, lambda v: 0.05 / v["eta0"] ** 5, eta0=narrow)
    assert check_boundaries(comparison.contestants[0])[0].verdict is Edge.HIGH
    assert next_spaces(comparison)["momentum"].dimensions["eta0"].high == 1.5


def test_no_edge_is_moved_past_what_is_allowed(study):
    # 1 - gamma is at most 1: no momentum. By hand: half of two decades above 0.5 would be 5.
    narrow = LogUniform(low=5e-3, high=0.5)
    comparison = study(60, lambda v: 0.05 / v["one_minus_gamma"], one_minus_gamma=narrow)
    assert next_spaces(comparison)["momentum"].dimensions["one_minus_gamma"].high == 1.0


def test_hyperparameters_of_one_s_own(tmp_path, make_signature, write_study):
    signature = make_signature("sgd")
    own = {"heat": Hyperparameter(argument="heat", meaning="ours", low_open=True)}
    dimensions = {"eta0": RATE, "heat": LogUniform(low=1e-3, high=1e3)}
    (comparison,) = read_comparisons(write_study(tmp_path, signature, [0.5] * 30))
    (one,) = comparison.contestants
    points = searched(SearchSpace(dimensions=dimensions, own=own, source="test"), 30)
    heats = {"searched_heat": [point["heat"] for point in points]}
    one = replace(one, trials=one.trials.assign(**heats), dimensions=dimensions, own=own)
    errors = [min(0.9, 0.1 * row["searched_heat"]) for _, row in one.trials.iterrows()]
    known = replace(one, trials=one.trials.assign(validation_metric=errors))
    found = next_space(comparison, known)
    assert found.own == own
    assert found.dimensions["heat"].low < 1e-3  # crowded, and no limit is known
    assert decades(found.dimensions["heat"]) < 8


# Theory: 1 - 1/C and ln C.
GUESSING = [
    (CLASSIFICATION_ERROR, 10, 0.9),
    (CLASSIFICATION_ERROR, None, 1.0),
    (CROSS_ENTROPY, 100, math.log(100)),
    (CROSS_ENTROPY, None, math.inf),
    (Metric(name="squared error", unit=""), 10, math.inf),
]


@pytest.mark.parametrize(("metric", "classes", "expected"), GUESSING)
def test_guessing(metric, classes, expected):
    assert metric.with_classes(classes).guessing == expected
