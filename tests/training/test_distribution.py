"""Two devices, in one process and in two, against one device."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfoptcmp.training.distribution import make_strategy
from tfoptcmp.training.options import Options

HERE = Path(__file__).parent


def start(kind, directory, **environment):
    path = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
    return subprocess.Popen(
        [sys.executable, str(HERE / "distributed_process.py"), kind, str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


def result(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def assert_close(run, expected, rtol=1e-5):
    """To rounding: measurements and weights, of the same steps."""
    assert [row["step"] for row in run["rows"]] == [row["step"] for row in expected["rows"]]
    for row, other in zip(run["rows"], expected["rows"], strict=True):
        assert row == pytest.approx(other, rel=rtol, abs=rtol)
    for array, other in zip(run["weights"], expected["weights"], strict=True):
        np.testing.assert_allclose(array, other, rtol=rtol, atol=rtol)


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    return result(start("mirrored", tmp_path_factory.mktemp("mirrored")))


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    directory = tmp_path_factory.mktemp("workers")
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        processes.append(start("worker", directory, TF_CONFIG=config))
    try:
        return [result(process) for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.parametrize("name", ["cnn", "embedding"])
def test_two_devices_of_one_process_equal_one_device(mirrored, name):
    """With batch norm, L2, label smoothing; with sparse gradients and uneven padding."""
    assert_close(mirrored[name]["several"], mirrored[name]["one"])


@pytest.mark.parametrize("name", ["cnn", "embedding"])
def test_two_processes_equal_one_device(workers, mirrored, name):
    assert workers[0][name] == workers[1][name]
    assert_close(workers[0][name], mirrored[name]["one"])


@pytest.mark.parametrize("name", ["cnn", "embedding", "diverging", "bfloat16"])
def test_the_second_trial_equals_the_first_and_does_not_trace(mirrored, name):
    assert mirrored[name]["again"] == mirrored[name]["several"]
    assert mirrored[name]["traces"] == 1


def test_divergence_in_one_replica_ends_the_trial_at_the_very_step(mirrored):
    for run in (mirrored["diverging"]["one"], mirrored["diverging"]["several"]):
        assert run["steps"] == 7
        assert "step 8" in run["message"]
        assert run["finite"]
    assert_close(mirrored["diverging"]["several"], mirrored["diverging"]["one"])


def test_mixed_precision_takes_effect_and_spans_the_replicas(mirrored):
    assert_close(mirrored["bfloat16"]["several"], mirrored["bfloat16"]["one"], rtol=0.05)
    one, in_float32 = mirrored["bfloat16"]["one"]["rows"], mirrored["cnn"]["one"]["rows"]
    assert one != in_float32
    assert one[-1]["train_loss"] == pytest.approx(in_float32[-1]["train_loss"], rel=0.05)


def test_replicas_draw_different_dropout_masks(mirrored):
    (seed, counter), (other_seed, other_counter) = mirrored["seeds"]
    assert seed != other_seed
    assert counter == other_counter == 15  # steps


def assert_resumed(results):
    assert "after step 5" in results["first"]["interrupted"]
    assert results["files"] == ["checkpoint-5.npz"]
    assert results["second"] == results["whole"]


def test_a_trial_of_two_devices_goes_on_bit_for_bit(mirrored):
    assert_resumed(mirrored["resumed"])


def test_a_stop_of_one_worker_stops_all_and_the_trial_goes_on_bit_for_bit(workers):
    for results in workers:
        assert_resumed(results["resumed"])


def test_what_cannot_be_distributed_is_refused(mirrored):
    stateful, odd = mirrored["messages"]
    assert "distribution must be 'none' for a stateful model" in stateful
    assert "batch_size must be a multiple of the 2 replicas; got 15" in odd


def test_one_device_is_not_distributed():
    assert make_strategy(Options()) is None
    with pytest.raises(ValueError, match="'none' with one device; got 'mirrored'"):
        make_strategy(Options(distribution="mirrored"))
