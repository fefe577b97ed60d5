import pytest

from tfoptcmp.analysis.figures.infeasible import share_interval


def test_share_interval_by_hand():
    low, high = share_interval(0, 10)
    assert low == 0
    assert high == pytest.approx(1.6449**2 / (10 + 1.6449**2))  # theory
    assert share_interval(5, 10) == pytest.approx((0.2693, 0.7307), abs=1e-3)  # recorded
    assert share_interval(9, 9)[1] == 1
