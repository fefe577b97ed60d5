import math

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.means import Means, means_of


@pytest.fixture
def two(tmp_path, make_signature, write_study):
    """Makes a comparison of two studies."""

    def two(errors, others, *, first=None, second=None):
        write_study(tmp_path, make_signature("sgd"), errors, **(first or {}))
        write_study(tmp_path, make_signature("momentum"), others, **(second or {}))
        (comparison,) = read_comparisons(tmp_path)
        return comparison

    return two


def width(comparison, statistic="test"):
    sgd, momentum = comparison.contestants
    low, high = means_of(comparison).difference(sgd, momentum, statistic, 2).interval(0.05)
    return high - low


def errors(num):
    return [0.1 + 0.8 * (i * 7 % num) / num for i in range(num)]


def test_mean_is_that_of_the_best_of_k(two):
    comparison = two(errors(20), errors(20))
    (sgd, _), values = comparison.contestants, errors(20)
    exact = best_of(values, values, 3).mean()
    assert means_of(comparison).mean(sgd, "test", 3) == pytest.approx(exact)


def test_trials_of_one_seed_are_paired_from_fifty_on(two):
    assert width(two(errors(50), errors(50))) == 0.0


@pytest.mark.parametrize(
    ("num", "second"),
    [(49, {}), (50, {"seed": 1}), (50, {"search": "random"})],
)
def test_others_are_not_paired(two, num, second):
    assert width(two(errors(num), errors(num), second=second)) > 0.01


def test_an_infeasible_trial_has_no_row(two):
    """Trial 0 of SGD diverged: its trial i + 1 stands beside the other's trial i."""
    comparison = two(errors(60), errors(60), first={"infeasible": 1})
    assert width(comparison) > 0.01


def test_what_is_no_number_counts_as_chance(two):
    comparison = two([math.nan] * 20, [0.2] * 20)
    sgd, momentum = comparison.contestants
    means = means_of(comparison)
    assert means.mean(sgd, "test", 2) == pytest.approx(1.0)
    assert means.difference(sgd, momentum, "test", 2).estimate == pytest.approx(-0.8)
    # The target, 0.25, is never reached: all 100 steps of the budget.
    assert means.mean(sgd, "steps_to_target", 2) == 100
    assert means.cap("train_loss") == math.log(10)  # guessing between ten classes


def test_where_no_worst_is_known_it_is_the_worst_seen(tmp_path):
    (tmp_path / "t.csv").write_text(
        "optimizer,validation,test\nsgd,3,3.5\nsgd,1,inf\nadam,2,2\nadam,nan,1.5\n"
    )
    (comparison,) = read_comparisons(tmp_path / "t.csv")
    assert means_of(comparison).cap("test") == 3.5


def test_numbers_are_the_same_every_time_and_whoever_else_takes_part(
    tmp_path, make_signature, write_study
):
    for rule, num in (("sgd", 30), ("momentum", 25), ("adam", 40)):
        write_study(tmp_path, make_signature(rule), errors(num))
    (three,) = read_comparisons(tmp_path)
    (alone,) = read_comparisons([tmp_path / "sgd", tmp_path / "momentum"])
    ends = [
        Means(one).difference(*one.contestants[:2], "test", 2).interval(0.05)
        for one in (three, three, alone)
    ]
    assert ends[0] == ends[1] == ends[2]


def test_counts_that_are_not_kept_are_drawn_again_the_same(two, monkeypatch):
    comparison = two(errors(20), errors(24))
    sgd, momentum = comparison.contestants
    asked = [("test", 2), ("validation", 2), ("test", 4)]
    kept, dropped, streamed = [], [], []
    for found, most in ((kept, 100_000_000), (dropped, 300_000), (streamed, 0)):
        monkeypatch.setattr("tfoptcmp.analysis.statistics.means._BYTES_KEPT", most)
        means = Means(comparison)
        found += [means.difference(sgd, momentum, *one).interval(0.05) for one in asked]
        found += means.intervals(sgd, "test", (1, 2, 4), 0.05)
    assert kept == dropped == streamed
