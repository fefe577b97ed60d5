"""Final spaces around the good trials of initial ones."""

import math
from dataclasses import replace

import pytest

from tfoptcmp.analysis.ranges.boundary import good_trials
from tfoptcmp.analysis.ranges.narrowing import final_spaces
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.spaces import LogUniform, SearchSpace


@pytest.fixture
def study(tmp_path, make_signature, write_study):
    """Makes a study of Momentum whose error is least at eta0 = 1e-2 and 1 - gamma = 1."""

    def make(num):
        first = write_study(tmp_path / f"{num}", make_signature("momentum"), [0.5] * num)
        (comparison,) = read_comparisons(first)
        (momentum,) = comparison.contestants
        errors = [
            abs(math.log10(eta0) + 2) / 10 + abs(math.log10(one_minus_gamma)) / 100
            for eta0, one_minus_gamma in zip(
                momentum.searched("eta0"), momentum.searched("one_minus_gamma"), strict=True
            )
        ]
        trials = momentum.trials.assign(validation_metric=errors)
        return replace(comparison, contestants=(replace(momentum, trials=trials),))

    return make


def test_ranges_hold_the_good_trials_with_room_and_no_more_than_is_allowed(study):
    comparison = study(60)
    (momentum,) = comparison.contestants
    good = good_trials(momentum)
    space = final_spaces(comparison)["momentum"]
    initial = momentum.dimensions
    for name in ("eta0", "one_minus_gamma"):
        values = good[f"searched_{name}"]
        final = space.dimensions[name]
        assert final.low <= values.min() / 2.5  # half a decade, one digit
        assert final.high >= min(1.0, values.max() * 2.5)
    assert math.log(space.dimensions["eta0"].high / space.dimensions["eta0"].low) < math.log(1e4)
    assert space.dimensions["one_minus_gamma"].high == 1.0  # of 1 - gamma no more is allowed
    assert space.dimensions["decay_factor"] == initial["decay_factor"]
    assert space.source == (
        "6 best of 60 feasible trials in a space (test <space>), digits_simple_cnn, 100 steps, "
        "study seed 0"
    )


def test_a_final_space_is_one_that_tune_reads(study):
    space = final_spaces(study(30))["momentum"]
    assert SearchSpace.from_json(space.to_json()) == space
    assert isinstance(space.dimensions["eta0"], LogUniform)


def test_studies_with_too_few_trials_are_left_out(study):
    assert final_spaces(study(14)) == {}
    assert list(final_spaces(study(15))) == ["momentum"]


def test_a_study_without_a_validation_metric_is_left_out(study):
    comparison = study(30)
    (momentum,) = comparison.contestants
    unknown = replace(momentum, trials=momentum.trials.assign(validation_metric=math.nan))
    assert final_spaces(replace(comparison, contestants=(unknown,))) == {}
