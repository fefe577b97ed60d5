"""The short form of `python -m tools.lab.faults`, and whether it notices faulty studies."""

import json
import os
import re
from pathlib import Path

import pytest
from tfoptcmp.tools.lab.faults import damage, searches, soak, writes
from tfoptcmp.tools.lab.faults.table import FAULTS

from tests import programs
from tfoptcmp.study.durable import plain
from tfoptcmp.study.schema import StudyError

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)


@pytest.mark.parametrize(
    ("fault", "arguments"),
    [
        (writes.kills, {"every": 7}),
        (writes.disk_full, {"every": 7}),
        (writes.small_disk, {}),
        (writes.power_cuts, {"every": 3}),
        (damage.damaged_files, {}),
        (damage.unreadable, {}),
        (damage.no_fsync, {}),
        (searches.killed_searches, {"every": 5}),
        (searches.dashboard, {}),
        (damage.two_on_one, {}),
        (damage.clock_back, {}),
        (damage.raising, {}),
        (soak.soak, {"num_trials": 16, "seconds_between_kills": 15.0}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_study_goes_on_to_the_undisturbed_results(fault, arguments):
    assert fault(**arguments)


def test_every_fault_stands_in_the_docs():
    table = (Path(__file__).parents[3] / "docs" / "long-studies.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", table, flags=re.M)))
    assert set(FAULTS) <= set(named)


def test_bookkeeping_is_measured_and_fsyncs_are_counted():
    assert "at 20 trials, beside its 6 fsyncs" in damage.bookkeeping(20)


def in_place(path, data):
    with open(path, "w") as file:
        file.write(json.dumps(plain(data)))


def not_synchronised(path, data):
    temporary = path.with_name(path.name + ".tmp")
    in_place(temporary, data)
    os.replace(temporary, path)


@pytest.mark.parametrize(
    ("fault", "write_json"), [(writes.kills, in_place), (writes.power_cuts, not_synchronised)]
)
def test_careless_writing_is_noticed(fault, write_json, monkeypatch):
    monkeypatch.setattr("tfoptcmp.study.write.write_json", write_json)
    with pytest.raises(StudyError, match=r"study\.json"):
        fault()


def run(*flags):
    return programs.run("lab.faults", *flags)


def test_the_program_trains_and_prints_what_it_found():
    done = run(
        "--faults=two_on_one,killed_training,wrong_checkpoints,not_finite,determinism",
        "--num_kills=1",
        "--workloads=digits_simple_cnn",
    )
    assert done.returncode == 0, done.stderr
    assert "5/5 determinism" in done.stderr
    lines = " ".join(done.stdout.split())
    assert "two_on_one 8 second processes refused" in lines
    assert "killed_training 1 kills in " in lines
    assert "wrong_checkpoints 11 wrong ones passed over, equal measurements" in lines
    assert "not_finite NaN weight, infinite weight," in lines
    assert "determinism equal bits alone, after another trial, and stopped and resumed" in lines


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--faults=fire", "--faults must be of ['kills', "),
        ("--faults=", "--faults must be of"),
        ("--workloads=mnist", "--workloads must be of ['fashion_mnist_simple_cnn', "),
    ],
)
def test_unknown_names_list_the_known(flag, message):
    done = run(flag)
    assert done.returncode == 2
    assert message in done.stderr
