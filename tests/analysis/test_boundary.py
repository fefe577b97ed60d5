import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.comparison import compare
from tfoptcmp.analysis.ranges.boundary import (
    Edge,
    check_boundaries,
    good_trials,
    position,
    suggested_spaces,
    write_spaces,
)
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform


@pytest.fixture
def study(tmp_path, make_signature, write_study):
    """Makes a study of Momentum whose error is a function of its searched values."""

    def make(error, num=60, **dimensions):
        signature = make_signature("momentum", **dimensions)
        # write_study draws the points itself, seeded: learn them from a first study.
        first = write_study(tmp_path / "points", signature, [0.5] * num)
        (comparison,) = compare(first)
        values = [
            {name: row[f"searched_{name}"] for name in signature.space.dimensions}
            for _, row in comparison.studies[0].trials.iterrows()
        ]
        write_study(tmp_path / "study", signature, [error(value) for value in values])
        return compare(tmp_path / "study")[0].studies[0]

    return make


def verdicts(results):
    return {check.name: check.verdict for check in check_boundaries(results)}


def test_positions_on_the_dimensions_own_scale():
    assert list(position(LogUniform(low=1e-4, high=1.0), [1e-4, 1e-2, 1.0])) == pytest.approx(
        [0, 0.5, 1]
    )
    assert list(position(Uniform(low=0.5, high=1.0), [0.5, 0.75])) == pytest.approx([0, 0.5])
    assert list(position(Choice(values=(0.1, 0.001, 0.01)), [0.001, 0.1])) == [0, 1]
    assert list(position(Choice(values=(0.1,)), [0.1])) == [0]
    with pytest.raises(ValueError, match="must have a range"):
        position(Fixed(fixed=1.0), [1.0])


def test_good_trials_are_a_tenth_or_five_but_at_most_a_third(study):
    counts = {num: len(good_trials(study(lambda v: v["eta0"] / 1e3, num))) for num in (6, 20)}
    assert counts == {6: 2, 20: 5}
    results = study(lambda v: v["eta0"] / 1e3, 60)
    good = good_trials(results)
    assert len(good) == 6
    assert good["searched_eta0"].max() <= np.sort(results.trials["searched_eta0"])[5]


def test_optimum_inside_is_inside(study):
    # eta0 in [1e-4, 1e2]: the optimum 0.1 is its middle; the others do not matter.
    found = verdicts(study(lambda v: 0.01 + abs(math.log10(v["eta0"]) + 1) / 10))
    assert found["eta0"] is Edge.INSIDE


@pytest.mark.parametrize(("sign", "edge"), [(1, Edge.LOW), (-1, Edge.HIGH)])
def test_optimum_beyond_an_edge_crowds_it(study, sign, edge):
    results = study(lambda v: 0.5 + sign * math.log10(v["eta0"]) / 20)
    checks = {check.name: check for check in check_boundaries(results)}
    assert checks["eta0"].verdict is edge
    moved = checks["eta0"].suggestion
    # By hand: six decades; half of them, three, come at the crowded edge, and at most three go.
    if edge is Edge.LOW:
        assert moved == LogUniform(low=1e-7, high=0.1)
    else:
        assert moved == LogUniform(low=0.1, high=1e5)


def test_limit_of_what_is_allowed_is_not_crossed(study):
    results = study(lambda v: 0.9 + math.log10(v["one_minus_gamma"]) / -10 - 0.5)
    (check,) = [c for c in check_boundaries(results) if c.name == "one_minus_gamma"]
    assert check.verdict is Edge.HIGH  # at 1 - gamma = 1 there is no momentum left
    assert check.suggestion is None
    assert check.reason == "the edge is the limit of what is allowed"


def test_choice_gets_one_value_more_at_the_same_ratio(study):
    results = study(lambda v: 0.2 + v["decay_factor"], num=120)
    (check,) = [c for c in check_boundaries(results) if c.name == "decay_factor"]
    assert check.verdict is Edge.LOW
    assert check.suggestion == Choice(values=(1e-4, 1e-3, 1e-2, 1e-1))


def test_few_trials_tell_nothing(study):
    found = check_boundaries(study(lambda v: v["eta0"] / 1e3, num=14))
    assert {check.verdict for check in found} == {Edge.CANNOT_TELL}
    assert {check.reason for check in found} == {"needs 15 feasible trials"}


def test_dimension_that_does_not_matter_is_rarely_called_crowded(study):
    # Theory: five good of fifty; P(4 or more in an outer fifth) = 0.0067 at each of two edges.
    rng = np.random.default_rng(0)
    results = study(lambda v: 0.5, num=50)
    alarms = checks = 0
    for _ in range(100):
        trials = results.trials.assign(validation_metric=rng.uniform(size=50))
        found = verdicts(replace(results, trials=trials))
        alarms += sum(
            found[name] in (Edge.LOW, Edge.HIGH)
            for name in ("eta0", "one_minus_gamma", "decay_steps_fraction")
        )
        checks += 3
    assert alarms <= 12  # expected 4 of 300


def test_without_feasible_trials(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [], infeasible=3)
    results = compare(tmp_path)[0].studies[0]
    assert set(verdicts(results).values()) == {Edge.CANNOT_TELL}
    assert suggested_spaces([results]) == {"sgd": results.signature.space}


def test_suggestion_is_read_back_as_search_spaces(study, tmp_path):
    results = study(lambda v: 0.5 + math.log10(v["eta0"]) / 20)
    path = write_spaces(suggested_spaces([results]), tmp_path / "space_suggestion.json")
    spaces = {k: SearchSpace.from_json(v) for k, v in json.loads(path.read_text()).items()}
    assert list(spaces) == ["momentum"]
    space = spaces["momentum"]
    assert list(space.dimensions) == list(results.signature.space.dimensions)
    assert space.dimensions["eta0"] == LogUniform(low=1e-7, high=0.1)
    assert space.source == (
        "test <space>; eta0 moved after the boundary check of 60 trials of digits_simple_cnn, "
        "study seed 0"
    )


def results_of(values, dimension, **allowed):
    """Results of a study of one hyperparameter, x; the first trials are the best."""
    own = {"x": Hyperparameter(argument="x", meaning="x", **allowed)}
    space = SearchSpace(source="test", dimensions={"x": dimension}, own=own)
    return SimpleNamespace(
        signature=SimpleNamespace(space=space),
        num_feasible=len(values),
        feasible=pd.DataFrame({"searched_x": values, "validation_metric": np.arange(len(values))}),
    )


# By hand: at most a third, rounded up; five; from 51 on a tenth, rounded up.
@pytest.mark.parametrize(
    ("num", "num_good"), [(1, 1), (3, 1), (4, 2), (13, 5), (15, 5), (50, 5), (51, 6), (60, 6)]
)
def test_number_of_good_trials(num, num_good):
    results = results_of(np.full(num, 0.5), Uniform(low=0.0, high=1.0))
    assert len(good_trials(results)) == num_good


@pytest.mark.parametrize(("num", "edge"), [(14, Edge.CANNOT_TELL), (15, Edge.HIGH)])
def test_fifteen_trials_are_enough(num, edge):
    results = results_of([0.9] * 5 + [0.5] * (num - 5), Uniform(low=0.0, high=1.0))
    assert verdicts(results) == {"x": edge}


@pytest.mark.parametrize(
    ("good", "moved"),
    [
        # By hand: half the width more at the edge; the other one comes to 0.1 beside the last of
        # the good trials, and never goes out.
        ([0.1, 0.11, 0.12, 0.13, 0.79], Uniform(low=-0.5, high=0.89)),
        ([0.1, 0.11, 0.12, 0.13, 0.95], Uniform(low=-0.5, high=1.0)),
        ([0.9, 0.91, 0.92, 0.93, 0.21], Uniform(low=0.11, high=1.5)),
        ([0.9, 0.91, 0.92, 0.93, 0.05], Uniform(low=0.0, high=1.5)),
    ],
)
def test_the_other_edge_stays_clear_of_the_good_trials_and_does_not_go_out(good, moved):
    values = [*good, *np.linspace(0.3, 0.7, 25)]
    (check,) = check_boundaries(results_of(values, Uniform(low=0.0, high=1.0), low=-10.0))
    assert check.suggestion == moved


@pytest.mark.parametrize(
    ("best", "limits", "values"),
    [
        (2.0, {"low": 0.5}, (1.0, 2.0, 4.0, 8.0)),
        (2.0, {"low": 1.0}, None),  # the limit itself is not suggested
        (8.0, {"high": 17.0}, (2.0, 4.0, 8.0, 16.0)),
        (8.0, {"high": 16.0}, None),
    ],
)
def test_a_choice_stays_inside_what_is_allowed(best, limits, values):
    results = results_of([best] * 5 + [4.0] * 25, Choice(values=(2.0, 4.0, 8.0)), **limits)
    (check,) = check_boundaries(results)
    assert check.suggestion == (Choice(values=values) if values else None)
    assert check.reason == ("" if values else "the edge is the limit of what is allowed")
