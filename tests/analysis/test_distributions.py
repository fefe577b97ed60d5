import numpy as np
import pytest

from tfoptcmp.analysis.statistics.best_of_k import difference, distribution, superiority


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


def test_difference_by_hand():
    # B in {1, 3}, A in {0, 1}: D in {1, 0, 3, 2} with .5*.2, .5*.8, .5*.2, .5*.8
    d = difference(distribution([1.0, 3.0], [0.5, 0.5]), distribution([0.0, 1.0], [0.2, 0.8]))
    np.testing.assert_array_equal(d.values, [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(d.probabilities, [0.4, 0.1, 0.4, 0.1], rtol=1e-12)
    assert superiority(d) == pytest.approx(0.2)  # never below 0, equal in .4


def test_difference_of_what_was_not_reached():
    never = distribution([np.inf], [1.0])
    sometimes = distribution([5.0, np.inf], [0.5, 0.5])
    np.testing.assert_array_equal(difference(never, never).values, [0.0])
    d = difference(sometimes, never)
    np.testing.assert_array_equal(d.values, [-np.inf, 0.0])
    assert superiority(d) == pytest.approx(0.75)


def test_refuses_what_is_no_distribution():
    with pytest.raises(ValueError, match="sum 1"):
        distribution([1.0, 2.0], [0.5, 0.4])
    with pytest.raises(ValueError, match="sum 1"):
        distribution([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match=r"percent must lie in \(0, 100\]; got 0"):
        distribution([1.0], [1.0]).percentile(0)
