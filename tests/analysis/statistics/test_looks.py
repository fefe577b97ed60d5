"""Looks: when, at what level, and what they find."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from tfoptcmp.analysis.comparison import comparison
from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.statistics.looks import (
    first_trials,
    levels,
    looks_needed_factor,
    looks_sentences,
    make_plan,
    planned_looks,
    take_look,
)
from tfoptcmp.analysis.statistics.verdicts import Verdict
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES
from tfoptcmp.study.looks import Looks, SequentialVerdict
from tfoptcmp.study.schema import Status, StudyError


def contestant(name, errors, *, infeasible=(), rule=None, order=None):
    """Feasible trials with these errors, and infeasible ones at these indices."""
    indices = [i for i in range(len(errors) + len(infeasible)) if i not in infeasible]
    rows = [
        {
            "trial": i,
            "status": Status.COMPLETE.value,
            "validation_metric": error,
            "test_metric": error,
            "seconds": 2.0,
        }
        for i, error in zip(indices, errors, strict=True)
    ]
    rows += [
        {"trial": i, "status": Status.INFEASIBLE.value, "feasible": False, "seconds": 1.0}
        for i in infeasible
    ]
    rows = [{"feasible": True, **row} for row in sorted(rows, key=lambda row: row["trial"])]
    if order is not None:
        rows = [rows[i] for i in order]
    return Contestant(
        name=name,
        title=name.title(),
        rule=RULES.get(name) if rule is None else None,
        trials=trials_table(pd.DataFrame(rows)),
        dimensions={},
    )


def compared(*contestants, **known):
    return comparison(
        workload="made", metric=CLASSIFICATION_ERROR, contestants=contestants, **known
    )


def errors(rng, num):
    return np.clip(rng.lognormal(-2, 0.7, num), 0, 1)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("most", "k", "looks"),
    [
        (160, 4, (20, 40, 80, 160)),
        (160, 16, (80, 160)),  # the first with N >= 5 K
        (100, 10, (80, 100)),
        (100, 4, (20, 40, 80, 100)),
        (20, 2, (20,)),
        (50, 10, (50,)),
    ],
)
def test_looks_by_hand(most, k, looks):
    assert planned_looks(most, k) == looks


@pytest.mark.parametrize(("most", "k", "least"), [(19, 2, 20), (49, 10, 50)])
def test_a_maximum_that_decides_nothing_is_refused(most, k, least):
    with pytest.raises(ValueError, match=f"max_feasible must be >= {least}; got {most}"):
        planned_looks(most, k)


@pytest.mark.parametrize("most", [20, 70, 160, 1000])
@pytest.mark.parametrize("pairs", [None, [("sgd", "adam")]])
def test_levels_of_all_looks_and_pairs_add_up(most, pairs):
    names = ("sgd", "momentum", "adam")
    plan = make_plan(compared(*(contestant(n, []) for n in names)), most, 2, pairs)
    assert sum(levels(plan)) * len(plan.pairs) == pytest.approx(0.025)  # theory


def test_levels_by_hand():
    plan = make_plan(compared(*(contestant(n, []) for n in ("sgd", "adam"))), 160, 4)
    assert levels(plan) == pytest.approx([0.025 / 8, 0.025 / 8, 0.025 / 4, 0.025 / 2])


def test_pairs_are_the_inclusions_or_all():
    names = ("adam", "sgd", "nesterov", "momentum")
    whole = compared(*(contestant(n, []) for n in names))
    assert set(make_plan(whole, 40).pairs) == {
        *(("sgd", "momentum"), ("sgd", "nesterov"), ("sgd", "adam"), ("momentum", "adam")),
    }
    foreign = compared(*(contestant(n, []) for n in ("x", "y", "z")))
    assert make_plan(foreign, 40).pairs == (("x", "y"), ("x", "z"), ("y", "z"))
    asked = make_plan(whole, 40, pairs=[("adam", "sgd"), ("nesterov", "momentum")]).pairs
    assert set(asked) == {("sgd", "adam"), ("momentum", "nesterov")}  # the special rule first


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("sgd", "nadam")], "must name two different ones of sgd, adam"),
        ([("sgd", "sgd")], "must name two different ones"),
        ([("sgd", "adam"), ("adam", "sgd")], "named once each"),
    ],
)
def test_pairs_that_are_none_are_refused(pairs, message):
    with pytest.raises(ValueError, match=message):
        make_plan(compared(*(contestant(n, []) for n in ("sgd", "adam"))), 40, pairs=pairs)


def test_first_trials_are_those_of_the_lowest_indices(rng):
    values = errors(rng, 30)
    order = rng.permutation(33)
    one = contestant("sgd", values, infeasible=(0, 7, 22), order=order)  # as workers end them
    first = first_trials(one, 20)
    assert list(first.feasible["test_metric"]) == list(values[:20])
    assert list(first.trials["trial"]) == list(range(22))


def test_a_gap_before_the_last_is_no_look(rng):
    one = contestant("sgd", errors(rng, 30))
    for without in (
        one.trials[one.trials["trial"] != 4],
        one.trials.assign(
            status=one.trials["status"].mask(one.trials["trial"] == 4, Status.RUNNING.value),
            feasible=one.trials["trial"] != 4,
        ),
    ):
        with pytest.raises(StudyError, match="sgd: trial 4 has not ended"):
            first_trials(replace(one, trials=without), 20)
    with pytest.raises(StudyError, match="N = 31 needs as many feasible trials; got 30"):
        first_trials(one, 31)


def test_a_look_is_a_function_of_its_trials(rng):
    a, b = errors(rng, 40), errors(rng, 40) + 0.02
    few = compared(contestant("sgd", a[:20]), contestant("adam", b[:20]))
    made = Looks(plan=make_plan(few, 40, 4))
    look = take_look(few, made, 500)
    more = compared(
        contestant("momentum", errors(rng, 40)),  # nobody asked about it
        contestant("sgd", a, order=rng.permutation(40)),
        contestant("adam", b, order=rng.permutation(40)),
        tuning_budget=7,
    )
    assert take_look(more, made, 500) == look
    twice = take_look(more, look, 500)
    assert twice.looks[0] == look.looks[0] and twice.looks[1].num_trials == 40


def test_what_is_decided_stays_decided_and_is_not_looked_at_again(rng):
    a, b, c = errors(rng, 160), 0.9 * np.ones(160), errors(rng, 160)
    whole = compared(contestant("sgd", a), contestant("momentum", b), contestant("adam", c))
    looks = Looks(plan=make_plan(whole, 160, 4, [("sgd", "momentum"), ("sgd", "adam")]))
    seen = []
    while looks.next_look is not None:
        looks = take_look(whole, looks, 500)
        seen.append([one.pair for one in looks.looks[-1].pairs])
    assert seen == [[("sgd", "momentum"), ("sgd", "adam")], *[[("sgd", "adam")]] * (len(seen) - 1)]
    num_trials, one = looks.decided["sgd", "momentum"]
    assert (num_trials, one.verdict) == (20, "violated")
    text = " ".join(looks_sentences(replace(whole, looks=looks)))
    assert "Momentum against Sgd violated at N = 20" in text
    assert "2 pairs" in text and "too optimistic" in text


def test_a_comparison_without_looks_says_nothing_of_them():
    assert looks_sentences(compared(contestant("sgd", [0.1]))) == []


def test_verdicts_of_the_file_are_those_of_the_rule():
    known = set(SequentialVerdict.__args__)
    assert known == {v.value for v in Verdict} - {Verdict.NO_VERDICT.value}


def test_how_many_more_trials_looks_take():
    names = ("sgd", "momentum", "adam")
    one = make_plan(compared(*(contestant(n, []) for n in names)), 20, 2, [("sgd", "adam")])
    assert looks_needed_factor(one) == pytest.approx(1)  # theory: a single test
    plan = make_plan(compared(*(contestant(n, []) for n in names)), 160, 4)
    at_last = ndtri(1 - 0.0125 / 3)
    expected = ((at_last + 0.8416) / (1.9600 + 0.8416)) ** 2  # theory
    assert looks_needed_factor(plan) == pytest.approx(expected, rel=1e-3)


NUM_SIMULATED = 200


def test_false_alarms_at_the_margin_stay_rare_with_looks():
    """D = delta: the general rule is worse by exactly what is tolerated.

    The short form of a simulation that saw 2.4 to 2.8 %, and 7 % with naive looks (recorded).
    """
    rng = np.random.default_rng(3)
    delta, alarms = 0.01, 0
    for _ in range(NUM_SIMULATED):
        a, b = errors(rng, 80), errors(rng, 80) + delta
        both = compared(contestant("sgd", a), contestant("adam", b), margin=delta)
        looks = Looks(plan=make_plan(both, 80, 4))
        found = False
        while looks.next_look is not None:
            looks = take_look(both, looks, 1000)
            found |= any(one.verdict == "violated" for one in looks.looks[-1].pairs)
        alarms += found
    assert alarms <= 0.035 * NUM_SIMULATED
