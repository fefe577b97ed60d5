import numpy as np
import pytest
from scipy import stats

from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.bootstrap import (
    Bootstrapped,
    bootstrapped,
    independent_difference,
    resampled_counts,
    resampled_means,
)


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


def test_counts_are_the_trials_each_left_out_and_resamples():
    counts = resampled_counts(5, 1000, seed=(3,))
    assert counts.shape == (1 + 5 + 1000, 5)
    assert (counts[0] == 1).all()
    assert (counts[1:6] == 1 - np.eye(5)).all()
    assert (counts[6:].sum(axis=1) == 5).all()
    # Binomial(5, 1/5): variance 0.8, here within five standard errors.
    assert counts[6:].var() == pytest.approx(0.8, abs=5 * 0.8 * np.sqrt(2 / 5000))
    assert (counts == resampled_counts(5, 1000, seed=(3,))).all()
    assert (counts != resampled_counts(5, 1000, seed=(4,))).any()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_a_resample_has_the_mean_of_its_repeated_trials(ties, k):
    selection, values = trials(30, 1, ties=ties)
    counts = resampled_counts(30, 20, seed=(0,))
    (found,) = resampled_means(selection, values, counts, k)
    for row, mean in zip(counts, found, strict=True):
        repeated = best_of(np.repeat(selection, row), np.repeat(values, row), k)
        assert mean == pytest.approx(repeated.mean(), rel=1e-10)


def test_blocks_change_nothing(monkeypatch):
    selection, values = trials(25, 2, ties=True)
    counts = resampled_counts(25, 300, seed=(0,))
    whole = resampled_means(selection, values, counts, 2, 5)
    monkeypatch.setattr("tfoptcmp.analysis.statistics.bootstrap._ENTRIES_AT_ONCE", 250)
    assert (resampled_means(selection, values, counts, 2, 5) == whole).all()


def test_numbers_of_trials_may_differ_between_resamples():
    """Those of two studies are drawn together: an infeasible trial of one has no column."""
    selection, values = trials(20, 3)
    counts = resampled_counts(23, 50, seed=(0,))[:, 3:]
    (found,) = resampled_means(selection, values, counts, 2)
    for row, mean in zip(counts, found, strict=True):
        repeated = best_of(np.repeat(selection, row), np.repeat(values, row), 2)
        assert mean == pytest.approx(repeated.mean(), rel=1e-10)


def test_values_without_a_worst_are_refused():
    counts = resampled_counts(2, 1, seed=(0,))
    with pytest.raises(ValueError, match="values must be finite"):
        resampled_means(np.array([0.1, 0.2]), np.array([0.1, np.inf]), counts, 1)
    with pytest.raises(ValueError, match="each resample must have a trial"):
        resampled_means(np.array([0.1]), np.array([0.1]), counts[:, :1] * 0, 1)


@pytest.mark.parametrize("k", [1, 4])
def test_interval_of_one_mean_is_that_of_scipy(k):
    selection, values = trials(40, 5)
    counts = resampled_counts(40, 20_000, seed=(0,))
    (found,) = resampled_means(selection, values, counts, k)
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
        resampled_means(values, values, resampled_counts(len(values), 20_000, seed=(i,)), 1)[0]
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
    (found,) = resampled_means(selection, values, counts, 5)
    assert bootstrapped(found - found, 50).interval(0.05) == (0.0, 0.0)


def test_a_smaller_level_gives_a_wider_interval():
    _, values = trials(40, 9)
    (found,) = resampled_means(values, values, resampled_counts(40, 5000, seed=(0,)), 4)
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
