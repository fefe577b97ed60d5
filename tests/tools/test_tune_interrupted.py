"""tune when it is stopped, killed, resumed or run by workers: the results stay the same."""

import os
import signal
import subprocess
import time

import pytest

from tests.programs import command, run
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status

FLAGS = (
    *("--workload=digits_simple_cnn", "--scale=smoke"),
    *("--steps=64", "--num_feasible=3", "--optimizers=adam"),
    *("--num_workers=1", "--threads_per_trial=1"),
)


def tune(study_dir, *flags, **start):
    return run("tune", *FLAGS, f"--study_dir={study_dir}", *flags, **start)


def measured(study_dir):
    return {path.parent.name: path.read_text() for path in study_dir.glob("*/trials/*/*.csv")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    done = tune(directory, fresh=True)
    assert done.returncode == 0, done.stderr
    return measured(directory)


def stop_in_the_middle(study_dir, number, *flags, send=os.kill):
    """Sends a signal once a trial has measured something; returns exit code and stderr."""
    process = subprocess.Popen(
        command("tune", *FLAGS, f"--study_dir={study_dir}", *flags),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and not any(
        text.count("\n") > 2 for text in measured(study_dir).values()
    ):
        time.sleep(0.01)
    send(process.pid, number)
    _, stderr = process.communicate(timeout=120)
    return process.returncode, stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_stopped_in_a_trial_and_gone_on_equals_undisturbed(number, code, tmp_path, undisturbed):
    got, stderr = stop_in_the_middle(tmp_path, number)
    assert got == code, stderr
    if number != signal.SIGKILL:
        assert "finished trials are kept, and the same command resumes" in stderr
        assert "Traceback" not in stderr
        (running,) = (t for t in read_study(tmp_path / "adam").trials if t.status == Status.RUNNING)
        assert list((tmp_path / "adam" / "trials" / f"{running.index:06d}").glob("*.npz"))
    done = tune(tmp_path)
    assert done.returncode == 0, done.stderr
    assert measured(tmp_path) == undisturbed
    assert not list(tmp_path.rglob("*.npz"))


def test_workers_give_the_same_numbers_and_a_killed_driver_takes_them_along(tmp_path, undisturbed):
    got, _ = stop_in_the_middle(tmp_path, signal.SIGKILL, "--num_workers=2")
    assert got == -signal.SIGKILL
    done = tune(tmp_path, "--num_workers=2")
    assert done.returncode == 0, done.stderr
    assert measured(tmp_path) == undisturbed


def test_a_sigterm_to_all_processes_stops_workers_cleanly(tmp_path, undisturbed):
    flags = ("--num_workers=2", "--max_retries=0")
    got, stderr = stop_in_the_middle(tmp_path, signal.SIGTERM, *flags, send=os.killpg)
    assert got == 143, stderr
    assert "the same command resumes" in stderr
    assert len(list(tmp_path.rglob("*.npz"))) >= 1
    assert tune(tmp_path).returncode == 0
    assert measured(tmp_path) == undisturbed


def test_keras_tuners_variables_point_to_the_flags(tmp_path):
    done = tune(tmp_path / "new", KERASTUNER_ORACLE_IP="127.0.0.1", KERASTUNER_TUNER_ID="chief")
    assert done.returncode == 2
    assert "KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP is set" in done.stderr
    assert "--num_workers" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_cluster_needs_the_number_of_threads(tmp_path):
    done = tune(tmp_path / "new", "--ray_address=127.0.0.1:1", "--threads_per_trial=0")
    assert done.returncode == 2
    assert "--ray_address needs --threads_per_trial" in done.stderr
