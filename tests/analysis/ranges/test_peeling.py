"""Peeling: boxes around valleys that run across a box."""

import numpy as np
import pytest

from tfoptcmp.analysis.ranges.peeling import peeled


@pytest.fixture
def points():
    """4,000 points of a box of 20 by 6 decades."""
    x, y = np.random.default_rng(0).uniform(size=(2, 4000))
    return {"x": 20 * x - 10, "y": 6 * y - 2}


BOX = {"x": (-10.0, 10.0), "y": (-2.0, 4.0)}


def share_of_bad(ranges, points, bad):
    (x, y), ((x0, x1), (y0, y1)) = points.values(), ranges.values()
    return bad[(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)].mean()


def test_a_box_with_few_bad_points_stays(points):
    bad = points["x"] < -8.1  # 9.5 %
    assert peeled(BOX, points, bad, int(np.argmin(abs(points["x"])))) == BOX


def test_bad_ends_are_peeled_off(points):
    bad = points["x"] < 0
    found = peeled(BOX, points, bad, int(np.argmax(points["x"])))
    assert found["y"] == BOX["y"]
    assert found["x"][1] == 10
    assert -2 < found["x"][0] < 0


def test_of_a_valley_that_runs_across_a_part_is_left_that_holds_the_best_point(points):
    away = abs(points["y"] - 1 + 0.25 * points["x"])
    bad, best = away > 1, int(np.argmin(away + abs(points["x"] - 7) / 10))
    assert share_of_bad(BOX, points, bad) > 0.6
    found = peeled(BOX, points, bad, best)
    assert share_of_bad(found, points, bad) <= 0.1
    for name, (low, high) in found.items():
        assert low + 0.25 <= points[name][best] <= high - 0.25
        assert high - low >= 1


def test_no_range_becomes_shorter_than_a_decade(points):
    best = int(np.argmin(abs(points["x"]) + abs(points["y"] - 1)))
    bad = (abs(points["x"]) > 0.1) | (abs(points["y"] - 1) > 0.1)
    for low, high in peeled(BOX, points, bad, best).values():
        assert high - low >= 1


def test_if_all_is_bad_nothing_is_cut(points):
    assert peeled(BOX, points, np.ones(4000, bool), 0) == BOX
