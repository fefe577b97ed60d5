"""Studies on several workers: the trials of one process, whatever happens to the workers."""

import importlib.util
import os
import signal
import time
from pathlib import Path

import pytest
from tfoptcmp.tools.common import cluster
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults.fake import (
    STEPS,
    config,
    contents,
    measurement,
    run_trial,
    signature,
    study,
)
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status, StudyError
from tfoptcmp.study.trial import Interrupted, Outcome

# Not imported here: at import it reads its environment, which `cluster.connected` sets.
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.filterwarnings(
        "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
    ),
]


@pytest.fixture(scope="module", autouse=True)
def connected():
    with cluster.connected(num_workers=2, threads_per_trial=1):
        yield


def on_workers(directory, make_run_trial, *, num_workers=2, max_retries=1, **settings):
    from tfoptcmp.tuners.ray_executor import RayExecutor

    with RayExecutor(
        make_run_trial, num_workers=num_workers, threads_per_trial=1, **settings
    ) as executor:
        return run_study(
            directory=directory,
            config=config(),
            signature=signature(),
            executor=executor,
            clock=CLOCK,
            max_retries=max_retries,
        )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    study(directory)
    return contents(directory)


def test_two_workers_build_once_each_and_give_the_trials_of_one_process(tmp_path, undisturbed):
    log = tmp_path / "log"
    log.mkdir()

    def meeting(should_stop):
        (log / f"built {os.getpid()}").write_text("")

        def trial(task, on_measurement):
            (log / f"begun {task.index}").write_text("")
            while task.index < 2 and not (log / f"begun {1 - task.index}").exists():
                time.sleep(0.05)
            time.sleep(0.2 * (task.index % 2))  # later ones end before
            return run_trial(task, on_measurement)

        return trial

    on_workers(tmp_path / "study", meeting)
    assert len(list(log.glob("built *"))) == 2
    assert contents(tmp_path / "study") == undisturbed


def test_a_worker_that_is_killed_is_replaced_and_its_trial_redone(tmp_path, undisturbed):
    marker = tmp_path / "killed"

    def deadly(should_stop):
        def trial(task, on_measurement):
            for step in STEPS:
                on_measurement(measurement(task, step))
                if task.index == 1 and not marker.exists():
                    marker.write_text("")
                    time.sleep(0.3)  # until the measurement has been sent
                    os.kill(os.getpid(), signal.SIGKILL)
            return Outcome(status=Status.COMPLETE, steps=STEPS[-1])

        return trial

    on_workers(tmp_path / "study", deadly)
    assert marker.exists()
    assert contents(tmp_path / "study") == undisturbed


def test_a_trial_that_always_crashes_stops_the_study_with_its_traceback(tmp_path, undisturbed):
    def broken(should_stop):
        def trial(task, on_measurement):
            if task.index == 2:
                raise ZeroDivisionError("bug")
            return run_trial(task, on_measurement)

        return trial

    with pytest.raises(StudyError, match=r"(?s)trial 2 in .*ZeroDivisionError.*bug"):
        on_workers(tmp_path, broken, max_retries=0)
    assert read_study(tmp_path).trials[2].status == Status.FAILED
    study(tmp_path)
    assert contents(tmp_path) == undisturbed


def test_a_worker_that_never_starts_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("tfoptcmp.tuners.ray_executor._MAX_FAILED_STARTS", 2)  # each takes seconds

    def missing(should_stop):
        raise FileNotFoundError("no data on this node")

    with pytest.raises(StudyError, match=r"(?s)workers do not start.*no data on this node"):
        on_workers(tmp_path, missing, num_workers=1)


def test_all_trials_are_asked_to_stop(tmp_path, undisturbed):
    def endless(should_stop):
        def trial(task, on_measurement):
            on_measurement(measurement(task, STEPS[0]))
            while not should_stop():
                time.sleep(0.05)
            (task.directory / "stopped").write_text("")
            raise Interrupted

        return trial

    def both_have_measured():
        files = tmp_path.glob("trials/*/measurements.csv")
        return [len(path.read_text().splitlines()) for path in files] == [2, 2]

    with pytest.raises(Interrupted, match=r"in trial 0, 1; .* the same command"):
        on_workers(tmp_path, endless, should_stop=both_have_measured)
    stopped = list(tmp_path.glob("trials/*/stopped"))
    assert len(stopped) == 2
    for path in stopped:
        path.unlink()
    study(tmp_path)
    assert contents(tmp_path) == undisturbed


def test_more_threads_than_any_node_has_are_refused():
    from tfoptcmp.tuners.ray_executor import RayExecutor

    with pytest.raises(StudyError, match=r"threads_per_trial must be <= 2, .* got 64"):
        RayExecutor(None, num_workers=1, threads_per_trial=64)


def test_only_the_loopback_listens_and_a_token_is_asked_for():
    assert os.environ["RAY_AUTH_MODE"] == "token"
    ours = cluster_processes()
    assert ours
    for address in listening(ours):
        assert address in ("0100007F", "0000000000000000FFFF00000100007F"), address


def cluster_processes():
    """Ray's processes of this test, by their parent or their session's name."""
    import ray

    session = ray._private.worker.global_worker.node.get_session_dir_path()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if session in path.read_text():
                found.append(path.parent)
        except OSError:
            continue
    return found


def listening(processes):
    """Addresses of the sockets on which processes listen, as hexadecimal numbers."""
    sockets = set()
    for process in processes:
        for descriptor in (process / "fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                yield fields[1].partition(":")[0]


def test_an_early_import_of_ray_is_named(monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE")
    with (
        pytest.raises(UserError, match="Ray was imported before"),
        cluster.connected(num_workers=1, threads_per_trial=1),
    ):
        pass
