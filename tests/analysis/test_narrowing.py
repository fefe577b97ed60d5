"""Final spaces around the good trials of initial ones."""

import json
import math

import pytest

from tfoptcmp.analysis.comparison import compare
from tfoptcmp.analysis.ranges.boundary import good_trials
from tfoptcmp.analysis.ranges.narrowing import final_spaces
from tfoptcmp.analysis.report.files import write_report
from tfoptcmp.spaces import LogUniform, SearchSpace


@pytest.fixture
def study(tmp_path, make_signature, write_study):
    """Makes a study of Momentum whose error is least at eta0 = 1e-2 and 1 - gamma = 1."""

    def make(num):
        signature = make_signature("momentum")
        first = write_study(tmp_path / "points", signature, [0.5] * num)
        trials = compare(first)[0].studies[0].trials
        errors = [
            abs(math.log10(eta0) + 2) / 10 + abs(math.log10(one_minus_gamma)) / 100
            for eta0, one_minus_gamma in zip(
                trials["searched_eta0"], trials["searched_one_minus_gamma"], strict=True
            )
        ]
        write_study(tmp_path / "study", signature, errors)
        return compare(tmp_path / "study")[0].studies[0]

    return make


def test_ranges_hold_the_good_trials_with_room_and_no_more_than_is_allowed(study):
    results = study(60)
    good = good_trials(results)
    space = final_spaces([results])["momentum"]
    initial = results.signature.space.dimensions
    for name in ("eta0", "one_minus_gamma"):
        values = good[f"searched_{name}"]
        final = space.dimensions[name]
        assert final.low <= values.min() / 2.5  # half a decade, one digit
        assert final.high >= min(1.0, values.max() * 2.5)
    assert math.log(space.dimensions["eta0"].high / space.dimensions["eta0"].low) < math.log(1e4)
    assert space.dimensions["one_minus_gamma"].high == 1.0  # of 1 - gamma no more is allowed
    assert space.dimensions["decay_factor"] == initial["decay_factor"]
    assert "6 best of 60 feasible trials" in space.source


def test_a_final_space_is_one_that_tune_reads(study):
    space = final_spaces([study(30)])["momentum"]
    assert SearchSpace.from_json(space.to_json()) == space
    assert isinstance(space.dimensions["eta0"], LogUniform)


def test_the_report_writes_them(study, tmp_path):
    study(30)
    files = write_report(compare(tmp_path / "study"), tmp_path / "out", formats=())
    assert [path.name for path in files.spaces] == ["space_suggestion.json", "space_final.json"]
    assert list(json.loads(files.spaces[1].read_text(encoding="utf-8"))) == ["momentum"]


def test_studies_with_too_few_trials_are_left_out(study):
    assert final_spaces([study(14)]) == {}
