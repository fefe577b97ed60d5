"""Which source reads a path, and what all sources have in common."""

import os

import pytest

from tfoptcmp.analysis.sources import SOURCES, read_comparisons
from tfoptcmp.study.schema import Status, StudyError


def test_paths_that_cannot_be_read_say_what_was_looked_for(tmp_path, monkeypatch):
    empty, locked = tmp_path / "empty", tmp_path / "locked"
    empty.mkdir()
    locked.mkdir()
    (empty / "notes.txt").write_text("of something else")

    def refuse(path, listed=os.listdir):
        if path == locked:  # as for anybody but root
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(StudyError, match=f"^{locked} cannot be read: Permission denied$"):
        read_comparisons([locked])
    for path, wrong in (
        (empty, "holds nothing that can be read as results"),
        (tmp_path / "nowhere", "cannot be read: No such file or directory"),
        (tmp_path / "nowhere.csv", "cannot be read: No such file or directory"),
        (empty / "notes.txt" / "sgd", "cannot be read: Not a directory"),
    ):
        with pytest.raises(StudyError) as raised:
            read_comparisons([path])
        message = str(raised.value)
        assert message.startswith(f"{path} {wrong}. Looked for: study.json of the layout of Shall")
        assert all(source.title in message for source in SOURCES.values())
        assert "tfoptcmp-audit --columns" in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b'{"a": 1}', b'a,"b\nc', b"PK\x03\x04"])
def test_a_file_that_is_no_table(tmp_path, content):
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"results\.csv.*tfoptcmp-audit --columns"):
        read_comparisons(path)


def test_our_own_studies_too_deep_are_not_found(tmp_path, make_signature, write_study):
    """Reading and looking go one level down; looking must not walk through the trials."""
    write_study(tmp_path / "a" / "b", make_signature("sgd"), [0.1, 0.2])
    assert len(read_comparisons(tmp_path / "a" / "b")) == 1
    with pytest.raises(StudyError, match=r"study\.json of tfoptcmp, there or one level below"):
        read_comparisons(tmp_path)


def test_results_of_several_tools(six_rules, write):
    path = write("optimizer,validation\nadam,0.2\n")
    found = read_comparisons([path, six_rules, path], tuning_budget=3)
    assert [one.workload for one in found] == ["digits_simple_cnn", "results"]
    assert [one.tuning_budget for one in found] == [3, 3]


def test_our_own_studies(six_rules):
    (comparison,) = read_comparisons(six_rules)
    assert [one.rule.name for one in comparison.contestants] == [
        *("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
    ]
    sgd = comparison.contestants[0]
    assert sgd.trials["largest_gradient_rms"].iloc[-1] == 1.0  # exp(-0): the largest measured
    assert sgd.schedule == "linear_decay"
    assert len(sgd.trials) == 15 and sgd.num_feasible == 10


def test_trials_that_did_not_end_are_no_evidence(tmp_path, make_signature, write_study):
    unfinished = (Status.RUNNING, Status.FAILED)
    write_study(tmp_path, make_signature("sgd"), [0.1, 0.2], infeasible=1, unfinished=unfinished)
    (sgd,) = read_comparisons(tmp_path)[0].contestants
    assert (len(sgd.trials), len(sgd.ended)) == (5, 3)
    assert (sgd.num_feasible, sgd.num_infeasible, sgd.num_failed) == (2, 1, 1)
