"""Programs on several devices, or not in the default arithmetic."""

import json
import os
import signal
import socket
import subprocess

import pytest

from tests import programs
from tfoptcmp.study.read import read_study

TUNE = (
    *("tune", "--workload=digits_simple_cnn", "--optimizers=sgd,momentum", "--scale=smoke"),
    *("--steps=6", "--num_feasible=2", "--threads_per_trial=1"),
)
TRAIN = (
    *("train", "--workload=digits_simple_cnn", "--optimizer=momentum", "--eval_every_steps=5"),
    "--set=eta0=0.01",
)


def start(*arguments, **environment):
    return subprocess.Popen(
        programs.command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def run(*arguments, **environment):
    """Returns the exit code and what was printed."""
    done = programs.run(*arguments, **environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """The directory of studies that two processes ran together."""
    directory = tmp_path_factory.mktemp("studies")
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        processes.append(
            start(
                *(*TUNE, "--distribution=multiworker", f"--study_dir={directory}"),
                TF_CONFIG=json.dumps({"cluster": {"worker": addresses}, "task": task}),
            )
        )
    try:
        for process in processes:
            output, errors = process.communicate(timeout=240)
            assert process.returncode == 0, output + errors
    finally:
        for process in processes:
            process.kill()
    return directory


def test_two_workers_run_the_studies_of_one_device(two_workers, tmp_path):
    code, printed = run(*TUNE, f"--study_dir={tmp_path}", "--num_workers=1")
    assert code == 0, printed
    for name in ("sgd", "momentum"):
        together, alone = read_study(two_workers / name), read_study(tmp_path / name)
        assert together.config.devices == {"distribution": "multiworker", "replicas": 2}
        assert alone.config.devices == {}
        assert [trial.status for trial in together.trials] == [t.status for t in alone.trials]
        for trial, other in zip(together.trials, alone.trials, strict=True):
            assert trial.final["train_loss"] == pytest.approx(other.final["train_loss"], rel=1e-4)


def test_studies_of_other_devices_are_not_gone_on_with(two_workers):
    code, printed = run(*TUNE, f"--study_dir={two_workers}", "--mixed_precision")
    assert code == 2
    assert "devices.replicas: 2 recorded, null now" in printed
    assert "devices.mixed_precision: null recorded, true now" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*TRAIN, "--distribution=mirrored"), "--distribution must be 'none' with one device"),
        ((*TRAIN, "--tpu=local"), "--tpu must be None unless distribution is 'tpu'; got 'local'"),
        (
            (*TRAIN, "--distribution=mirrored", "--jit_compile"),
            "--jit_compile must be None or False where distribution is 'mirrored'",
        ),
        ((*TRAIN, "--keep_checkpoints"), "--keep_checkpoints needs --output_dir"),
        (
            (*TUNE, "--study_dir=x", "--distribution=mirrored", "--num_workers=2"),
            "leave out --distribution",
        ),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    code, printed = run(*arguments)
    assert code == 2, printed
    assert message in printed
    assert "Traceback" not in printed


def test_a_training_stopped_by_sigterm_goes_on_to_the_same_measurements(tmp_path):
    command = (*TRAIN, "--steps=300", "--threads_per_trial=1")
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    process = start(*command, f"--output_dir={stopped}")
    for line in process.stdout:
        if line.split()[:1] == ["10"]:  # steps
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    [checkpoint] = stopped.glob("checkpoint-*.npz")
    assert f"after step {checkpoint.stem.partition('-')[2]}" in errors
    for directory in (stopped, whole):
        code, printed = run(*command, f"--output_dir={directory}", fresh=directory is whole)
        assert code == 0, printed
    assert not list(stopped.glob("checkpoint-*"))
    measured = [(directory / "measurements.csv").read_text() for directory in (stopped, whole)]
    assert measured[0] == measured[1]
