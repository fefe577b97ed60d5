"""refinement.json and the directories of rounds: what may be there, and what is named if not."""

import json
import shutil

import pytest
from tfoptcmp.tools.lab.faults import fake

from tfoptcmp.study.looks import FILE_NAME as LOOKS
from tfoptcmp.study.pack import is_packed, pack
from tfoptcmp.study.read import find_all_studies, find_studies
from tfoptcmp.study.rounds import (
    FILE_NAME,
    Plan,
    begin,
    check,
    check_no_round,
    earlier,
    judged,
    last_round,
    read_plan,
    round_directory,
    round_number,
    round_numbers,
    round_seed,
)
from tfoptcmp.study.schema import StudyError

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)

PLAN = Plan(num_rounds=3, trials_per_round=20)


def there(directory):
    """A study of which only the name counts."""
    directory.mkdir(parents=True)
    (directory / "study.json").write_text("{}")


@pytest.fixture
def refined(tmp_path):
    """Two rounds of two optimizers, the second of which is not begun in the last."""
    study_dir = tmp_path / "refined"
    begin(study_dir, PLAN)
    for path in ("round-0/sgd", "round-0/adam", "round-1/sgd"):
        there(study_dir / path)
    return study_dir


def test_read_as_written_and_written_once(tmp_path):
    begin(tmp_path / "new", PLAN)
    path = tmp_path / "new" / FILE_NAME
    assert read_plan(tmp_path / "new") == PLAN
    assert [one.name for one in (tmp_path / "new").iterdir()] == [FILE_NAME]
    path.chmod(0o400)
    before = path.stat().st_mtime_ns
    begin(tmp_path / "new", PLAN)
    assert path.stat().st_mtime_ns == before


def test_check_writes_nothing(tmp_path):
    check(tmp_path / "new", PLAN)
    assert list(tmp_path.iterdir()) == []


def test_none_where_there_is_none(tmp_path):
    assert read_plan(tmp_path) is None
    assert last_round(tmp_path) is None
    assert judged(tmp_path) == tmp_path
    there(tmp_path / "round-0" / "sgd")  # a folder of this name is no round by itself
    assert round_number(tmp_path / "round-0") is None
    with pytest.raises(StudyError, match="round-0/sgd is there, but its plan is not"):
        judged(tmp_path)


def test_the_last_round_is_judged_and_all_are_found(refined):
    assert round_numbers(refined) == [0, 1]
    assert judged(refined) == round_directory(refined, 1)
    assert find_studies(refined) == [refined / "round-1" / "sgd"]
    assert [str(path.relative_to(refined)) for path in find_all_studies(refined)] == [
        *("round-0/adam", "round-0/sgd", "round-1/sgd")
    ]
    assert find_all_studies(refined / "round-0") == find_studies(refined / "round-0")
    check(refined, PLAN, ["sgd", "adam"])


def test_a_study_of_an_earlier_round_that_is_lost_is_named(refined):
    shutil.rmtree(refined / "round-0" / "sgd")
    lost = "round-0/sgd is missing, and the space of .*round-1/sgd followed from it"
    for read in (find_all_studies, lambda path: earlier(path / "round-1" / "sgd")):
        with pytest.raises(StudyError, match=lost):
            read(refined)
    assert earlier(refined / "round-0" / "adam") == []


def test_a_damaged_plan_is_named_before_all_rounds_are_packed(refined):
    (refined / FILE_NAME).write_text("{")
    with pytest.raises(StudyError, match=rf"{FILE_NAME} is damaged"):
        find_all_studies(refined)


def test_rounds_have_seeds_of_their_own():
    assert [round_seed(3, number) for number in range(3)] == [3, 1003, 2003]


@pytest.mark.parametrize("name", ["round-7", "round-01", "round-x", "round--1", "round-²"])
def test_stray_files_and_empty_folders_are_no_rounds(name, refined):
    (refined / name).mkdir()
    (refined / f"{name}0").write_text("")
    assert last_round(refined) == 1
    check(refined, PLAN, ["sgd"])


@pytest.mark.parametrize("name", ["round-01", "round-x", "round-²"])
def test_studies_in_folders_of_other_names_are_not_counted(name, refined):
    there(refined / name / "sgd")
    assert last_round(refined) == 1
    check(refined, PLAN, ["sgd"])


@pytest.mark.parametrize(
    ("stray", "lost"), [("round-7/sgd", "round-2"), ("round-2/adam", "round-1")]
)
def test_a_round_in_the_middle_must_not_be_lost(stray, lost, refined):
    there(refined / stray)
    message = rf"{lost}/\w+ is missing, and the space of .*{stray} followed from it; put it back"
    with pytest.raises(StudyError, match=message):
        check(refined, PLAN)


def test_an_optimizer_may_be_added(refined):
    check(refined, PLAN, ["sgd", "adam", "momentum"])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ("study.json", "is itself a study; name its parent"),
        ("sgd/study.json", "holds studies that were not refined; move them away"),
        (LOOKS, "holds looks of --until_decided"),
        (
            "round-0/sgd/study.json",
            r"round-0/sgd is there, but its plan is not, .*refinement\.json",
        ),
        ("round-3/sgd/study.json", r"round-3/sgd is there, but its plan is not"),
    ],
)
def test_what_is_no_refinement_is_named_and_left_alone(made, message, tmp_path):
    (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / made).write_text("{}")
    with pytest.raises(StudyError, match=message):
        begin(tmp_path, PLAN)
    assert not (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize("made", ["study.json", "sgd/study.json", LOOKS])
def test_what_does_not_belong_to_rounds_is_named(made, refined):
    (refined / made).parent.mkdir(exist_ok=True)
    (refined / made).write_text("{}")
    with pytest.raises(StudyError, match=r"is itself a study|not refined|holds looks"):
        check(refined, PLAN)


def test_a_round_is_no_place_for_other_studies(refined, monkeypatch):
    for refuse in (check_no_round, lambda path: check(path, PLAN)):
        with pytest.raises(StudyError, match=rf"round-1 is a round of .*--study_dir={refined}, or"):
            refuse(refined / "round-1")
    monkeypatch.chdir(refined / "round-0")
    with pytest.raises(StudyError, match="is a round of a refinement"):
        check_no_round(refined / "round-0" / ".")
    check_no_round(refined)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_rounds": 4}, "num_rounds: 3 there, 4 now. Repeat"),
        (
            {"num_rounds": 2, "trials_per_round": 15},
            "num_rounds: 3 there, 2 now; trials_per_round: 20 there, 15 now",
        ),
    ],
)
def test_another_plan_is_refused(changes, message, refined):
    with pytest.raises(StudyError, match=message):
        begin(refined, Plan(**{"num_rounds": 3, "trials_per_round": 20, **changes}))
    assert read_plan(refined) == PLAN


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema_version must be 1; got 2, of a newer tfoptcmp"),
        ({"num_rounds": 0}, "num_rounds must"),
        ({"trials_per_round": "many"}, "trials_per_round must"),
        ({"more": 1}, "more is not known here"),
    ],
)
def test_damage_is_named(changes, message, refined):
    path = refined / FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(StudyError, match=rf"refinement\.json is damaged: {message}.*put back"):
        begin(refined, PLAN)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "\x00" * 9, "[" * 100_000])
def test_what_is_no_refinement_json_is_named(text, refined):
    (refined / FILE_NAME).write_text(text)
    with pytest.raises(StudyError, match=r"refinement\.json is damaged: .*put back a copy of it"):
        begin(refined, PLAN)


def test_a_folder_or_file_in_the_way_is_named(tmp_path):
    (tmp_path / "a" / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StudyError, match=r"refinement\.json cannot be read: Is a directory"):
        begin(tmp_path / "a", PLAN)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"cannot write .*file/refinement\.json: File exists"):
        begin(tmp_path / "file", PLAN)


def test_packed_rounds_are_read_and_to_be_unpacked_together(tmp_path):
    begin(tmp_path, PLAN)
    for number in (0, 1):
        fake.study(tmp_path / f"round-{number}" / "momentum")
    pack(tmp_path / "round-0" / "momentum")
    assert [is_packed(path) for path in find_all_studies(tmp_path)] == [True, False]
    with pytest.raises(
        StudyError,
        match=f"is packed and cannot be resumed: tfoptcmp-pack --unpack {tmp_path}$",
    ):
        check(tmp_path, PLAN, ["momentum"])
    check(tmp_path, PLAN, ["nesterov"])
