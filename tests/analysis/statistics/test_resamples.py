import numpy as np
import pytest

from tfoptcmp.analysis.statistics import resamples
from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.resamples import (
    blocks_of_counts,
    bootstrapped_means,
    means_of_many,
    means_without_each,
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


def written_out(selection, values, counts, k):
    """The mean of the best of K of each row's trials, repeated: the definition."""
    return [best_of(np.repeat(selection, row), np.repeat(values, row), k).mean() for row in counts]


def test_counts_are_those_of_trials_drawn_with_replacement():
    counts = resampled_counts(5, 1000, seed=(3,))
    assert counts.shape == (1000, 5)
    assert counts.dtype == np.uint8
    assert (counts.sum(axis=1) == 5).all()
    # Binomial(5, 1/5): variance 0.8, here within five standard errors.
    assert counts.var() == pytest.approx(0.8, abs=5 * 0.8 * np.sqrt(2 / 5000))
    assert (counts == resampled_counts(5, 1000, seed=(3,))).all()
    assert (counts != resampled_counts(5, 1000, seed=(4,))).any()


def test_blocks_change_no_count(monkeypatch):
    whole = resampled_counts(7, 200, seed=(3,))
    # As they were drawn at once: published intervals rest on these.
    drawn = np.random.default_rng((3,)).integers(7, size=(200, 7), dtype=np.int64)
    assert (whole == [np.bincount(row, minlength=7) for row in drawn]).all()
    monkeypatch.setattr(resamples, "_DRAWN_AT_ONCE", 50)
    monkeypatch.setattr(resamples, "_BYTES_AT_ONCE", 200)
    assert (resampled_counts(7, 200, seed=(3,)) == whole).all()


def test_counts_beyond_a_byte_are_counted():
    assert resampled_counts(1, 3, seed=(0,)).tolist() == [[1], [1], [1]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "bincount", lambda *_, minlength: np.full(minlength, 256))
        assert resampled_counts(2, 3, seed=(0,)).max() == 256


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 3, 10, 40])
def test_a_resample_has_the_mean_of_its_repeated_trials(ties, k):
    selection, values = trials(30, 1, ties=ties)
    counts = resampled_counts(30, 20, seed=(0,))
    (found,) = resampled_means(selection, values, counts, k)
    np.testing.assert_allclose(found, written_out(selection, values, counts, k), rtol=1e-12)


@pytest.mark.parametrize("k", [1, 50, 400])
def test_what_is_negligible_moves_no_mean(k):
    # With values of very different sizes it is not: an error in them would show in the mean.
    rng = np.random.default_rng(0)
    for values in (rng.lognormal(-2, 0.5, 500), 10.0 ** rng.uniform(-3, 29, 500)):
        selection = rng.integers(0, 90, 500) / 90
        counts = resampled_counts(500, 30, seed=(0,))
        (found,) = resampled_means(selection, values, counts, k)
        np.testing.assert_allclose(found, written_out(selection, values, counts, k), rtol=1e-12)


def test_ties_with_one_value_are_those_with_several():
    selection, _ = trials(40, 4, ties=True)
    values = np.minimum(selection, 1.0)
    counts = resampled_counts(40, 25, seed=(0,))
    for found, k in zip(resampled_means(selection, values, counts, 1, 6), (1, 6), strict=True):
        np.testing.assert_allclose(found, written_out(selection, values, counts, k), rtol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    selection, values = trials(25, 2, ties=True)
    counts = resampled_counts(28, 300, seed=(0,))[:, 3:]
    whole = resampled_means(selection, values, counts, 2, 5)
    monkeypatch.setattr(resamples, "_ENTRIES_AT_ONCE", 250)
    blocks = resampled_means(selection, values, counts, 2, 5)
    np.testing.assert_allclose(blocks, whole, rtol=1e-14)


def test_numbers_of_trials_may_differ_between_resamples():
    """Those of two studies are drawn together: an infeasible trial of one has no column."""
    selection, values = trials(20, 3)
    counts = resampled_counts(23, 50, seed=(0,))[:, 3:]
    (found,) = resampled_means(selection, values, counts, 2)
    np.testing.assert_allclose(found, written_out(selection, values, counts, 2), rtol=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("num", [2, 3, 40])
def test_without_each_is_a_row_of_ones_with_a_zero(num, ties):
    selection, values = trials(num, 6, ties=ties)
    counts = 1 - np.eye(num, dtype=np.int32)
    for k, found in zip((1, 3, 60), means_without_each(selection, values, 1, 3, 60), strict=True):
        np.testing.assert_allclose(found, written_out(selection, values, counts, k), rtol=1e-12)


def test_what_a_bootstrap_needs_stands_in_one_row():
    selection, values = trials(4, 7)
    counts = resampled_counts(6, 3000, seed=(1,))
    columns = np.array([0, 2, 3, 5])
    assert (counts[:, columns].sum(axis=1) == 0).any()  # without any of the four
    (found,) = bootstrapped_means(selection, values, (counts[:999], counts[999:]), columns, 2)
    assert found.shape == (1 + 6 + 3000,)
    itself = best_of(selection, values, 2).mean()
    assert found[0] == pytest.approx(itself, rel=1e-12)
    assert (found[[2, 5]] == found[0]).all()  # left out are trials of another
    without = means_without_each(selection, values, 2)[0]
    assert found[[1, 3, 4, 6]].tolist() == without.tolist()
    drawn = [row if row.any() else np.ones(4, dtype=int) for row in counts[:, columns]]
    np.testing.assert_allclose(found[7:], written_out(selection, values, drawn, 2), rtol=1e-12)


def test_leaving_out_the_only_trial_changes_nothing():
    one, counts = np.array([0.25]), resampled_counts(3, 5, seed=(0,))
    assert (bootstrapped_means(one, one, (counts,), np.array([1]), 2) == 0.25).all()


def test_values_without_a_worst_are_refused():
    counts = resampled_counts(2, 1, seed=(0,))
    with pytest.raises(ValueError, match="values must be finite"):
        resampled_means(np.array([0.1, 0.2]), np.array([0.1, np.inf]), counts, 1)
    with pytest.raises(ValueError, match="each resample must have a trial"):
        resampled_means(np.array([0.1]), np.array([0.1]), counts[:, :1] * 0, 1)


@pytest.mark.parametrize("num_drawn", [2, 300])
@pytest.mark.parametrize("digits", [3, 8])
def test_many_trials_give_what_drawing_them_one_by_one_gives(num_drawn, digits):
    """The reference is the bootstrap itself; K = 2 is the sum, K = N / 10 draws the best alone."""
    num, resamples = 3000, 4000
    rng = np.random.default_rng(1)
    selection = np.round(rng.beta(2, 5, num), digits)
    values = selection + 0.01 * rng.normal(size=num)
    counts = blocks_of_counts(num, resamples, seed=(5,))
    wanted = bootstrapped_means(selection, values, counts, np.arange(num), num_drawn)[0]
    found = means_of_many(selection, values, resamples, num_drawn, seed=(6,))[0]
    np.testing.assert_allclose(found[: 1 + num], wanted[: 1 + num], rtol=1e-12)
    ends = (0.025, 0.5, 0.975)
    spread = wanted[1 + num :].std()
    apart = np.quantile(found[1 + num :], ends) - np.quantile(wanted[1 + num :], ends)
    assert np.abs(apart).max() < 0.12 * spread  # of 4,000 resamples each: one in 1,000 by chance
    assert found[1 + num :].std() == pytest.approx(spread, rel=0.05)
