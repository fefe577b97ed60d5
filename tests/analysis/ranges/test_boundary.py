import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tfoptcmp.analysis.ranges import boundary
from tfoptcmp.analysis.ranges.boundary import (
    Edge,
    check_boundaries,
    good_trials,
    position,
    suggested_spaces,
    write_spaces,
)
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.hyperparameters import HYPERPARAMETERS
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform


@pytest.fixture
def study(tmp_path, make_signature, write_study):
    """Makes a study of Momentum whose error is a function of its searched values."""

    def make(error, num=60, **dimensions):
        signature = make_signature("momentum", **dimensions)
        # write_study draws the points itself, seeded: the errors come after.
        (comparison,) = read_comparisons(write_study(tmp_path / f"{num}", signature, [0.5] * num))
        (momentum,) = comparison.contestants
        errors = [error(momentum.values_of(row)) for _, row in momentum.trials.iterrows()]
        trials = momentum.trials.assign(validation_metric=errors)
        return replace(comparison, contestants=(replace(momentum, trials=trials),))

    return make


def checks_of(comparison):
    return {check.name: check for check in check_boundaries(comparison.contestants[0])}


def verdicts(comparison):
    return {name: check.verdict for name, check in checks_of(comparison).items()}


def test_positions_on_the_dimensions_own_scale():
    assert list(position(LogUniform(low=1e-4, high=1.0), [1e-4, 1e-2, 1.0])) == pytest.approx(
        [0, 0.5, 1]
    )
    assert list(position(Uniform(low=0.5, high=1.0), [0.5, 0.75])) == pytest.approx([0, 0.5])
    assert list(position(Choice(values=(0.1, 0.001, 0.01)), [0.001, 0.1])) == [0, 1]
    assert list(position(Choice(values=(0.1,)), [0.1])) == [0]
    with pytest.raises(ValueError, match="must have a range"):
        position(Fixed(fixed=1.0), [1.0])


def test_good_trials_are_a_tenth_or_five_but_at_most_a_third(study):
    # By hand; the share is rounded up: 6.1 good of 61 are 7, 2.3 of 7 are 3.
    for num, count in ((6, 2), (7, 3), (20, 5), (60, 6), (61, 7)):
        (momentum,) = study(lambda v: v["eta0"] / 1e3, num).contestants
        good = good_trials(momentum)
        assert len(good) == count
        assert list(good["searched_eta0"]) == sorted(momentum.trials["searched_eta0"])[:count]


def test_trials_without_a_validation_metric_are_not_good(study):
    (momentum,) = study(lambda v: 0.5, 30).contestants
    unknown = momentum.trials.assign(validation_metric=[0.1] * 14 + [math.nan] * 8 + [math.inf] * 8)
    some = replace(momentum, trials=unknown)
    assert list(good_trials(some).index) == [0, 1, 2, 3, 4]
    assert {check.reason for check in check_boundaries(some)} == {"needs 15 feasible trials"}


def test_optimum_inside_is_inside(study):
    # eta0 in [1e-4, 1e2]: the optimum 0.1 is its middle; the others do not matter.
    found = verdicts(study(lambda v: 0.01 + abs(math.log10(v["eta0"]) + 1) / 10))
    assert found["eta0"] is Edge.INSIDE


@pytest.mark.parametrize(("sign", "edge"), [(1, Edge.LOW), (-1, Edge.HIGH)])
def test_optimum_beyond_an_edge_crowds_it(study, sign, edge):
    check = checks_of(study(lambda v: 0.5 + sign * math.log10(v["eta0"]) / 20))["eta0"]
    assert check.verdict is edge
    moved = check.suggestion
    # By hand: six decades; half of them, three, come at the crowded edge, and at most three go.
    if edge is Edge.LOW:
        assert moved == LogUniform(low=1e-7, high=0.1)
    else:
        assert moved == LogUniform(low=0.1, high=1e5)


def test_limit_of_what_is_allowed_is_not_crossed(study):
    check = checks_of(study(lambda v: 0.4 - math.log10(v["one_minus_gamma"]) / 10))[
        "one_minus_gamma"
    ]
    assert check.verdict is Edge.HIGH  # at 1 - gamma = 1 there is no momentum left
    assert check.at_limit(Edge.HIGH) and not check.at_limit(Edge.LOW)
    assert check.suggestion is None
    assert check.reason == "the edge is the limit of the allowed range"


def test_choice_gets_one_value_more_at_the_same_ratio(study):
    check = checks_of(study(lambda v: 0.2 + v["decay_factor"], num=120))["decay_factor"]
    assert check.verdict is Edge.LOW
    assert check.suggestion == Choice(values=(1e-4, 1e-3, 1e-2, 1e-1))
    assert (check.near(Edge.LOW), check.near(Edge.HIGH)) == (12, 0)
    assert check.chance(Edge.LOW) == pytest.approx(3.0**-12)  # theory


@pytest.mark.parametrize(
    ("values", "moved"),
    [((0.1, 0.3), (0.9,)), ((0.01, 0.1), (1.0,)), ((0.3, 0.6), (1.0,)), ((0.01, 0.1, 1.0), None)],
    ids=["0.9", "the limit", "short of the ratio", "beyond"],
)
def test_choice_gets_no_value_beyond_the_limit(study, values, moved):
    """By hand: next are 0.9, 1, 1.2 and 10; a decay factor is 1 at most."""
    comparison = study(lambda v: -v["decay_factor"], 120, decay_factor=Choice(values=values))
    check = checks_of(comparison)["decay_factor"]
    assert check.verdict is Edge.HIGH
    assert check.suggestion == (moved and Choice(values=(*values, *moved)))


def test_a_choice_with_a_zero_gets_one_value_more_at_the_same_distance(study):
    """It was said to be at its limit, and accepted as final."""
    values = (0.0, 0.05, 0.1, 0.2)
    comparison = study(lambda v: -v["label_smoothing"], 120, label_smoothing=Choice(values=values))
    check = checks_of(comparison)["label_smoothing"]
    assert check.verdict is Edge.HIGH
    assert check.suggestion == Choice(values=(*values, 0.3))  # by hand
    assert "label_smoothing" in boundary.why_not_final(check.contestant)


@pytest.mark.parametrize("edge", [Edge.LOW, Edge.HIGH])
def test_narrow_ranges_of_all_places_move_outward(edge):
    """With two digits both ends could round to one number, or the other side could grow."""
    allowed = HYPERPARAMETERS["one_minus_gamma"]
    where = np.array([0.05 if edge is Edge.LOW else 0.95])
    for start in range(900, 1000, 7):
        for width in (1, 2, 8, 30):
            low, high = start / 1000, min((start + width) / 1000, 0.9999)
            for kind in (Uniform, LogUniform):
                moved = boundary._moved(allowed, kind(low=low, high=high), where, edge)
                if edge is Edge.LOW:
                    assert moved.low < low and moved.high <= high
                else:
                    assert moved.high > high and moved.low >= low


def test_narrow_choices_move_outward():
    allowed = HYPERPARAMETERS["eta0"]
    for values in ((0.99, 0.991), (0.5, 0.9, 0.901), (1.04, 1.041)):
        moved = boundary._one_more(Choice(values=values), Edge.HIGH, allowed)
        assert moved.values[:-1] == values and moved.values[-1] > values[-1]


def test_a_narrow_range_moves_by_less_than_two_digits(study):
    narrow = Uniform(low=0.99, high=0.999)
    check = checks_of(study(lambda v: v["one_minus_gamma"], one_minus_gamma=narrow))
    moved = check["one_minus_gamma"].suggestion
    assert moved.low == pytest.approx(0.9855, abs=6e-4)  # half of 0.009 lower, with three digits


def test_choice_gets_no_limit_that_is_excluded():
    """A fraction of the budget may be 1, and no more; never 0, nor a rate."""
    dimension = Choice(values=(0.25, 0.5))
    allowed = HYPERPARAMETERS["decay_steps_fraction"]
    assert allowed.low_open
    assert boundary._one_more(dimension, Edge.HIGH, allowed) == Choice(values=(0.25, 0.5, 1.0))
    assert boundary._one_more(dimension, Edge.LOW, allowed) == Choice(values=(0.12, 0.25, 0.5))
    bounded = replace(allowed, low=0.2)
    assert boundary._one_more(dimension, Edge.LOW, bounded) is None
    assert boundary._one_more(dimension, Edge.LOW, replace(bounded, low_open=False)) == Choice(
        values=(0.2, 0.25, 0.5)
    )


def test_the_other_side_follows_to_the_middle_at_most_and_stays_clear_of_good_trials(study):
    """The good trials lie at the low edge, except one whose place is given."""
    (momentum,) = study(lambda v: v["l2"], l2=Uniform(low=0.2, high=1.0)).contestants
    outlier = good_trials(momentum).index[-1]
    for place, high in ((0.3, 0.6), (0.85, 0.93), (0.99, 1.0)):
        # By hand: the middle is 0.6, a tenth of the width is 0.08, and half of it below is less
        # than 0, which is allowed.
        trials = momentum.trials.copy()
        trials.loc[outlier, "searched_l2"] = place
        checks = check_boundaries(replace(momentum, trials=trials))
        (check,) = [c for c in checks if c.name == "l2"]
        assert check.suggestion == Uniform(low=0.0, high=high)


def test_few_trials_tell_nothing(study):
    found = checks_of(study(lambda v: v["eta0"] / 1e3, num=14)).values()
    assert {check.verdict for check in found} == {Edge.CANNOT_TELL}
    assert {check.reason for check in found} == {"needs 15 feasible trials"}
    assert verdicts(study(lambda v: v["eta0"] / 1e3, num=15))["eta0"] is Edge.INSIDE


def test_dimension_that_does_not_matter_is_rarely_called_crowded(study):
    # Theory: five good of fifty; P(4 or more in an outer fifth) = 0.0067 at each of two edges.
    rng = np.random.default_rng(0)
    (momentum,) = study(lambda v: 0.5, num=50).contestants
    alarms = 0
    for _ in range(100):
        trials = momentum.trials.assign(validation_metric=rng.uniform(size=50))
        alarms += sum(
            check.verdict in (Edge.LOW, Edge.HIGH)
            for check in check_boundaries(replace(momentum, trials=trials))
            if check.name in ("eta0", "one_minus_gamma", "decay_steps_fraction")
        )
    assert alarms <= 12  # expected 4 of 300


def test_without_feasible_trials(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [], infeasible=3)
    (comparison,) = read_comparisons(tmp_path)
    assert set(verdicts(comparison).values()) == {Edge.CANNOT_TELL}
    assert suggested_spaces(comparison) == {"sgd": comparison.contestants[0].space}


def test_suggestion_is_read_back_as_search_spaces(study, tmp_path):
    comparison = study(lambda v: 0.5 + math.log10(v["eta0"]) / 20)
    path = write_spaces(suggested_spaces(comparison), tmp_path / "space_suggestion.json")
    spaces = {k: SearchSpace.from_json(v) for k, v in json.loads(path.read_text()).items()}
    assert list(spaces) == ["momentum"]
    space = spaces["momentum"]
    assert list(space.dimensions) == list(comparison.contestants[0].dimensions)
    assert space.dimensions["eta0"] == LogUniform(low=1e-7, high=0.1)
    assert space.source == (
        "test <space>; eta0 moved after the boundary check of 60 trials of digits_simple_cnn, "
        "study seed 0"
    )


def test_a_table_whose_ranges_are_known_is_checked(tmp_path):
    """The allowed range of `lr` is known, that of `warmup` is not; `extra` has no known range."""
    path = tmp_path / "results.csv"
    header = "optimizer,validation,lr,lr_low,lr_high,warmup,warmup_low,warmup_high,extra"
    rows = [f"mine,{i / 100},{10 ** (i / 10 - 4)},1e-4,1e2,{i},0,60,{i}" for i in range(60)]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (comparison,) = read_comparisons(path)
    checks = checks_of(comparison)
    assert list(checks) == ["eta0", "warmup"]
    assert {check.verdict for check in checks.values()} == {Edge.LOW}
    assert checks["eta0"].suggestion == LogUniform(low=1e-7, high=0.1)  # by hand, as above
    assert (checks["warmup"].suggestion, checks["warmup"].reason) == (
        None,
        "the allowed range is not known",
    )
    assert suggested_spaces(comparison) == {}  # not all of its space is on record


def test_good_trials_whose_value_is_not_known_tell_nothing(study):
    comparison = study(lambda v: v["eta0"] / 1e3)
    (momentum,) = comparison.contestants
    trials = momentum.trials.copy()
    trials.loc[good_trials(momentum).index[:2], "searched_eta0"] = math.nan
    (check, *_) = check_boundaries(replace(momentum, trials=trials))
    assert (check.name, check.verdict) == ("eta0", Edge.CANNOT_TELL)
    assert check.reason == "needs its value in 5 good trials"


def test_a_study_without_any_trial(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [])
    (comparison,) = read_comparisons(tmp_path)
    assert set(verdicts(comparison).values()) == {Edge.CANNOT_TELL}


def test_chance_of_many_good_trials_does_not_overflow():
    # Theory: the sum of the binomial distribution, in fractions.
    p = Fraction(1, 5)
    tail = sum(math.comb(40, i) * p**i * (1 - p) ** (40 - i) for i in range(12, 41))
    assert boundary._at_least(12, 40, 0.2) == pytest.approx(float(tail), rel=1e-12)
    assert boundary._at_least(0, 40, 0.2) == 1.0
    # By hand: the mean is 400, the standard deviation 17.9; comb(2000, 400) is beyond a float.
    assert boundary._at_least(400, 2000, 0.2) == pytest.approx(0.51, abs=0.01)
