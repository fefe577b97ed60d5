"""tune --until_decided as it is killed and resumed, and its plan."""

import random
import signal
import subprocess
import time
from dataclasses import asdict

import pytest

from tests.programs import command, run
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.analysis.statistics.looks import make_plan, take_look
from tfoptcmp.study.durable import plain
from tfoptcmp.study.looks import Looks, read_looks

FLAGS = (
    *("--workload=digits_simple_cnn", "--scale=smoke"),
    *(
        "--steps=4",
        "--eval_every_steps=4",
        "--optimizers=sgd,momentum",
        "--threads_per_trial=1",
        "--num_workers=1",
    ),
    "--notensorboard",
)
UNTIL_DECIDED = ("--until_decided", "--max_feasible=40")


def tune(study_dir, *flags):
    return run("tune", *FLAGS, f"--study_dir={study_dir}", *flags, timeout=400)


def measured(study_dir):
    return {
        str(path.relative_to(study_dir)): path.read_text()
        for path in study_dir.glob("*/trials/*/measurements.csv")
    }


@pytest.fixture(scope="module")
def plain_studies(tmp_path_factory):
    """Studies of so many trials without looks, and what looks at their trials would find."""
    directory = tmp_path_factory.mktemp("plain")
    done = tune(directory, "--num_feasible=40", "--tuning_budget=4")
    assert done.returncode == 0, done.stderr
    (comparison,) = compare_studies(directory)
    looks = Looks(plan=make_plan(comparison, 40))
    while looks.next_look is not None:
        looks = take_look(comparison, looks)
    return measured(directory), looks


def kill_after(study_dir, num_trials, seconds, *flags):
    process = subprocess.Popen(
        command("tune", *FLAGS, f"--study_dir={study_dir}", *UNTIL_DECIDED, *flags),
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and len(measured(study_dir)) < num_trials:
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def check_killed_and_gone_on(study_dir, plain_studies, *flags):
    rng = random.Random(0)
    first = rng.randrange(5, 35)
    for num_trials in (first, rng.randrange(first, 75)):
        kill_after(study_dir, num_trials, rng.uniform(0, 0.3), *flags)
    done = tune(study_dir, *UNTIL_DECIDED, *flags)
    assert done.returncode == 0, done.stderr
    trials, looks = plain_studies
    assert plain(asdict(read_looks(study_dir))) == plain(asdict(looks))
    if len(looks.looks) == 2:
        assert measured(study_dir) == trials
    else:
        assert measured(study_dir).items() <= trials.items()
    return done.stdout


def test_killed_twice_at_random_equals_undisturbed_and_a_study_without_looks(
    tmp_path, plain_studies
):
    out = check_killed_and_gone_on(tmp_path, plain_studies)
    assert "look at N = 20: " in out
    assert "Momentum against SGD: " in out
    assert "stopped at " in out
    before = measured(tmp_path)
    done = tune(tmp_path, *UNTIL_DECIDED, "--rerun_best=1")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*/reruns/*/metadata.json"))) == 2
    assert measured(tmp_path) == before


@pytest.mark.slow
def test_workers_make_the_same_looks(tmp_path, plain_studies):
    check_killed_and_gone_on(tmp_path, plain_studies, "--num_workers=2")


def test_a_plan_without_studies_proposes_a_pilot(tmp_path):
    done = tune(tmp_path / "new", "--plan", *UNTIL_DECIDED)
    assert done.returncode == 0, done.stderr
    assert "At most 2 optimizers x 40 feasible trials" in done.stdout
    assert "a pilot of 20 trials of each, about " in done.stdout
    command = done.stdout.splitlines()[-1].split()
    assert command[0] == "tfoptcmp-tune" and command[-1] == "--num_feasible=20"
    assert "--optimizers=sgd,momentum" in command and f"--study_dir={tmp_path}/new" in command
    left_out = ("--until_decided", "--max_feasible", "--plan")
    assert not [part for part in command if part.startswith(left_out)]
