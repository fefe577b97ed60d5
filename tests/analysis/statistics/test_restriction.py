"""Declared restrictions: against plain numpy, on made populations, on published trials."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.comparison import comparison
from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics.means import Means
from tfoptcmp.analysis.statistics.resamples import resampled_counts
from tfoptcmp.analysis.statistics.restriction import (
    Change,
    Estimate,
    change_of,
    parse_box,
    part_of,
    restrictions,
    values_of,
    with_boxes,
)
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import LogUniform

DIGITS = Path(__file__).parents[3] / "results" / "cpu" / "digits_simple_cnn"


def contestant(rule, validation, test, epsilon=None, low=1e-10, high=1.0):
    columns = {"trial": range(len(test)), "validation_metric": validation, "test_metric": test}
    if epsilon is not None:
        columns |= {"searched_epsilon": epsilon, "used_epsilon": epsilon}
    known = {} if epsilon is None or low is None else {"epsilon": LogUniform(low=low, high=high)}
    trials = trials_table(pd.DataFrame(columns).assign(feasible=True))
    return Contestant(name=rule, title=rule, rule=RULES[rule], trials=trials, dimensions=known)


def made(rng, *, inside, outside, momentum, num_trials=100, k=6, box="adam:epsilon=1e-10..1e-5"):
    """Adam's errors begin at two levels, below and above epsilon = 1e-5, half of them each."""
    errors = 0.3 * rng.beta(1, 4, size=(2, num_trials))
    epsilon = 10 ** rng.uniform(-10, 0, num_trials)
    adam = errors[0] + np.where(epsilon < 1e-5, inside, outside)
    tests = rng.normal(0, 0.005, size=(2, num_trials))
    return comparison(
        workload="made",
        metric=CLASSIFICATION_ERROR,
        contestants=[
            contestant("momentum", errors[1] + momentum, errors[1] + momentum + tests[1]),
            contestant("adam", adam, adam + tests[0], epsilon),
        ],
        tuning_budget=k,
        num_examples={"validation": 5000, "test": 5000},
        boxes=(parse_box(box),),
    )


def best_of(validation, test, k):
    """By theory: the i-th best of n is the best of k with ((n - i + 1)^k - (n - i)^k) / n^k."""
    n = len(test)
    i = np.arange(1, n + 1)
    weights = ((n - i + 1) ** k - (n - i) ** k) / n**k
    return float(weights @ np.asarray(test)[np.argsort(validation)])


def test_differences_by_plain_numpy():
    of = made(np.random.default_rng(3), inside=0.1, outside=0.05, momentum=0.07, k=4)
    momentum, adam = (one.trials for one in of.contestants)
    cut = adam[(adam.used_epsilon >= 1e-10) & (adam.used_epsilon <= 1e-5)]
    mean = {
        name: best_of(table.validation_metric, table.test_metric, 4)
        for name, table in (("momentum", momentum), ("adam", adam), ("box", cut))
    }
    (found,) = restrictions(of)
    assert (found.a.num_inside, found.b.num_inside) == (100, len(cut))
    assert found.whole.value == pytest.approx(mean["adam"] - mean["momentum"])
    assert found.part.value == pytest.approx(mean["box"] - mean["momentum"])
    assert found.difference.value == pytest.approx(mean["box"] - mean["adam"])
    assert found.difference.low < found.difference.value < found.difference.high


def test_whole_studies_are_resampled_and_each_resample_is_cut():
    of = made(np.random.default_rng(3), inside=0.1, outside=0.05, momentum=0.07, num_trials=12)
    momentum, adam = of.contestants
    inside = (np.ones(12, dtype=bool), adam.trials.used_epsilon.to_numpy() < 1e-5)
    assert 0 < inside[1].sum() < 12
    means = Means(of, num_resamples=50)
    cut = means.cut_differences(momentum, adam, "test", 2, inside)[1]
    # The resamples' own counts, written out trial by trial.
    of_each = {}
    for one, mask in zip((momentum, adam), inside, strict=True):
        counts = np.concatenate(list(means._drawn("", one)))
        table = one.trials[["validation_metric", "test_metric"]].to_numpy()
        rows = [np.repeat(np.arange(12), row) for row in counts]
        assert {len(row) for row in rows} == {12}
        of_each[one.name] = [best_of(*table[row[mask[row]]].T, 2) for row in rows]
    expected = np.subtract(of_each["adam"], of_each["momentum"])
    np.testing.assert_allclose(cut.resampled, np.sort(expected))
    # Leaving out a trial that lies outside changes nothing inside, and has no influence but the
    # centring.
    outside = cut.influence[:12][~inside[1]]
    assert np.ptp(outside) < 1e-12


def test_studies_of_one_seed_are_paired_by_index(tmp_path, make_signature, write_study):
    errors = np.random.default_rng(0).uniform(0.05, 0.5, 80)
    for rule, shift in (("momentum", 0.0), ("nesterov", 0.01)):
        write_study(tmp_path, make_signature(rule), list(errors + shift))
    same = "momentum:eta0=1e-4..1,nesterov:eta0=1e-4..1"
    (of,) = with_boxes(read_comparisons(tmp_path), [parse_box(same)])
    (found,) = restrictions(of)
    assert found.a.inside.tolist() == found.b.inside.tolist()  # the fixture's points are alike
    for estimate in (found.whole, found.part):
        assert (estimate.low, estimate.high) == pytest.approx((0.01, 0.01))
    assert found.change is Change.CANNOT_SAY


def test_a_resample_without_a_trial_inside_counts_as_those_that_there_are():
    of = made(np.random.default_rng(0), inside=0.1, outside=0.1, momentum=0.1, num_trials=5)
    a, b = of.contestants
    one = np.array([True, False, False, False, False])
    _, part, _ = Means(of, num_resamples=200).cut_differences(a, b, "test", 2, (~one | one, one))
    assert (resampled_counts(5, 200, seed=(0,))[:, 0] == 0).any()
    assert np.isfinite(part.resampled).all()


@pytest.mark.parametrize(
    ("whole", "part", "difference", "change"),
    [
        ((0.1, 0.3), (-0.3, -0.1), (-0.6, -0.2), Change.TURNS),
        ((-0.3, -0.1), (0.1, 0.3), (0.2, 0.6), Change.TURNS),
        ((0.1, 0.3), (0.4, 0.6), (0.1, 0.5), Change.DIFFERS),
        ((-0.1, 0.3), (-0.9, -0.1), (-0.8, -0.1), Change.DIFFERS),
        ((0.1, 0.3), (0.1, 0.4), (-0.1, 0.1), Change.CANNOT_SAY),
        ((0.0, 0.3), (-0.3, -0.1), (-0.6, 0.0), Change.CANNOT_SAY),  # 0 itself is not excluded
        ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), Change.CANNOT_SAY),
    ],
)
def test_rule_by_hand(whole, part, difference, change):
    ends = (Estimate(value=sum(e) / 2, low=e[0], high=e[1]) for e in (whole, part, difference))
    assert change_of(*ends) is change


def test_a_verdict_that_turns_is_found_and_equal_boxes_are_not_called_other():
    rng = np.random.default_rng(1)
    turning = [
        restrictions(made(rng, inside=0.15, outside=0.05, momentum=0.09))[0].change
        for _ in range(8)
    ]
    assert turning.count(Change.TURNS) >= 7
    alike = [
        restrictions(made(rng, inside=0.05, outside=0.05, momentum=m))[0].change
        for m in (0.05, 0.08)
        for _ in range(10)
    ]
    assert Change.TURNS not in alike
    assert alike.count(Change.DIFFERS) <= 4  # theory: 1 of 20; more than 4 have 0.3 %


def test_a_box_that_holds_everything_changes_nothing():
    of = made(
        np.random.default_rng(0),
        inside=0.1,
        outside=0.05,
        momentum=0.07,
        box="adam:epsilon=1e-10..1",
    )
    (found,) = restrictions(of)
    assert found.whole == found.part
    assert found.difference == Estimate(value=0.0, low=0.0, high=0.0)
    assert found.change is Change.CANNOT_SAY


def test_boxes_of_the_literature_are_not_answerable_from_the_published_digits():
    boxes = [parse_box(f"{rule}:epsilon=1e-9..1e-7") for rule in ("adam", "nadam", "rmsprop")]
    (of,) = with_boxes(read_comparisons(DIGITS / "initial-quasirandom"), boxes)
    found = restrictions(of)
    assert len(found) == 15  # three boxes, each with five rivals
    assert {one.change for one in found} == {Change.NOT_ANSWERABLE}
    assert {one.level for one in found} == {0.05 / 15}
    adam = next(side for r in found for side in (r.a, r.b) if side.contestant.name == "adam")
    # By hand: K = 10 needs 50 of the 10 in 100 that lie inside.
    assert (adam.num_inside, adam.trials_needed) == (10, 500)
    assert adam.lacking == (
        "10 of 100 trials of Adam lie inside, 50 are needed (about 500 in all would do)"
    )


def test_k_and_the_least_number_of_trials_decide_what_is_answerable():
    of = made(np.random.default_rng(0), inside=0.1, outside=0.1, momentum=0.1)
    adam, (box,) = of.contestants[1], of.boxes
    inside = int((adam.trials.used_epsilon < 1e-5).sum())
    assert 30 <= inside < 60
    assert part_of(adam, box, tuning_budget=2).lacking == ""
    assert part_of(adam, box, tuning_budget=inside // 5).lacking == ""
    assert "55 are needed" in part_of(adam, parse_box("adam:epsilon=1e-10..1e-6"), 11).lacking
    none = part_of(adam, parse_box("adam:epsilon=2..3"), 2)
    assert (none.num_inside, none.trials_needed) == (0, np.inf)
    few = part_of(adam, parse_box("adam:epsilon=1e-10..1.5e-10"), 2)
    assert few.trials_needed == np.inf and "more than 1,000 in all would do" in few.lacking


def test_values_must_span_the_box():
    epsilon = np.concatenate([np.geomspace(1e-10, 1e-7, 40), np.geomspace(1e-3, 1.0, 60)])
    errors = np.linspace(0.1, 0.2, 100)
    adam = contestant("adam", errors, errors, epsilon)
    assert part_of(adam, parse_box("adam:epsilon=1e-10..1e-7"), 2).lacking == ""
    gap = part_of(adam, parse_box("adam:epsilon=1e-10..1e-5"), 2)  # 3 of 5 decades
    assert "inside span less than 80 % of adam:epsilon=1e-10..1e-5" in gap.lacking
    beyond = part_of(adam, parse_box("adam:epsilon=1e-18..1e-7"), 2)
    assert "the search space of adam leaves out much of adam:epsilon" in beyond.lacking
    assert beyond.trials_needed == np.inf


def test_names_as_searched_as_used_and_as_the_paper_calls_them():
    (of,) = read_comparisons(DIGITS / "initial-quasirandom")
    one = {c.name: c for c in of.contestants}
    adam = one["adam"].feasible
    rate = adam.searched_alpha0_over_epsilon * adam.searched_epsilon  # PAPER, section 4
    for name in ("alpha0", "eta0", "learning_rate"):
        np.testing.assert_allclose(values_of(one["adam"], name), rate)
    np.testing.assert_allclose(
        values_of(one["momentum"], "momentum"),
        1 - one["momentum"].feasible.searched_one_minus_gamma,
    )
    same = [
        part_of(one["momentum"], parse_box(text), 2).inside.tolist()
        for text in ("momentum:momentum=0..0.9", "momentum:one_minus_gamma=0.1..1")
    ]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adam", "must be optimizer:hyperparameter=low..high, such as"),
        ("adam:epsilon=1e-9", "got 'adam:epsilon=1e-9'"),
        ("epsilon=1..2", "got 'epsilon=1..2'"),
        ("adam:epsilon=a..b", "got 'adam:epsilon=a..b'"),
        ("adam:epsilon=2..1", "low must be < high"),
        ("adam:epsilon=1..1", "low must be < high"),
        ("adam:epsilon=1..inf", "both finite"),
        ("adam:epsilon=1..2,adam:epsilon=3..4", "adam:epsilon must have one range"),
        ("lion:epsilon=1..2", r"optimizer must be one of \['adam', 'momentum'\]"),
        ("adam:eps=1..2", r"hyperparameter of 'adam' must be one of \['epsilon'\]; got 'eps'"),
    ],
)
def test_nonsense_is_refused(text, message):
    of = made(np.random.default_rng(0), inside=0.1, outside=0.1, momentum=0.1)
    with pytest.raises(ValueError, match=message):
        with_boxes([of], [parse_box(text)])
