import math
from dataclasses import replace

import pytest
from tfoptcmp.workloads.spaces.ranges import default_epsilon_signatures

from tfoptcmp.analysis.ranges.containment import containments, misses_of
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.spaces import Fixed, LogUniform, SearchSpace

ERRORS = [0.1 + 0.02 * i for i in range(20)]


@pytest.fixture
def compared(tmp_path, make_signature, write_study):
    """Two or more rules by the dimensions that are not as usual."""

    def compared(**rules):
        for rule, dimensions in rules.items():
            write_study(tmp_path, make_signature(rule, **dimensions), ERRORS)
        (comparison,) = read_comparisons(tmp_path)
        return comparison

    return compared


def told(comparison):
    """Pair to (good trials inside, good trials, what cuts them off)."""
    return {
        (one.special.name, one.general.name): (one.num_inside, one.num_good, dict(one.cut_off))
        for one in containments(comparison)
    }


def with_gradients(comparison, rms, name="momentum"):
    changed = [
        replace(one, trials=one.trials.assign(largest_gradient_rms=rms))
        if one.name == name
        else one
        for one in comparison.contestants
    ]
    return replace(comparison, contestants=tuple(changed))


def test_momentum_holds_sgd_if_it_can_be_without_momentum(compared):
    found = told(compared(sgd={}, momentum={}))
    assert found == {("sgd", "momentum"): (5, 5, {})}  # by hand: five good of 20


def test_a_range_that_ends_below_no_momentum_cuts_off_everything(compared):
    narrow = {"one_minus_gamma": LogUniform(low=1e-3, high=0.5)}
    found = compared(sgd={}, momentum=narrow)
    assert told(found) == {("sgd", "momentum"): (0, 5, {"one_minus_gamma": 5})}
    assert containments(found)[0].mostly_outside


def test_each_trial_counts_once_and_each_range_that_leaves_it_out(compared):
    """By hand, from the values: alpha0 / epsilon = eta0 / (1 - gamma)."""
    narrow = {
        "alpha0_over_epsilon": LogUniform(low=1.0, high=100.0),
        "one_minus_beta1": LogUniform(low=0.05, high=1.0),
    }
    found = compared(momentum={}, adam=narrow)
    found = with_gradients(found, 1e-3)
    (momentum, _) = found.contestants
    good = momentum.trials.head(5)  # the errors grow with the index
    beta = good["searched_one_minus_gamma"]
    ratios = good["searched_eta0"] / beta
    outside, low = (ratios < 0.9) | (ratios > 110), beta < 0.045
    assert outside.sum() and low.sum() and (outside & low).sum()
    (one,) = containments(found)
    assert one.cut_off == {"alpha0_over_epsilon": outside.sum(), "one_minus_beta1": low.sum()}
    assert list(one.cut_off.values()) == sorted(one.cut_off.values(), reverse=True)
    assert one.num_inside == 5 - (outside | low).sum()


@pytest.mark.parametrize(
    ("rule", "rate", "ratio", "scale"),
    [
        ("adam", "alpha0", "alpha0_over_epsilon", 1e-8),
        ("rmsprop", "eta0", "eta0_over_sqrt_epsilon", 1e-5),
    ],
)
def test_a_rule_holds_itself_with_epsilon_at_its_default_where_the_ratio_reaches(
    tmp_path, make_signature, write_study, rule, rate, ratio, scale
):
    """By hand: Adam's default is 1e-8, RMSProp's 1e-10, of which the root counts."""
    wide = {"epsilon": LogUniform(low=1e-10, high=1.0)}
    signature = make_signature(rule, **wide)
    write_study(tmp_path, default_epsilon_signatures({rule: signature})[rule], ERRORS)
    reaching = LogUniform(low=1e-6 / scale, high=1e-3 / scale)
    write_study(tmp_path, make_signature(rule, **wide, **{ratio: reaching}), ERRORS)
    (comparison,) = read_comparisons(tmp_path)
    (one,) = containments(comparison)
    assert (one.special.name, one.general.name) == (f"{rule}_default_epsilon", rule)
    rates = one.special.trials.head(5)[f"searched_{rate}"]
    outside = int((rates > 1.1e-3).sum())
    assert 0 < outside < 5
    assert one.cut_off == {ratio: outside}


@pytest.mark.parametrize(("high", "inside"), [(1e-1, False), (1e2, True)])
def test_a_ratio_is_held_by_a_rate_that_reaches(
    tmp_path, make_signature, write_study, high, inside
):
    """By hand: a ratio of 100 to 1,000 at epsilon = 0.01 is a rate of 1 to 10."""
    ratio = {"alpha0_over_epsilon": LogUniform(low=1e2, high=1e3)}
    fixed = make_signature("adam", name="fixed", epsilon=Fixed(fixed=1e-2), **ratio)
    write_study(tmp_path, fixed, ERRORS)
    general = default_epsilon_signatures({"adam": make_signature("adam")})["adam"]
    dimensions = {
        **general.space.dimensions,
        "alpha0": LogUniform(low=1e-6, high=high),
        "epsilon": LogUniform(low=1e-4, high=1.0),
    }
    space = SearchSpace(dimensions=dimensions, source="test")
    write_study(tmp_path, replace(general, name="rate", space=space), ERRORS)
    (one,) = containments(*read_comparisons(tmp_path))
    assert (one.special.name, one.general.name) == ("fixed", "rate")
    assert one.cut_off == ({} if inside else {"alpha0": 5})


WIDE = {
    "alpha0_over_epsilon": LogUniform(low=1e-6, high=1e8),
    "one_minus_beta1": LogUniform(low=1e-5, high=1.0),
}


@pytest.mark.parametrize(("highest", "inside"), [(1.0, 5), (0.91, 5), (0.85, 0)])
def test_epsilon_must_be_ten_times_the_gradient(compared, highest, inside):
    """Theory: ten times a root mean square of 0.1, with a tenth of room."""
    narrow = {**WIDE, "epsilon": LogUniform(low=1e-10, high=highest)}
    found = told(with_gradients(compared(momentum={}, adam=narrow), 0.1))
    cut_off = {} if inside else {"epsilon": 5}
    assert found == {("momentum", "adam"): (inside, 5, cut_off)}


def test_without_gradients_epsilon_must_reach_as_high_as_at_first(tmp_path, write_refined):
    first = (20, WIDE)
    second = (20, {**WIDE, "epsilon": LogUniform(low=1e-3, high=1e3)})
    for last, cut_off in ((second, {"epsilon": 5}), (first, {})):
        rounds = {"momentum": [20, 20], "adam": [first, last]}
        study_dir = write_refined(tmp_path / str(len(cut_off)), rounds, num_rounds=2)
        (comparison,) = read_comparisons(study_dir)
        (one,) = containments(with_gradients(comparison, float("nan")))
        assert one.cut_off == cut_off


def test_pairs_that_cannot_be_tested_are_left_out(compared):
    assert told(compared(sgd={}, momentum={}, adam={"epsilon": Fixed(fixed=1e-8)})) == {
        ("sgd", "momentum"): (5, 5, {})
    }


def test_results_of_other_tools_are_left_out(tmp_path):
    rows = [
        f"{name},{i / 100},0.1,{m}"
        for name, m in (("sgd", ""), ("momentum", 0.9))
        for i in range(1, 21)
    ]
    (tmp_path / "mine.csv").write_text(
        "\n".join(["optimizer,validation,learning_rate,momentum", *rows])
    )
    assert containments(*read_comparisons(tmp_path / "mine.csv")) == []


def test_what_a_trial_does_not_report_is_not_inside_but_a_small_epsilon_is_found(compared):
    comparison = compared(momentum={}, adam={"epsilon": LogUniform(low=1e-10, high=1e-6)})
    momentum, adam = comparison.contestants
    trials = momentum.trials.assign(searched_eta0=math.nan, largest_gradient_rms=1.0)
    unknown = replace(momentum, trials=trials)
    best = unknown.trials.iloc[0]
    assert list(misses_of(unknown, best, adam)) == ["epsilon"]
    wide = replace(adam, dimensions={**adam.dimensions, "epsilon": LogUniform(low=1e-10, high=1e9)})
    assert misses_of(unknown, best, wide) is None
    assert containments(replace(comparison, contestants=(unknown, wide))) == []
