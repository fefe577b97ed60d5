"""What a report says of declared restrictions, and the command of the restricted study."""

import json

import numpy as np
import pytest

from tfoptcmp.analysis.report.as_json import as_json
from tfoptcmp.analysis.report.files import restriction_sections, write_report
from tfoptcmp.analysis.report.restrictions import OPTIMISTIC, QUESTION, format_sections
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics.restriction import parse_box, with_boxes
from tfoptcmp.spaces import LogUniform
from tfoptcmp.study.read import read_space

TUNED = (
    "/usr/bin/tfoptcmp-tune --workload=digits_simple_cnn --space=final --space_file old.json "
    "--steps=100 --optimizers=sgd,adam --num_feasible=60 --study_dir=runs/mine"
)


@pytest.fixture
def asked(tmp_path, make_signature, write_study):
    """Two studies of 60 trials; about half of Adam's have epsilon in the box, K = 6."""

    def asked(*boxes, command="tfoptcmp-tune --workload=digits_simple_cnn", **changes):
        rng = np.random.default_rng(0)
        for rule in ("sgd", "adam"):
            write_study(
                tmp_path / "runs",
                make_signature(rule),
                list(rng.uniform(0.05, 0.5, 60)),
                provenance={"command": command},
                **changes,
            )
        return with_boxes(read_comparisons(tmp_path / "runs"), [parse_box(text) for text in boxes])

    return asked


def test_a_section_says_what_changes_or_why_not_and_what_to_run(asked, tmp_path):
    comparisons = asked("adam:epsilon=1e-10..1e2", "adam:epsilon=1e-9..1e-7", command=TUNED)
    ((wide, narrow),) = restriction_sections(comparisons, tmp_path / "out")
    assert wide.title == "adam:epsilon=1e-10..100"
    changed, warning = wide.sentences
    assert changed == "By the test classification error, 1 pair: 1 cannot say."
    assert warning.startswith(f"{OPTIMISTIC} The restricted study has no such fault: tfoptcmp-tune")
    assert [row[:2] for row in wide.cells[1:]] == [["SGD, Adam", "cannot say"]]
    assert narrow.sentences[0].startswith("Not answerable from these trials for 1 pair: ")
    assert "of 60 trials of Adam lie inside, 30 are needed" in narrow.sentences[0]
    assert narrow.cells[1][3:] == ["-", "-", "-"]
    out = tmp_path / "out"
    assert narrow.sentences[-1] == (
        "Or run the restricted study: tfoptcmp-tune --workload=digits_simple_cnn --space=final "
        "--steps=100 --optimizers=adam --num_feasible=60 --tuning_budget=6 "
        f"--space_file={out / 'space_restricted-box2.json'} --study_dir={out / 'restricted-box2'}"
    )
    text = format_sections(comparisons[0], [wide, narrow])
    assert QUESTION in text and max(map(len, text.splitlines())) < 130


def test_of_studies_of_other_programs_the_command_is_made_from_the_record(asked, tmp_path):
    comparisons = asked("adam:epsilon=1e-9..1e-7", command="tfoptcmp-reproduce --figure=1")
    (((only,),)) = restriction_sections(comparisons, tmp_path)
    assert (
        "tfoptcmp-tune --workload=digits_simple_cnn --scale=cpu --steps=100 --batch_size=64 "
        "--eval_every_steps=25 --search=quasirandom --seed=0 --target=25 --optimizers=adam"
    ) in only.sentences[-1]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("tfoptcmp-reproduce --figure=1 --scale=paper --num_feasible=60", True),
        ("tfoptcmp-reproduce --figure=1 --num_feasible=60", False),
        ("mine.py --scale=paper", False),
    ],
)
def test_of_a_changed_scale_its_name_is_on_record_or_there_is_no_command(
    command, told, asked, tmp_path
):
    changed = {"scale": "custom", "options": {"units": 128}}
    comparisons = asked("adam:epsilon=1e-9..1e-7", command=command, budget=changed)
    ((only,),) = restriction_sections(comparisons, tmp_path)
    commands = [sentence for sentence in only.sentences if "tfoptcmp-tune" in sentence]
    assert len(commands) == told
    assert all("--workload=digits_simple_cnn --scale=paper --steps" in one for one in commands)


def test_where_the_name_is_not_searched_words_say_so(asked, tmp_path):
    comparisons = asked("adam:alpha0=1e-4..1e-2")
    ((only,),) = restriction_sections(comparisons, tmp_path)
    assert only.spaces == {}
    assert "Adam: alpha0 is no dimension of its search space" in only.sentences[-1]
    assert not any("tfoptcmp-tune" in sentence for sentence in only.sentences)


def test_report_and_json_hold_it(asked, tmp_path):
    comparisons = asked("adam:epsilon=1e-9..1e-7")
    files = write_report(comparisons, tmp_path / "out", formats=())
    page = files.html.read_text(encoding="utf-8")
    assert QUESTION in page and "adam:epsilon=1e-9..1e-7" in page
    (path,) = (path for path in files.spaces if path.name == "space_restricted.json")
    space = read_space(path, "adam")
    assert space.dimensions["epsilon"] == LogUniform(low=1e-9, high=1e-7)
    (told,) = json.loads(as_json(comparisons, []))["comparisons"][0]["restrictions"]
    assert told["limits"] == [{"optimizer": "adam", "name": "epsilon", "low": 1e-9, "high": 1e-7}]
    (pair,) = told["pairs"]
    assert (pair["a"], pair["b"], pair["change"]) == ("sgd", "adam", "not answerable")
    assert pair["num_inside"][0] == 60 and pair["whole"] is None
    assert told["spaces"]["adam"] == json.loads(path.read_text())["adam"]


def test_a_report_without_restrictions_does_not_mention_them(asked, tmp_path):
    files = write_report(asked(), tmp_path / "out", formats=())
    assert QUESTION not in files.html.read_text(encoding="utf-8")
    assert "space_restricted.json" not in [path.name for path in files.spaces]
