"""Mean ranks and performance profiles over several workloads, by hand."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.comparison import comparison
from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.figures import profiles_figure
from tfoptcmp.analysis.report.across import (
    across_cells,
    across_json,
    across_sentences,
    format_across,
    profile_cells,
)
from tfoptcmp.analysis.statistics.across import across
from tfoptcmp.metrics import ACCURACY, CLASSIFICATION_ERROR

NUM = 40


def made(workload, errors, steps=None, num=NUM, metric=CLASSIFICATION_ERROR):
    """A comparison whose optimizers' trials all have one error, and one number of steps."""
    contestants = []
    for name, error in errors.items():
        table = pd.DataFrame(
            {
                "trial": range(num),
                "validation_metric": error,
                "test_metric": error,
                "steps_to_target": math.nan if steps is None else float(steps[name]),
            }
        )
        contestants.append(
            Contestant(
                name=name, title=name.upper(), rule=None, trials=trials_table(table), dimensions={}
            )
        )
    return comparison(
        workload=workload,
        metric=metric,
        contestants=contestants,
        budget={"steps": 100},
        target=None if steps is None else 0.1,
        tuning_budget=4,
    )


THREE = [
    made("one", {"a": 0.1, "b": 0.2, "c": 0.3}, {"a": 10, "b": 15, "c": 40}),
    made("two", {"a": 0.1, "b": 0.05, "c": 0.3}, {"a": 20, "b": 10, "c": math.inf}),
    made("three", {"a": 0.1, "b": 0.1, "c": 0.4}, {"a": 30, "b": 30, "c": 30}),
]


def test_ranks_share_ties():
    found = across(THREE)
    np.testing.assert_array_equal(found.ranks, [[1, 2, 3], [2, 1, 3], [1.5, 1.5, 3]])
    np.testing.assert_allclose(found.mean_ranks, [1.5, 1.5, 3])


@pytest.mark.parametrize(("num_optimizers", "q"), [(2, 1.960), (3, 2.343), (6, 2.850), (10, 3.164)])
def test_the_critical_difference_is_that_of_the_published_table(num_optimizers, q):
    """Demsar (2006), table 5a: q at 0.05; his formula."""
    errors = {f"o{i}": 0.1 * i / num_optimizers for i in range(num_optimizers)}
    found = across([made(f"w{i}", errors) for i in range(5)])
    expected = q * math.sqrt(num_optimizers * (num_optimizers + 1) / (6 * 5))
    assert found.critical_difference == pytest.approx(expected, rel=1e-3)
    needed = found.workloads_needed
    assert expected * math.sqrt(5 / needed) <= num_optimizers - 1
    assert expected * math.sqrt(5 / (needed - 1)) > num_optimizers - 1


def test_profiles_count_workloads_within_a_factor():
    """By hand: b needs 1.5, 1 and 1 times the fastest's steps; c 4, never and 1."""
    found = across(THREE)
    np.testing.assert_allclose(found.slowness, [[1, 1.5, 4], [2, 1, math.inf], [1, 1, 1]])
    np.testing.assert_allclose(found.profile(1.0), [2 / 3, 2 / 3, 1 / 3])
    np.testing.assert_allclose(found.profile(1.5), [2 / 3, 1, 1 / 3])
    np.testing.assert_allclose(found.profile(100), [1, 1, 2 / 3])
    heading, *rows = profile_cells(found)
    assert heading[1:] == [
        "within 1 x",
        "within 1.25 x",
        "within 1.5 x",
        "within 2 x",
        "within 4 x",
    ]
    assert {row[0]: row[1:] for row in rows}["B"] == ["67%", "67%", "100%", "100%", "100%"]


def test_too_few_trials_take_no_part():
    """An optimizer with 1 trial led the mean ranks."""
    few = made("two", {"a": 0.1, "b": 0.05}, num=1).contestants[0]
    two = dataclasses.replace(THREE[1], contestants=(few, *THREE[1].contestants[1:]))
    found = across([THREE[0], two, THREE[2]])
    assert [one.name for one in found.contestants] == ["b", "c"]
    assert found.left_out == ("A on two: N = 1 feasible trials are too few; K = 4 needs 20.",)


def test_a_target_that_one_trial_reached_is_not_reached():
    """By hand: the best of 4 of 40, of which 1 reached it, does with P = 1 - (39/40)^4 < 1/2."""
    steps = pd.Series([50.0] + [math.inf] * (NUM - 1))
    a, b, _ = THREE[0].contestants
    seldom = dataclasses.replace(b, trials=b.trials.assign(steps_to_target=steps))
    found = across([dataclasses.replace(THREE[0], contestants=(a, seldom)), *THREE[1:]])
    np.testing.assert_allclose(found.slowness[0], [1, math.inf])


def test_what_is_said():
    found = across(THREE)
    cells = across_cells(found)
    assert cells[0] == ["optimizer", "mean rank", "one", "two", "three"]
    assert cells[1] == ["A", "1.50", "10.00 % (1.)", "10.00 % (2.)", "10.00 % (1.5.)"]
    said = across_sentences(found)
    assert said[0].startswith("A has the best mean rank over 3 workloads, 1.50. That is not beyond")
    sure = across([made(f"w{i}", {"a": 0.1, "b": 0.2}) for i in range(10)])
    # By hand: 1.960 sqrt(6 / 60).
    assert across_sentences(sure) == [
        "A has the best mean rank over 10 workloads, 1.00. It is better than B beyond chance: mean "
        "ranks must differ by 0.62.",
        "Ranked by the mean test result of the best of K, at K = 4.",
    ]
    assert "Over all workloads" in format_across(THREE)


def test_as_json():
    known = across_json(across(THREE))
    assert known["workloads"] == ["one", "two", "three"]
    # By hand: a needs 1, 2 and 1 times the steps of the fastest.
    assert known["optimizers"][0] == {
        "optimizer": "a",
        "mean_rank": 1.5,
        "ranks": [1.0, 2.0, 1.5],
        "profile": {"1": 2 / 3, "1.25": 2 / 3, "1.5": 2 / 3, "2": 1.0, "4": 1.0},
    }
    assert across_json(None) is None


def test_profiles_are_steps_up_to_the_share_that_reached_the_target():
    (axes,) = profiles_figure(across(THREE)).axes
    (a, _, c) = axes.get_lines()
    assert list(zip(*a.get_data(), strict=True))[1:4] == [(1, 1 / 3), (1, 2 / 3), (2, 1)]
    assert c.get_ydata()[-1] == pytest.approx(2 / 3)  # one target was never reached
    with pytest.raises(ValueError, match="two workloads"):
        profiles_figure(across([made(name, {"a": 0.1, "b": 0.2}) for name in "xy"]))


def test_a_table_with_steps_to_a_target_has_profiles():
    """A table reports the steps, not the target."""
    known = [dataclasses.replace(one, target=None) for one in THREE]
    np.testing.assert_array_equal(across(known).slowness, across(THREE).slowness)


def test_too_few_workloads_are_said():
    (_, _, said) = across_sentences(across(THREE[:2]))
    assert said == (
        "With 3 optimizers nothing can be told from ranks on fewer than 3 workloads."
    )  # by hand: 2.343 sqrt(12 / (6 n)) <= 2 from n = 2.74 on


def test_only_what_was_compared_everywhere_counts():
    other = made("four", {"b": 0.1, "a": 0.2, "d": 0.1})
    assert [one.name for one in across([*THREE, other]).contestants] == ["a", "b"]
    few = made("few", {"a": 0.1, "b": 0.2}, num=5)
    assert across_sentences(across([*THREE, other, THREE[0], few]))[2:] == [
        "Left out: one: only its first budget counts.",
        "Left out: few: N = 5 feasible trials are too few; K = 4 needs 20.",
        "Left out: C: compared only on one, two, three.",
        "Left out: D: compared only on four.",
    ]
    assert across(THREE[:1]) is None
    assert across([THREE[0], made("few", {"a": 0.1, "b": 0.2}, num=5)]) is None
    assert format_across(THREE[:1]) == ""


def test_the_best_of_a_maximised_metric_is_the_highest():
    """The contestants hold errors: an accuracy of 0.9 is 0.1."""
    found = across([made("x", {"a": 0.1, "b": 0.2}, metric=ACCURACY), THREE[0]])
    np.testing.assert_array_equal(found.ranks, [[1, 2], [1, 2]])
    assert across_cells(found)[1][2] == "90.00 % (1.)"
