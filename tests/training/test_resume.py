"""Equal trials give equal bits across processes, undisturbed, stopped or killed."""

import json
import signal
from pathlib import Path

import pytest

from tests import programs

WORKLOADS = ("cnn", "lstm", "embedding")


def process(threads, *trials, returncode=0, fresh=False):
    """Runs trials in a new process; what they return, one after the other."""
    asked = json.dumps({"threads": threads, "trials": trials})
    done = programs.run(
        Path(__file__).with_name("trial_process.py"), asked, fresh=fresh, timeout=900
    )
    assert done.returncode == returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module", params=[1, 2], ids=["1 thread", "2 threads"])
def runs(request, tmp_path_factory):
    """Of each workload: twice the whole trial, and the two halves, in two processes."""
    directories = {name: str(tmp_path_factory.mktemp(name)) for name in WORKLOADS}
    halves = [{"workload": name, "directory": directories[name]} for name in WORKLOADS]
    wholes = [{"workload": name} for name in WORKLOADS]
    first = process(request.param, *wholes, *({**half, "stop": True} for half in halves))
    # The other way round: what ran before in a process must not matter.
    second = process(request.param, *halves, *wholes, fresh=True)
    return {
        name: {
            "whole": first[i],
            "first half": first[3 + i],
            "second half": second[i],
            "again": second[3 + i],
        }
        for i, name in enumerate(WORKLOADS)
    }


@pytest.mark.parametrize("name", WORKLOADS)
def test_equal_trials_give_equal_bits_in_two_processes(runs, name):
    assert [row["step"] for row in runs[name]["whole"]["rows"]] == [5, 10, 15]
    assert runs[name]["whole"] == runs[name]["again"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_trial_stopped_and_gone_on_with_equals_one_that_was_not(runs, name):
    assert runs[name]["first half"]["rows"] == runs[name]["whole"]["rows"][:1]
    assert runs[name]["first half"]["digest"] != runs[name]["whole"]["digest"]
    assert runs[name]["second half"] == runs[name]["whole"]


@pytest.mark.parametrize("name", ["cnn"])
def test_a_trial_killed_within_a_checkpoint_goes_on_from_the_one_before(name, tmp_path):
    trial = {"workload": name, "directory": str(tmp_path)}
    process(1, {**trial, "kill_in": 2}, returncode=-signal.SIGKILL)
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint-5.npz",
        "checkpoint-10.npz.tmp",
    }
    resumed, whole = process(1, trial, {"workload": name}, fresh=True)
    assert resumed == whole
