"""The short form of `python -m tools.lab.narrowing`: surfaces, what a cut is, refinements."""

import dataclasses
import json
import math

import numpy as np
import pytest
from tfoptcmp.tools.lab.narrowing import refinement, table
from tfoptcmp.tools.lab.narrowing.made import MADE
from tfoptcmp.tools.lab.narrowing.plans import PLANS, Plan
from tfoptcmp.tools.lab.narrowing.refinement import Outcome, drawn, refined
from tfoptcmp.tools.lab.narrowing.surfaces import Surface, coordinates_of
from tfoptcmp.tuners.points import point

from tests import programs
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.spaces import Choice, LogUniform, SearchSpace, Uniform

RATE = LogUniform(low=1e-4, high=1e2)
OTHER = LogUniform(low=1e-4, high=1.0)


def surface(truth, known, **dimensions):
    return Surface(
        space=SearchSpace(dimensions=dimensions, source="test"),
        metric=CLASSIFICATION_ERROR.with_classes(10),
        num_examples=5000,
        spread=0.05,
        truth=truth,
        known=np.array([known]),
        at_chance=0.9,
    )


def valley(x):
    """Least, 0.02, at a rate of 1e-2; the other hyperparameter does not matter."""
    return np.minimum(0.02 * np.exp(2 * np.abs(x[:, 0] + 2)), 0.9)


def outcome(**changes):
    known = {"best": 0.03, "optimum": 0.02, "margin": 0.002, "attainable": 0.02}
    rest = {"at_chance": 0.1, "volume": 0.1, "infeasible": 3}
    return Outcome(**(known | rest | changes))


def test_cut_off_is_an_optimum_that_the_box_does_not_come_near():
    # By hand.
    assert not outcome(attainable=0.0219).cut_off
    assert outcome(attainable=0.0221).cut_off


def test_the_least_of_a_box():
    one = surface(valley, [-2.0, -1.0], eta0=RATE, one_minus_gamma=OTHER)
    assert one.optimum() == pytest.approx(0.02)
    away = LogUniform(low=1e-1, high=1.0)
    # Theory: the nearest edge, one decade away.
    assert one.least({"eta0": away, "one_minus_gamma": OTHER}) == pytest.approx(
        0.02 * math.exp(2), rel=1e-3
    )
    # What does not matter cuts nothing off.
    narrow = LogUniform(low=0.5, high=1.0)
    assert one.least({"eta0": RATE, "one_minus_gamma": narrow}) == pytest.approx(0.02, rel=1e-3)


def test_the_least_of_a_box_with_a_choice_and_a_uniform_range():
    one = surface(
        lambda x: 0.1 + np.abs(x[:, 1] - 0.8) + np.abs(np.log10(x[:, 2]) + 2) + 0 * x[:, 0],
        [0.0, 0.8, 1e-2],
        eta0=RATE,
        decay_steps_fraction=Uniform(low=0.5, high=1.0),
        decay_factor=Choice(values=(1e-3, 1e-2, 1e-1)),
    )
    assert one.optimum() == pytest.approx(0.1)
    fewer = {**one.space.dimensions, "decay_factor": Choice(values=(1e-3, 1e-1))}
    assert one.least(fewer) == pytest.approx(1.1)  # by hand


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_better_than_the_optimum_of_a_made_surface(name):
    for run in range(3):
        one = drawn(name, run, seed=5)
        known = float(one.truth(one.known)[0])
        assert one.optimum() == pytest.approx(known)
        assert one.least(one.space.dimensions) >= known * (1 - 1e-9)
        points = [
            one.space.values(point(i, num_dims=one.space.num_dims, seed=0)) for i in range(99)
        ]
        truth = one.truth(coordinates_of(one.space, points))
        assert np.isfinite(truth).any()
        assert (truth >= known * (1 - 1e-9)).all()
        inside = one.least(one.space.dimensions) == pytest.approx(known, rel=0.05)
        assert inside or name in ("below", "above", "rotated", "rippled", "rmsprop", "momentum")


def test_runs_are_different_surfaces_and_equal_ones_are_the_same():
    first, again, other = (drawn("momentum", run, seed=0) for run in (0, 0, 1))
    assert (first.known == again.known).all()
    assert (first.known != other.known).any()
    assert (first.known != drawn("momentum", 0, seed=1).known).any()


def test_noise_is_that_of_the_validation_set_and_of_seeds():
    one = surface(valley, [-2.0], eta0=RATE)
    results = one.observed(np.full(4000, 0.2), np.random.default_rng(0))
    # Theory: sqrt(.2 * .8 / 5000) and 5 % of .2.
    assert results.std() == pytest.approx(math.hypot(0.00566, 0.01), rel=0.05)
    assert np.unique(np.rint(results * 5000) - results * 5000).max() < 1e-6
    assert one.observed(np.array([math.inf]), np.random.default_rng(0)).tolist() == [math.inf]


def test_points_are_those_of_a_search(monkeypatch):
    one = surface(valley, [-2.0, -1.0], eta0=RATE, one_minus_gamma=OTHER)
    made, _ = refinement._round(one, one.space.dimensions, 20, (3, 4))
    seed = int(np.random.default_rng((3, 4, 1)).integers(2**31))
    expected = [one.space.values(point(i, num_dims=2, seed=seed)) for i in range(20)]
    assert [made.values_of(row) for _, row in made.trials.iterrows()] == expected


def test_infeasible_trials_come_on_top():
    one = surface(lambda x: np.where(x[:, 0] > 0, math.inf, valley(x)), [-2.0], eta0=RATE)
    made, truth = refinement._round(one, one.space.dimensions, 30, (0,))
    assert made.num_feasible == 30
    assert made.num_infeasible == len(truth) - 30 > 5


def test_the_process_finds_a_valley_that_an_empty_rule_does_not(monkeypatch):
    one = surface(valley, [-2.0, -1.0], eta0=RATE, one_minus_gamma=OTHER)
    outcomes = []
    for plan in ("process", "none"):
        rounds, truth = refinement._rounds(one, PLANS[plan], (0,))
        outcomes.append(refinement._outcome(one, rounds, truth))
    narrow, wide = outcomes
    assert not narrow.cut_off and narrow.volume < 0.5
    assert (wide.volume, wide.infeasible) == (1.0, 0)
    assert narrow.best < wide.best
    assert narrow.optimum == pytest.approx(0.02)


def test_a_rule_that_cuts_is_found_out():
    def upper(comparison):
        return {"eta0": LogUniform(low=1.0, high=1e2)}

    one = surface(valley, [-2.0], eta0=RATE)
    rounds, truth = refinement._rounds(one, Plan(rounds=(20, 20), rule=upper), (0,))
    found = refinement._outcome(one, rounds, truth)
    assert found.cut_off
    assert found.volume == pytest.approx(1 / 3)  # by hand
    assert found.at_chance > 0.5


def test_equal_numbers_give_equal_refinements():
    first, second, other = (refined("sgd", "tenth", run, seed=0) for run in (1, 1, 2))
    assert first == second != other


def test_a_forest_of_published_trials():
    one = drawn("digits", 0, seed=0)
    assert list(one.space.dimensions) == ["eta0", "decay_steps_fraction", "decay_factor"]
    assert 0.01 < one.optimum() < 0.1
    assert one.truth(np.array([[-2.0, 0.7, 1e-2]]))[0] > 0.5  # recorded: too low a rate


def test_the_table_compares_in_pairs():
    outcomes = [
        outcome(surface="sgd", plan=plan, run=run, best=best)
        for plan, bests in (("tenth", (0.04, 0.02)), ("process", (0.02, 0.01)))
        for run, best in enumerate(bests)
    ]
    rows = [line.split() for line in table.text(outcomes).splitlines()]
    # By hand: half of it in both runs; the geometric mean of 1 and .5.
    (row,) = [row for row in rows if row and row[0] == "process"]
    assert row[1:5] == ["0.707", "0.500", "+-", "0.000"]


def run(*flags):
    return programs.run("lab.narrowing", *flags, fresh=True)


def test_the_program_prints_a_table_and_does_nothing_twice(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    flags = ("--only=sgd", "--plans=none,tenth", "--num_runs=2", "--processes=1")
    first = run(*flags, f"--outcomes={path}")
    assert first.returncode == 0, first.stderr
    assert "2 runs a surface" in first.stdout
    assert "4 of 4, 0 s to go" in first.stderr
    lines = path.read_text().splitlines()
    assert [json.loads(line)[0] for line in lines] == [0] * 4
    assert set(json.loads(lines[0])[1]) == {f.name for f in dataclasses.fields(Outcome)}
    again = run(*flags, f"--outcomes={path}")
    assert (again.stdout, again.stderr) == (first.stdout, "")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--only=fire"], "--only must be of ['sgd', "),
        (["--plans=fire"], "--plans must be of ['none', "),
        (["more"], "takes flags only; got ['more']"),
    ],
)
def test_bad_input_gets_one_clear_message(flags, message):
    done = run(*flags)
    assert done.returncode == 2
    assert message in done.stderr
