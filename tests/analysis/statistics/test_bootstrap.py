import numpy as np
import pytest
from scipy import stats

from tfoptcmp.analysis.statistics.bootstrap import (
    Bootstrapped,
    bootstrapped,
    independent_difference,
)
from tfoptcmp.analysis.statistics.resamples import bootstrapped_means, resampled_counts


def trials(num, seed, *, ties=False):
    rng = np.random.default_rng(seed)
    selection = rng.lognormal(-2, 0.7, num)
    if ties:
        selection = np.round(selection * 20) / 20
        selection[rng.uniform(size=num) < 0.1] = np.inf
    return selection, np.minimum(rng.lognormal(-2, 0.5, num), 1.0)


def mean_of_best(selection, values, k):
    """The mean of the best of K by sorting alone: an independent form for distinct selections."""
    order = np.argsort(selection)
    n = len(order)
    tail = (np.arange(n, -1, -1) / n) ** k
    return float(np.sum((tail[:-1] - tail[1:]) * values[order]))


def means(selection, values, counts, k):
    (found,) = bootstrapped_means(selection, values, (counts,), np.arange(len(values)), k)
    return found


@pytest.mark.parametrize("k", [1, 4])
def test_interval_of_one_mean_is_that_of_scipy(k):
    selection, values = trials(40, 5)
    counts = resampled_counts(40, 20_000, seed=(0,))
    found = means(selection, values, counts, k)
    ours = bootstrapped(found, 40)
    theirs = stats.bootstrap(
        (selection, values),
        lambda s, v: mean_of_best(s, v, k) if k > 1 else float(np.mean(v)),
        paired=True,
        vectorized=False,
        n_resamples=4000,
        method="BCa",
        rng=np.random.default_rng(1),
    )
    assert ours.estimate == pytest.approx(mean_of_best(selection, values, k))
    low, high = ours.interval(0.05)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)


def test_interval_of_an_independent_difference_is_that_of_scipy():
    (_, a), (_, b) = trials(30, 6), trials(45, 7)
    found = [
        means(values, values, resampled_counts(len(values), 20_000, seed=(i,)), 1)
        for i, values in enumerate((b, a))
    ]
    ours = independent_difference(*found, (45, 30))
    theirs = stats.bootstrap(
        (b, a),
        lambda y, x, axis: np.mean(y, axis=axis) - np.mean(x, axis=axis),
        n_resamples=20_000,
        method="BCa",
        rng=np.random.default_rng(1),
    )
    low, high = ours.interval(0.05)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.04 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.04 * width)


def test_a_paired_difference_of_equals_is_surely_nothing():
    selection, values = trials(50, 8)
    counts = resampled_counts(50, 500, seed=(0,))
    found = means(selection, values, counts, 5)
    assert bootstrapped(found - found, 50).interval(0.05) == (0.0, 0.0)


def test_a_smaller_level_gives_a_wider_interval():
    _, values = trials(40, 9)
    found = means(values, values, resampled_counts(40, 5000, seed=(0,)), 4)
    ours = bootstrapped(found, 40)
    (low, high), (lower, higher) = ours.interval(0.05), ours.interval(0.005)
    assert lower < low < ours.estimate < high < higher


@pytest.mark.parametrize("estimate", [-1.0, 2.0])
def test_an_estimate_beyond_all_resamples_has_an_interval(estimate):
    made = Bootstrapped(
        estimate=estimate, resampled=np.linspace(0, 1, 100), influence=np.array([0.1, -0.1])
    )
    low, high = made.interval(0.05)
    assert 0 <= low <= high <= 1


def test_a_difference_of_rounding_has_no_sign():
    made = Bootstrapped(
        estimate=1e-17,
        resampled=np.array([-2e-17, 1e-17, 3e-17, 1e-3]),
        influence=np.array([1e-17, -1e-17]),
    ).without_rounding(0.1)
    assert made.estimate == 0
    assert made.resampled.tolist() == [0, 0, 0, 1e-3]
