"""Grid search: the points in order, and a study that ends with the last."""

import math

import pytest
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults.fake import STEPS, config, measurement
from tfoptcmp.tuners import points
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.points import grid_point
from tfoptcmp.tuners.run_study import run_study
from tfoptcmp.tuners.searches import grid_size, point_of

from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, SearchSpace, Uniform
from tfoptcmp.study.schema import GRID, SEARCHES, Status
from tfoptcmp.study.trial import Outcome

RATES = (0.5, 0.05, 0.01)  # of which fake.is_feasible finds the first two infeasible
FACTORS = (0.1, 0.5)
SPACE = SearchSpace(
    source="test",
    dimensions={
        "eta0": Choice(values=RATES),
        "one_minus_gamma": Fixed(fixed=0.1),
        "decay_steps_fraction": Fixed(fixed=0.1),
        "decay_factor": Choice(values=FACTORS),
    },
)
SIGNATURE = Signature(name="momentum", rule=RULES["momentum"], space=SPACE, schedule="step_decay")


@pytest.mark.parametrize("sizes", [(3, 2), (1,), (7, 1, 5), ()])
def test_a_grid_has_every_point_once_in_order(sizes):
    size = math.prod(sizes)
    points = [grid_point(i, sizes=sizes) for i in range(size)]
    cells = [tuple(int(u * n) for u, n in zip(p, sizes, strict=True)) for p in points]
    assert cells == sorted(set(cells))
    assert len(cells) == size
    with pytest.raises(ValueError, match=f"index must be < {size}"):
        grid_point(size, sizes=sizes)


def test_the_values_are_those_of_the_choices_whatever_the_seed():
    assert grid_size(SPACE) == 6  # by hand
    found = [SPACE.values(point_of(SPACE, "grid", i, seed=i)) for i in range(6)]
    expected = [(rate, factor) for rate in RATES for factor in FACTORS]
    assert [(v["eta0"], v["decay_factor"]) for v in found] == expected


def test_a_range_has_no_grid():
    space = SearchSpace(source="test", dimensions={"eta0": Uniform(low=0.1, high=1.0)})
    with pytest.raises(ValueError, match=r"choices and fixed values; eta0 is Uniform"):
        grid_size(space)


def test_every_search_of_a_study_but_the_grid_is_a_sequence():
    assert {*points.SEARCHES, GRID} == {*SEARCHES}


def test_unknown_searches_list_the_known():
    with pytest.raises(ValueError, match=r"'quasirandom', 'random', 'grid'\]; got 'sobol'"):
        point_of(SPACE, "sobol", 0, seed=0)


def run(directory, trial=None, **changes):
    indices = []

    def run_trial(task, on_measurement):
        indices.append(task.index)
        if trial and len(indices) > trial:
            raise KeyboardInterrupt
        for step in STEPS:
            on_measurement(measurement(task, step))
        return Outcome(status=Status.COMPLETE, steps=STEPS[-1])

    settings = {"signature": SIGNATURE.to_json(), "search": "grid", "num_feasible": 6}
    study = run_study(
        directory=directory,
        config=config(**{**settings, "max_trials": 6, **changes}),
        signature=SIGNATURE,
        executor=InProcess(run_trial),
        clock=CLOCK,
    )
    return study, indices


def test_a_study_ends_with_the_grid_whatever_is_infeasible(tmp_path):
    study, indices = run(tmp_path / "momentum")
    assert indices == list(range(6))
    assert [t.status for t in study.trials] == [Status.INFEASIBLE] * 4 + [Status.COMPLETE] * 2
    assert [t.values["eta0"] for t in study.trials] == [rate for rate in RATES for _ in FACTORS]
    _, indices = run(tmp_path / "momentum")
    assert indices == []


def test_a_grid_is_gone_on_with(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "momentum", trial=2)
    study, indices = run(tmp_path / "momentum")
    assert indices == [2, 3, 4, 5]
    assert len(study.trials) == 6
