"""The search spaces that a report writes on request."""

import json
import re

import numpy as np
import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.spaces import write_final_spaces
from tfoptcmp.spaces import SearchSpace
from tfoptcmp.study.read import read_space
from tfoptcmp.study.rounds import Plan, begin, round_directory
from tfoptcmp.study.schema import StudyError


@pytest.fixture
def refined(tmp_path, make_signature, write_study):
    """A refinement of two rounds in the same space, whose results do not depend on it."""
    study_dir = tmp_path / "refined"
    begin(study_dir, Plan(num_rounds=2, trials_per_round=20))
    for number in range(2):
        for rule, num in (("sgd", 20), ("momentum", 20 if number == 0 else 14)):
            errors = list(np.random.default_rng(number).uniform(0.1, 0.9, num))
            write_study(round_directory(study_dir, number), make_signature(rule), errors)
    return study_dir


def test_accepted_spaces_are_final_and_others_are_narrowed(refined, tmp_path):
    written = write_final_spaces(read_comparisons(refined), tmp_path / "out")
    assert [path.name for path in written] == ["space_final.json"]  # of Momentum too few trials
    found = json.loads(written[0].read_text(encoding="utf-8"))
    assert list(found) == ["sgd"]
    (comparison,) = read_comparisons(refined)
    sgd = comparison.contestants[0]
    space = read_space(written[0], "sgd")
    assert space.dimensions == sgd.dimensions
    assert space.source.endswith(
        "accepted by the boundary check of 20 feasible trials in it, study seed 0"
    )


def test_of_an_unrefined_study_the_space_is_what_the_next_round_would_search(refined, tmp_path):
    written = write_final_spaces(read_comparisons(refined / "round-0"), tmp_path / "out")
    assert [path.name for path in written] == ["space_narrowed.json"]
    for name, data in json.loads(written[0].read_text(encoding="utf-8")).items():
        space = SearchSpace.from_json(data)
        # Where the results do not depend on the space, it may stay as it is.
        assert re.match("(narrowed|unchanged) after 20 feasible trials", space.source), name
        assert list(space.dimensions)[-2:] == ["decay_steps_fraction", "decay_factor"]


def test_files_of_several_comparisons_are_numbered(refined, tmp_path, make_signature, write_study):
    other = tmp_path / "other"
    write_study(other, make_signature("adam"), [0.1 + i / 100 for i in range(20)], workload="w")
    written = write_final_spaces(read_comparisons([refined, other]), tmp_path / "out")
    assert [path.name for path in written] == [
        "space_final-1-digits_simple_cnn.json",
        "space_narrowed-2-w.json",
    ]


def test_a_directory_that_cannot_be_written_is_named(refined, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"cannot write spaces to .*file"):
        write_final_spaces(read_comparisons(refined), tmp_path / "file")
