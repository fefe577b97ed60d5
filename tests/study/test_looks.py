"""looks.json: what it may hold, and that it is read as it was written."""

import json

import pytest

from tfoptcmp.study.looks import (
    FILE_NAME,
    Look,
    Looks,
    PairLook,
    Plan,
    check,
    read_looks,
    write_looks,
)
from tfoptcmp.study.read import find_studies
from tfoptcmp.study.schema import StudyError


def plan(**changes):
    return Plan(
        **{
            "max_feasible": 40,
            "tuning_budget": 4,
            "pairs": [("sgd", "momentum"), ("sgd", "adam")],
            "looks": [20, 40],
            "level": 0.025,
            **changes,
        }
    )


def at(a, b, verdict="not decided", **changes):
    return PairLook(
        **{
            **{"a": a, "b": b, "statistic": "test", "difference": 0.1, "low": -0.1, "high": 0.2},
            **{"margin": 0.01, "verdict": verdict, **changes},
        }
    )


FIRST = Look(num_trials=20, pairs=[at("sgd", "momentum", "holds"), at("sgd", "adam")])
SECOND = Look(num_trials=40, pairs=[at("sgd", "adam", "violated", low=0.02)])


@pytest.mark.parametrize("looks", [[], [FIRST], [FIRST, SECOND]])
def test_read_as_written(looks, tmp_path):
    made = Looks(plan=plan(), looks=looks)
    write_looks(tmp_path / "new", made)
    assert read_looks(tmp_path / "new") == made
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE_NAME]


def test_what_is_open_and_what_comes_next():
    looks = [Looks(plan=plan(), looks=made) for made in ([], [FIRST], [FIRST, SECOND])]
    assert [len(one.open_pairs) for one in looks] == [2, 1, 0]
    assert [one.next_look for one in looks] == [20, 40, None]
    assert looks[2].decided == {
        ("sgd", "momentum"): (20, FIRST.pairs[0]),
        ("sgd", "adam"): (40, SECOND.pairs[0]),
    }


def test_none_where_there_is_none_and_it_is_no_study(tmp_path):
    assert read_looks(tmp_path) is None
    write_looks(tmp_path, Looks(plan=plan()))
    with pytest.raises(StudyError, match="no study"):
        find_studies(tmp_path)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"cannot write .*file/looks\.json: "):
        write_looks(tmp_path / "file", Looks(plan=plan()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_feasible": 80, "looks": [20, 40, 80]}, "max_feasible: 40 there, 80 now; looks"),
        ({"tuning_budget": 3}, "tuning_budget: 4 there, 3 now"),
        (
            {"pairs": [("sgd", "adam")]},
            "pairs: sgd:momentum,sgd:adam there, sgd:adam now",
        ),
    ],
)
def test_another_plan_is_refused(changes, message, tmp_path):
    assert check(tmp_path, plan(**changes)) is None
    write_looks(tmp_path, Looks(plan=plan()))
    assert check(tmp_path, plan(pairs=[["sgd", "momentum"], ["sgd", "adam"]])).plan == plan()
    with pytest.raises(StudyError, match=message):
        check(tmp_path, plan(**changes))


def damaged(data, path, value):
    *parents, last = path
    for name in parents:
        data = data[name]
    data[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["schema_version"], 2, "schema_version must be 1; got 2"),
        (["plan", "looks"], [20, 30], "plan.looks must ascend to 40"),
        (["plan", "looks"], [40, 20, 40], "plan.looks must ascend to 40"),
        (["plan", "pairs"], [["sgd", "sgd"]], "plan.pairs must be pairs of two names"),
        (["plan", "level"], 1.5, "plan.level must be"),
        (["looks", 1, "num_trials"], 20, r"looks\[1\].num_trials must be 40"),
        (["looks", 1, "pairs"], [], r"looks\[1\].pairs must be those not decided before"),
        (["looks", 0, "pairs", 1, "verdict"], "holds", r"looks\[1\].num_trials must be None"),
        (["looks", 0, "pairs", 0, "verdict"], "perhaps", r"looks\[0\].pairs\[0\].verdict must be"),
        (["looks", 0, "pairs", 0, "low"], 0.3, r"looks\[0\]: low must be <= high"),
        (["looks", 0, "pairs", 0, "more"], 1, "more is not known here"),
    ],
)
def test_damage_is_named(path, value, message, tmp_path):
    write_looks(tmp_path, Looks(plan=plan(), looks=[FIRST, SECOND]))
    data = json.loads((tmp_path / FILE_NAME).read_text())
    damaged(data, path, value)
    (tmp_path / FILE_NAME).write_text(json.dumps(data))
    with pytest.raises(StudyError, match=r"looks\.json is damaged: .*" + message):
        read_looks(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}'])
def test_what_is_no_looks_json_is_named(text, tmp_path):
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(StudyError, match=r"looks\.json is damaged: .*another --study_dir"):
        read_looks(tmp_path)
