import itertools
import time

import numpy as np
import pytest

from tfoptcmp.analysis.statistics.best_of_k import (
    best_of,
    best_of_sampled,
    budget_curve,
    distribution,
    selection_probabilities,
    superiority,
    vanishing,
)


def enumerate_all(selection, statistic, num_drawn):
    """Every one of the N^K resamples; drawn trials that tie for the best share it."""
    mass = {}
    for draw in itertools.product(range(len(selection)), repeat=num_drawn):
        best = min(selection[i] for i in draw)
        tied = [i for i in draw if selection[i] == best]
        for i in tied:
            mass[statistic[i]] = mass.get(statistic[i], 0.0) + 1 / len(tied)
    total = len(selection) ** num_drawn
    return {value: mass[value] / total for value in sorted(mass)}


@pytest.mark.parametrize(
    "selection",
    [
        [0.4, 0.1, 0.3, 0.2],
        [0.2, 0.1, 0.1, 0.3],
        [0.2, 0.1, 0.2, 0.1, 0.2],
        [0.1, 0.1, 0.1],
        [np.inf, 0.1, np.inf],
        [0.7],
    ],
)
@pytest.mark.parametrize("num_drawn", [1, 2, 3, 5])
def test_exact_equals_full_enumeration(selection, num_drawn):
    statistic = [10.0 * i for i in range(len(selection))]  # distinct: shows who was selected
    expected = enumerate_all(selection, statistic, num_drawn)
    exact = best_of(selection, statistic, num_drawn)
    np.testing.assert_array_equal(exact.values, list(expected))
    np.testing.assert_allclose(exact.probabilities, list(expected.values()), rtol=1e-12)


def test_statistics_that_tie_add_up():
    expected = enumerate_all([0.1, 0.2, 0.3, 0.3], [5.0, 6.0, 5.0, 7.0], 3)
    exact = best_of([0.1, 0.2, 0.3, 0.3], [5.0, 6.0, 5.0, 7.0], 3)
    np.testing.assert_array_equal(exact.values, list(expected))
    np.testing.assert_allclose(exact.probabilities, list(expected.values()), rtol=1e-12)


def test_ranks_have_the_papers_probabilities():
    n, k = 50, 10
    rank = np.arange(1, n + 1)
    theory = ((n - rank + 1) / n) ** k - ((n - rank) / n) ** k
    np.testing.assert_allclose(selection_probabilities(np.arange(n) / n, k), theory, rtol=1e-12)


def test_order_of_trials_does_not_matter():
    rng = np.random.default_rng(3)
    selection, statistic = rng.integers(0, 6, 40) / 6, rng.normal(size=40)
    order = rng.permutation(40)
    one = best_of(selection, statistic, 8)
    other = best_of(selection[order], statistic[order], 8)
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=1e-12)


def test_many_trials_do_not_overflow():
    probabilities = selection_probabilities(np.arange(600.0), 100)  # 600**100 > 1e308
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert probabilities[0] == pytest.approx(1 - (599 / 600) ** 100, rel=1e-12)  # theory


@pytest.mark.parametrize("ties", [False, True])
def test_sampled_agrees_with_exact(ties):
    rng = np.random.default_rng(0)
    selection = rng.integers(0, 12, 50) / 12 if ties else rng.uniform(size=50)
    statistic = selection + rng.normal(scale=0.3, size=50)
    exact = best_of(selection, statistic, 10)
    sampled = best_of_sampled(selection, statistic, 10, seed=1, num_resamples=100_000)
    spread = np.sqrt(np.sum(exact.probabilities * (exact.values - exact.mean()) ** 2))
    assert abs(sampled.mean() - exact.mean()) < 5 * spread / np.sqrt(100_000)  # theory
    grid = np.sort(statistic)
    for value in grid:
        p = exact.probabilities[exact.values <= value].sum()
        found = sampled.probabilities[sampled.values <= value].sum()
        assert abs(found - p) < 5 * np.sqrt(0.25 / 100_000)


def test_sampled_is_a_function_of_its_seed():
    selection = np.arange(30.0)
    one, same, other = (
        best_of_sampled(selection, selection, 6, seed=s, num_resamples=500) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.probabilities, same.probabilities)
    assert not np.array_equal(one.probabilities, other.probabilities)


def test_ten_thousand_resamples_of_600_trials_take_less_than_a_second():
    rng = np.random.default_rng(0)
    selection = rng.uniform(size=600)
    started = time.perf_counter()
    best_of_sampled(selection, selection, 120, seed=0)
    assert time.perf_counter() - started < 1


def test_steps_given_that_the_target_was_reached():
    # By hand: 2 of 4 reached it. P(at least one of 2 draws) = 1 - (2/4)^2 = 3/4;
    # P(best is 100) = 1 - (3/4)^2 = 7/16, P(best is 200) = (3/4)^2 - (2/4)^2 = 5/16.
    steps = [np.inf, 200.0, 100.0, np.inf]
    reached, probability = best_of(steps, steps, 2).finite()
    assert probability == pytest.approx(3 / 4, rel=1e-12)
    np.testing.assert_array_equal(reached.values, [100.0, 200.0])
    np.testing.assert_allclose(reached.probabilities, [7 / 12, 5 / 12], rtol=1e-12)


def test_steps_have_the_papers_probabilities():
    """Theory: the rank probabilities of the R that reached it, over 1 - ((N-R)/N)^K."""
    n, r, k = 50, 20, 10
    steps = np.concatenate([np.full(n - r, np.inf), np.arange(10.0, 10 * r + 1, 10)])
    reached, probability = best_of(steps, steps, k).finite()
    rank = np.arange(1, r + 1)
    theory = ((n - rank + 1) / n) ** k - ((n - rank) / n) ** k
    assert probability == pytest.approx(1 - ((n - r) / n) ** k, rel=1e-12)
    np.testing.assert_allclose(reached.probabilities, theory / probability, rtol=1e-12)


def test_nobody_reached_the_target():
    assert best_of([np.inf] * 3, [np.inf] * 3, 2).finite() == (None, 0.0)


@pytest.mark.parametrize("num_drawn", [0, -1, 2.0, True, None])
def test_refuses_a_number_of_draws_that_is_none(num_drawn):
    with pytest.raises(ValueError, match=r"num_drawn must be an integer >= 1; got"):
        best_of([0.1, 0.2], [0.1, 0.2], num_drawn)


def test_refuses_nan_and_different_lengths():
    with pytest.raises(ValueError, match="selection must not be NaN"):
        best_of([0.1, np.nan], [0.1, 0.2], 2)
    with pytest.raises(ValueError, match="values must not be NaN"):
        best_of([0.1, 0.2], [0.1, np.nan], 2)
    for function in (
        lambda *data: best_of(*data, 2),
        lambda *data: best_of_sampled(*data, 2, seed=0),
        budget_curve,
    ):
        with pytest.raises(ValueError, match="one value a trial, 2; got 3"):
            function([0.1, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="at least one trial"):
        best_of([], [], 2)


@pytest.mark.parametrize("ties", [False, True])
def test_curve_is_best_of_at_every_k(ties):
    rng = np.random.default_rng(5)
    selection = rng.integers(0, 9, 40) / 9 if ties else rng.uniform(size=40)
    statistic = np.where(rng.uniform(size=40) < 0.1, np.inf, np.round(selection, 1))
    curve = budget_curve(selection, statistic)
    np.testing.assert_array_equal(curve.num_drawn, np.arange(1, 41))
    for k in range(1, 41):
        exact = best_of(selection, statistic, k)
        assert curve.mean[k - 1] == pytest.approx(exact.mean(), rel=1e-12)
        assert curve.median[k - 1] == exact.percentile(50)
        assert curve.low[k - 1] == exact.percentile(5)
        assert curve.high[k - 1] == exact.percentile(95)


def test_curve_at_some_k_is_that_at_all():
    selection = np.random.default_rng(7).uniform(size=30)
    whole, some = (budget_curve(selection, selection, k) for k in (None, [1, 4, 30]))
    assert some.num_drawn.tolist() == [1, 4, 30]
    for name in ("mean", "low", "median", "high"):
        assert getattr(some, name).tolist() == getattr(whole, name)[[0, 3, 29]].tolist()


def test_percentiles_of_one_drawn_trial_do_not_slip_by_rounding():
    # Theory: the p N-th of N; the sum of 57 times 1/60 ends below 0.95.
    for n in range(20, 201, 20):
        curve = budget_curve(np.arange(n), np.arange(n))
        percentiles = curve.low[0], curve.median[0], curve.high[0]
        assert percentiles == (n // 20 - 1, n // 2 - 1, n * 19 // 20 - 1)


def test_what_has_no_chance_does_not_make_the_mean_infinite():
    # Theory: (1/150)^150 is 0 in floating point.
    selection = np.arange(150.0)
    statistic = np.where(selection < 149, selection, np.inf)
    mean = budget_curve(selection, statistic).mean
    assert mean[0] == np.inf
    assert mean[-1] == pytest.approx(best_of(selection, statistic, 150).mean(), rel=1e-12)


def test_equal_values_add_up_in_ascending_order():
    made = distribution([3.0, 1.0, 3.0, 2.0], [0.25, 0.5, 0.25, 0.0])
    np.testing.assert_array_equal(made.values, [1.0, 3.0])
    np.testing.assert_array_equal(made.probabilities, [0.5, 0.5])
    assert made.mean() == 2.0


@pytest.mark.parametrize(
    ("percent", "by_hand"),
    [(1, 10.0), (10, 10.0), (10.1, 20.0), (50, 50.0), (90, 90.0), (95, 100.0), (100, 100.0)],
)
def test_percentiles_are_values_that_occur(percent, by_hand):
    ten = distribution(np.arange(10.0, 101.0, 10.0), np.full(10, 0.1))
    assert ten.percentile(percent) == by_hand


def test_percentiles_do_not_slip_by_rounding():
    # np.cumsum([0.1] * 3)[-1] > 0.3 and sums of 1/49 end below 1: neither may move a percentile.
    for m in range(1, 200):
        made = distribution(np.arange(float(m)), np.full(m, 1 / m))
        for j in range(1, m + 1):
            assert made.percentile(100 * j / m) == j - 1


def test_superiority_by_hand():
    # B in {1, 3}, A in {0, 1}: never below, equal in .5 * .8
    of_b, of_a = distribution([1.0, 3.0], [0.5, 0.5]), distribution([0.0, 1.0], [0.2, 0.8])
    assert superiority(of_b, of_a) == pytest.approx(0.2)
    assert superiority(of_a, of_b) == pytest.approx(0.8)


def test_superiority_of_what_was_not_reached():
    never = distribution([np.inf], [1.0])
    sometimes = distribution([5.0, np.inf], [0.5, 0.5])
    assert superiority(never, never) == 0.5
    assert superiority(sometimes, never) == pytest.approx(0.75)
    assert superiority(never, sometimes) == pytest.approx(0.25)


def test_superiority_is_that_of_every_pair_of_values():
    rng = np.random.default_rng(6)
    one, other = (
        distribution(np.where(rng.random(m) < 0.1, np.inf, rng.integers(0, 12, m)), p)
        for m, p in ((30, np.full(30, 1 / 30)), (40, rng.dirichlet(np.ones(40))))
    )
    pairs = [
        p * q * (1.0 if x < y else 0.5 if x == y else 0.0)
        for x, p in zip(one.values, one.probabilities, strict=True)
        for y, q in zip(other.values, other.probabilities, strict=True)
    ]
    assert superiority(one, other) == pytest.approx(sum(pairs), rel=1e-12)


def test_refuses_what_is_no_distribution():
    with pytest.raises(ValueError, match="sum 1"):
        distribution([1.0, 2.0], [0.5, 0.4])
    with pytest.raises(ValueError, match="sum 1"):
        distribution([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match=r"percent must lie in \(0, 100\]; got 0"):
        distribution([1.0], [1.0]).percentile(0)


def test_a_distribution_by_a_hair_below_a_percentile_reaches_it():
    """Sums of probabilities are rounded: 5 % short of 1e-13 are 5 %, short of 1e-9 they are not."""
    for gap, value in ((1e-13, 0.0), (1e-9, 1.0)):
        made = distribution([0.0, 1.0], [0.05 - gap, 0.95 + gap])
        assert made.percentile(5) == value


def test_several_percentiles_at_once():
    made = distribution([1.0, 2.0, 3.0], [0.2, 0.5, 0.3])
    assert made.percentiles(5, 50, 95) == (1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match=r"percent must lie in \(0, 100\]; got 101"):
        made.percentiles(5, 101)


def test_what_cannot_be_selected_is_not_in_the_mean():
    """With K = 300 the worst of 600, here infinite, is selected with probability (1/600)^300."""
    selection = np.arange(600.0)
    values = np.where(selection == 599, np.inf, selection)
    assert np.isfinite(best_of(selection, values, 300).mean())


@pytest.mark.parametrize("k", [1, 2, 7, 1000, 47361])
def test_powers_that_are_not_computed_are_0(k):
    assert vanishing(k) ** k == 0
    assert np.exp(-740 / k) ** k > 0  # hardly more is not
    found = selection_probabilities(np.arange(1000.0), k)
    behind = (1 - np.arange(1001) / 1000) ** k
    np.testing.assert_allclose(found, behind[:-1] - behind[1:], rtol=1e-12)
