import numpy as np
import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.ranking import ranking


def errors(level, num=40, seed=0):
    return list(level + np.random.default_rng(seed).uniform(0, 0.1, num))


@pytest.fixture
def ranked(tmp_path, make_signature, write_study):
    """Makes the ranking of studies, given as rule to errors."""

    def ranked(**studies):
        for rule, results in studies.items():
            write_study(tmp_path, make_signature(rule), results)
        (comparison,) = read_comparisons(tmp_path)
        return ranking(comparison)

    return ranked


def names(places):
    return [place.contestant.name for place in places]


def test_those_clearly_worse_are_behind(ranked):
    found = ranked(sgd=errors(0.4, seed=1), adam=errors(0.2, seed=2), momentum=errors(0.2, seed=3))
    assert set(names(found.alike)) == set(names(found.group)) == {"adam", "momentum"}
    assert names(found.behind) == ["sgd"]
    (sgd,) = found.behind
    exact = best_of(errors(0.4, seed=1), errors(0.4, seed=1), 4).mean()
    assert sgd.mean == pytest.approx(exact)
    assert sgd.behind == pytest.approx(exact - found.places[0].mean)
    assert 0.15 < sgd.low < sgd.behind < sgd.high < 0.25
    assert found.decided


def test_the_leader_is_behind_nobody(ranked):
    found = ranked(sgd=errors(0.4), adam=errors(0.2))
    leader = found.places[0]
    assert (leader.contestant.name, leader.behind, leader.low, leader.high) == ("adam", 0, 0, 0)
    assert leader.among_the_best


def test_behind_but_within_the_margin_is_still_among_the_best(ranked):
    """0.005 worse in every trial is sure from 50 paired trials on, and less than the margin."""
    found = ranked(sgd=errors(0.2, 50), momentum=[e + 0.005 for e in errors(0.2, 50)])
    assert names(found.behind) == ["momentum"]
    assert set(names(found.group)) == {"sgd", "momentum"}


def test_equals_are_said_to_be(ranked):
    found = ranked(sgd=[0.1] * 20, momentum=[0.1] * 20)
    assert found.all_equal
    assert found.open_pairs == []


def test_pairs_that_are_nearest_to_a_decision_come_first(ranked):
    rng = np.random.default_rng(0)
    found = ranked(**{n: list(rng.uniform(0.1, 0.9, 20)) for n in ("sgd", "momentum", "adam")})
    assert not found.decided
    needed = [j.trials_needed for j in found.open_pairs]
    assert len(needed) == 3
    assert needed == sorted(needed)


def test_who_has_too_few_trials_does_not_take_part(ranked):
    found = ranked(sgd=errors(0.2), momentum=errors(0.2, seed=1), adam=errors(0.1, 6))
    assert "adam" not in names(found.places)
    ((left_out, reason),) = found.too_few
    assert left_out.name == "adam"
    assert reason == "N = 6 feasible trials are too few; K = 2 needs 20"
