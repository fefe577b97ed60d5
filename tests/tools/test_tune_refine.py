"""tune --refine as it is killed in and between its rounds and resumed, and what it refuses."""

import json
import shutil
import signal
import subprocess
import time

import pytest

from tests.programs import command, run
from tfoptcmp.study.pack import is_packed
from tfoptcmp.study.read import find_all_studies
from tfoptcmp.study.rounds import FILE_NAME

FLAGS = (
    *("--workload=digits_simple_cnn", "--scale=smoke"),
    *(
        "--steps=2",
        "--eval_every_steps=2",
        "--optimizers=sgd,momentum",
        "--threads_per_trial=1",
        "--num_workers=1",
    ),
    *("--notensorboard", "--num_feasible=15"),
)
REFINE = ("--refine", "--trials_per_round=15")


def tune(study_dir, *flags, refine=REFINE):
    return run("tune", *FLAGS, *refine, f"--study_dir={study_dir}", *flags, timeout=400)


def files(study_dir):
    """Path to text of all files, without times, provenance and the lock."""
    texts = {
        str(path.relative_to(study_dir)): path.read_text()
        for path in study_dir.rglob("*")
        if path.is_file() and path.name != "lock"
    }
    for name, text in texts.items():
        if name.endswith("data.json") or name.endswith("study.json"):
            data = json.loads(text)
            left_out = ("started", "seconds", "provenance")
            texts[name] = {key: value for key, value in data.items() if key not in left_out}
    return texts


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    done = tune(directory)
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def ended(study_dir, number):
    """How many trials of a round have ended."""
    trials = study_dir.glob(f"round-{number}/*/trials/*/metadata.json")
    return sum('"COMPLETE"' in path.read_text() for path in trials)


def kill_once(happened, study_dir, *flags):
    process = subprocess.Popen(
        command("tune", *FLAGS, *REFINE, f"--study_dir={study_dir}", *flags),
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not happened():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL


def check_killed_and_gone_on(study_dir, undisturbed, *flags):
    kill_once(lambda: ended(study_dir, 0) >= 7, study_dir, *flags)
    kill_once(lambda: ended(study_dir, 0) == 30, study_dir, *flags)
    assert ended(study_dir, 1) == 0
    kill_once(lambda: ended(study_dir, 1) >= 17, study_dir, *flags)
    assert not (study_dir / "round-2").exists()
    done = tune(study_dir, *flags)
    assert done.returncode == 0, done.stderr
    assert files(study_dir) == files(undisturbed)


def test_killed_in_and_between_rounds_equals_undisturbed(tmp_path, undisturbed):
    check_killed_and_gone_on(tmp_path, undisturbed[0])


@pytest.mark.slow
def test_workers_give_the_same_rounds(tmp_path, undisturbed):
    check_killed_and_gone_on(tmp_path, undisturbed[0], "--num_workers=2")


def test_it_says_what_it_does(undisturbed):
    study_dir, out = undisturbed
    assert "round 0 of 0 to 2: 15 feasible trials each, to narrow the spaces" in out
    assert "round 2 of 0 to 2: 15 feasible trials each, to be judged" in out
    assert "3 rounds, 45 feasible trials of each optimizer" in out
    assert {path.name for path in study_dir.iterdir()} == {
        *(FILE_NAME, "round-0", "round-1", "round-2")
    }


def test_a_plan_counts_what_is_on_record(undisturbed):
    done = tune(undisturbed[0], "--plan")
    assert done.returncode == 0, done.stderr
    out = " ".join(done.stdout.split())
    assert "2 optimizers x 15 feasible trials of " in out
    assert "All 90 trials: all are on record. " in out
    done = tune(undisturbed[0], "--plan", "--num_feasible=20")
    out = " ".join(done.stdout.split())
    assert "2 optimizers x 20 feasible trials of " in out
    assert "each, 30 of them on record: about " in out
    assert "All 100 trials, 90 of them on record: about " in out


def test_the_last_round_is_run_until_decided(undisturbed, tmp_path):
    """From a refinement without looks, which stays what it was but for trials of the last round."""
    study_dir, until_decided = tmp_path / "copy", ("--until_decided", "--max_feasible=20")
    shutil.copytree(undisturbed[0], study_dir)
    flags = [one for one in (*FLAGS, *REFINE) if not one.startswith("--num_feasible")]
    flags += [f"--study_dir={study_dir}", *until_decided]
    planned = run("tune", *flags, "--plan", timeout=400).stdout
    assert "At most 2 optimizers x 20 feasible trials" in planned
    assert "At most 100 trials, 90 of them on record: about " in " ".join(planned.split())
    assert "How many trials would decide it?" in planned  # from those of the last round
    done = run("tune", *flags, timeout=400)
    assert done.returncode == 0, done.stderr
    assert "round 2 of 0 to 2: at most 20 feasible trials each, to be judged\n" in done.stdout
    assert "look at N = 20: " in done.stdout
    assert [path.parent.name for path in study_dir.rglob("looks.json")] == ["round-2"]
    before, after = files(undisturbed[0]), files(study_dir)
    changed = [name for name in before if after[name] != before[name]]
    assert {name.rpartition("/")[2] for name in changed} == {"study.json"}
    for name in changed:
        limits = {"max_trials": 200}  # ten times the most
        if name.startswith("round-2"):
            limits |= {"num_feasible": 20, "budget": {**before[name]["budget"], "num_feasible": 20}}
        assert after[name] == {**before[name], **limits}
    planned = " ".join(run("tune", *flags, "--plan", timeout=400).stdout.split())
    assert " 2 optimizers x 20 feasible trials of " in planned and "At most" not in planned
    assert "All 100 trials: all are on record. " in planned
    told = run("report", f"--study_dir={study_dir}", f"--output_dir={tmp_path}/out", timeout=400)
    assert told.returncode == 0, told.stderr
    assert (
        "Trials were added until 1 pair was decided" in (tmp_path / "out/report.html").read_text()
    )
    refused = run("tune", *flags[:-1], "--max_feasible=40", timeout=400)
    assert refused.returncode == 2
    assert "holds another plan" in refused.stderr and "max_feasible: 20 there" in refused.stderr


def test_all_rounds_are_packed_and_to_be_unpacked(undisturbed):
    study_dir = undisturbed[0]
    before = files(study_dir)
    done = run("pack", study_dir)
    done.check_returncode()
    assert [line.rpartition(":")[2] for line in done.stdout.splitlines()] == [" packed"] * 6
    assert all(map(is_packed, find_all_studies(study_dir)))
    done = tune(study_dir)
    assert done.returncode == 2
    assert f"is packed and cannot be resumed: tfoptcmp-pack --unpack {study_dir}\n" in done.stderr
    run("pack", study_dir, "--unpack").check_returncode()
    assert files(study_dir) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--rounds=2",), "num_rounds: 3 there, 2 now"),
        (("--max_rounds=2",), "--max_rounds must be >= 3, --rounds; got 2"),
        (("--num_feasible=4", "--max_trials=14"), "--max_trials must be >= 15; got 14"),
        (("--seed=1",), "seed: 0 recorded, 1 now"),
        (("--norefine",), "--trials_per_round goes with --refine only"),
    ],
)
def test_what_contradicts_the_record_or_itself_is_refused(flags, message, undisturbed):
    before = files(undisturbed[0])
    done = tune(undisturbed[0], *flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert files(undisturbed[0]) == before


@pytest.mark.parametrize(
    ("below", "message"),
    [
        ("", "holds the rounds of a refinement; go on with --refine"),
        ("round-0", "is a round of a refinement; go on with --refine --study_dir="),
    ],
)
def test_studies_that_are_not_refined_go_elsewhere(below, message, undisturbed):
    before = files(undisturbed[0])
    done = tune(undisturbed[0] / below, refine=())
    assert done.returncode == 2
    assert message in done.stderr
    assert files(undisturbed[0]) == before
