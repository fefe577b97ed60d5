import numpy as np
import pytest
from scipy.stats import qmc
from tfoptcmp.tuners.points import SEARCHES, point, random_point


def draw(search, n, **arguments):
    return np.array([SEARCHES[search](index, **arguments) for index in range(n)])


@pytest.mark.parametrize("search", SEARCHES)
class TestEverySearch:
    def test_is_a_pure_function_of_seed_and_index(self, search):
        forwards = [SEARCHES[search](i, num_dims=3, seed=5) for i in range(20)]
        backwards = [SEARCHES[search](i, num_dims=3, seed=5) for i in reversed(range(20))]
        assert forwards == backwards[::-1]
        assert len(set(forwards)) == 20

    def test_gives_python_floats_in_the_unit_cube(self, search):
        for index in range(50):
            for coordinate in SEARCHES[search](index, num_dims=4, seed=0):
                assert type(coordinate) is float
                assert 0 <= coordinate < 1

    def test_seeds_differ_zero_included(self, search):
        points = {SEARCHES[search](3, num_dims=2, seed=seed) for seed in range(5)}
        assert len(points) == 5

    def test_no_dimension_gives_the_empty_point(self, search):
        assert SEARCHES[search](7, num_dims=0, seed=0) == ()

    def test_a_late_dimension_leaves_the_others_alone(self, search):
        few = SEARCHES[search](11, num_dims=2, seed=1)
        many = SEARCHES[search](11, num_dims=6, seed=1)
        assert many[:2] == few


def test_points_are_the_rows_of_one_long_draw_of_scipy():
    rows = qmc.Halton(5, scramble=True, rng=3).random(200)
    assert draw("quasirandom", 200, num_dims=5, seed=3).tolist() == rows.tolist()


def test_a_distant_point_equals_fast_forward():
    engine = qmc.Halton(3, scramble=True, rng=0).fast_forward(10_000)
    assert point(10_000, num_dims=3, seed=0) == tuple(engine.random(1)[0])


def test_random_points_are_the_children_of_one_seed_sequence():
    child = np.random.SeedSequence(9).spawn(5)[4]
    expected = np.random.default_rng(child).random(3).tolist()
    assert list(random_point(4, num_dims=3, seed=9)) == expected


@pytest.mark.parametrize(("num_dims", "n"), [(1, 20), (4, 50), (6, 100)])
def test_quasirandom_fills_the_cube_more_evenly_than_random(num_dims, n):
    mean = {
        search: np.mean(
            [
                qmc.discrepancy(draw(search, n, num_dims=num_dims, seed=seed), method="L2-star")
                for seed in range(8)
            ]
        )
        for search in SEARCHES
    }
    assert mean["quasirandom"] < 0.75 * mean["random"]


@pytest.mark.parametrize(
    ("search", "expected"),  # recorded, scipy 1.17.1 and numpy 2: a change breaks every resume
    [
        ("quasirandom", (0.20722483568602834, 0.8024130036692094)),
        ("random", (0.6771968569751019, 0.2429867485428212)),
    ],
)
def test_the_sequence_does_not_change(search, expected):
    assert SEARCHES[search](1, num_dims=2, seed=0) == pytest.approx(expected, rel=1e-14)
