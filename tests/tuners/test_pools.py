"""Studies on several workers: the trials of one process, whatever happens to the workers."""

import importlib.util
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import pytest
from tfoptcmp.tools.common import cluster, worker_server
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
from tfoptcmp.tuners.executors import OfPool
from tfoptcmp.tuners.process_pool import ProcessPool
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status, StudyError, StudyFailed
from tfoptcmp.study.trial import Interrupted, Outcome

# Ray reads its environment at import, which `cluster.connected` sets: not imported here.
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray here")
pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)


@pytest.fixture(scope="module")
def ray_address():
    """A cluster of one node with two processors."""
    with pytest.MonkeyPatch.context() as settings, tempfile.TemporaryDirectory() as directory:
        settings.setenv("RAY_AUTH_MODE", "token")
        settings.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        settings.setenv("RAY_TMPDIR", directory)
        settings.setenv("RAY_worker_niceness", "0")  # or they wait for all else on the machine
        settings.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster_utils = importlib.import_module("ray.cluster_utils")
        nodes = cluster_utils.Cluster()
        nodes.add_node(num_cpus=2, include_dashboard=False)
        yield nodes.address
        nodes.shutdown()


@pytest.fixture(scope="module")
def ray(ray_address):
    with cluster.connected(ray_address):
        yield


@pytest.fixture(scope="module", autouse=True)
def temporary_files():
    """Undoes what `worker_server.start` does to this process."""
    with pytest.MonkeyPatch.context() as before:
        before.setattr(tempfile, "tempdir", tempfile.gettempdir())
        before.setenv("TMPDIR", tempfile.gettempdir())
        yield


def of_any(make_run_trial):
    """As `MakeRunOf`, from what makes a function of a task alone."""

    def make_run(should_stop):
        run_trial = make_run_trial(should_stop)
        return lambda signature, task, on_measurement: run_trial(task, on_measurement)

    return make_run


def processes(make_run, num_workers, **settings):
    worker_server.start(["tfoptcmp.tools.lab.faults.fake"])
    return ProcessPool(make_run, environments=[{}] * num_workers, **settings)


def ray_actors(make_run, num_workers, **settings):
    from tfoptcmp.tuners.ray_pool import RayPool

    return RayPool(make_run, num_workers=num_workers, threads_per_trial=1, **settings)


@pytest.fixture(params=["processes", pytest.param("ray", marks=needs_ray)])
def on_workers(request):
    pool_of = processes if request.param == "processes" else ray_actors
    if request.param == "ray":
        request.getfixturevalue("ray")

    def run(directory, make_run_trial, *, num_workers=2, max_retries=1, **settings):
        with pool_of(of_any(make_run_trial), num_workers, **settings) as pool:
            return run_study(
                directory=directory,
                config=config(),
                signature=signature(),
                executor=OfPool(pool, signature()),
                clock=CLOCK,
                max_retries=max_retries,
            )

    return run


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    study(directory)
    return contents(directory)


def test_two_workers_build_once_each_and_give_the_trials_of_one_process(
    tmp_path, undisturbed, on_workers
):
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


def test_a_worker_that_is_killed_is_replaced_and_its_trial_redone(
    tmp_path, undisturbed, on_workers
):
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


def test_a_server_killed_while_it_starts_a_worker_is_replaced(tmp_path, undisturbed):
    killers = []

    def kill_once():
        worker_server.start()
        if not killers:
            server = forkserver._forkserver._forkserver_pid
            os.kill(server, signal.SIGSTOP)  # it takes the request, and never answers
            killers.append(threading.Timer(0.5, os.kill, (server, signal.SIGKILL)))
            killers[0].start()

    with processes(of_any(lambda should_stop: run_trial), 2, before_start=kill_once) as pool:
        run_study(
            directory=tmp_path,
            config=config(),
            signature=signature(),
            executor=OfPool(pool, signature()),
            clock=CLOCK,
        )
    assert killers
    assert contents(tmp_path) == undisturbed


def test_a_trial_that_always_crashes_stops_the_study_with_its_traceback(
    tmp_path, undisturbed, on_workers
):
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


def test_a_worker_that_never_starts_is_an_error(tmp_path, monkeypatch, on_workers):
    monkeypatch.setattr("tfoptcmp.tuners.executors.MAX_FAILED_STARTS", 2)  # each takes seconds

    def missing(should_stop):
        raise FileNotFoundError("no data on this node")

    with pytest.raises(StudyError, match=r"(?s)workers do not start.*no data on this node"):
        on_workers(tmp_path, missing, num_workers=1)


def test_all_trials_are_asked_to_stop(tmp_path, undisturbed, on_workers):
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


def test_a_study_all_of_whose_trials_diverge_at_once_ends_early(tmp_path, on_workers):
    def make_run_trial(should_stop):
        return lambda task, on_measurement: Outcome(
            status=Status.INFEASIBLE, steps=1, message="loss nan"
        )

    with pytest.raises(StudyFailed, match="every trial diverged by step 2"):
        on_workers(tmp_path, make_run_trial)
    trials = read_study(tmp_path).trials
    ended = [one for one in trials if one.status == Status.INFEASIBLE]
    assert set(range(30)) <= {one.index for one in ended}
    # With the last of these it ends: one worker goes on only as long as the other is slow.
    assert max(ended, key=lambda one: one.started + one.seconds).index < 30
    with pytest.raises(StudyFailed, match="every trial diverged by step 2"):
        on_workers(tmp_path, make_run_trial)
    assert len(read_study(tmp_path).trials) == len(trials)


def test_two_studies_have_the_same_workers(tmp_path):
    def make_run(should_stop):
        def run(signature, task, on_measurement):
            (task.directory / signature.name).write_text(str(os.getpid()))
            time.sleep(0.1)  # or one worker could run all
            return run_trial(task, on_measurement)

        return run

    with ProcessPool(make_run, environments=[{}, {}]) as pool:
        for name in ("momentum", "again"):
            one = replace(signature(), name=name)
            run_study(
                directory=tmp_path / name,
                config=config(signature=one.to_json()),
                signature=one,
                executor=OfPool(pool, one),
                clock=CLOCK,
            )
    ran = {
        name: {path.read_text() for path in tmp_path.glob(f"*/trials/*/{name}")}
        for name in ("momentum", "again")
    }
    assert ran["momentum"] == ran["again"]
    assert len(ran["again"]) == 2


def test_each_worker_has_its_environment_and_none_is_started_for_nothing(tmp_path):
    log = tmp_path / "log"
    log.mkdir()

    def make_run(should_stop):
        def run(signature, task, on_measurement):
            (log / os.environ["MINE"]).write_text("")
            while len(list(log.iterdir())) < 2:
                time.sleep(0.05)
            return run_trial(task, on_measurement)

        return run

    environments = [{"MINE": str(i)} for i in range(7)]
    with ProcessPool(make_run, environments=environments) as pool:
        run_study(
            directory=tmp_path / "study",
            config=config(num_feasible=2, tuning_budget=1),
            signature=signature(),
            executor=OfPool(pool, signature()),
            clock=CLOCK,
        )
    assert {path.name for path in log.iterdir()} == {"0", "1"}


def test_workers_end_with_their_driver(tmp_path):
    """Also a trial that measures nothing ends."""
    program = tmp_path / "driver.py"
    program.write_text(DRIVER)
    driver = subprocess.Popen([sys.executable, program, tmp_path / "study"])
    marks = tmp_path / "study" / "trials"
    wait_for(lambda: len(list(marks.glob("*/pid"))) == 2)
    pids = [int(path.read_text()) for path in marks.glob("*/pid")]
    driver.kill()
    driver.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


DRIVER = """
import os, sys, time
from pathlib import Path
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults.fake import config, signature
from tfoptcmp.tuners.executors import OfPool
from tfoptcmp.tuners.process_pool import ProcessPool
from tfoptcmp.tuners.executors import OfPool
from tfoptcmp.tuners.process_pool import ProcessPool
from tfoptcmp.tuners.run_study import run_study

def make_run(should_stop):
    def run(signature, task, on_measurement):
        partial = task.directory / "partial"
        partial.write_text(str(os.getpid()))
        partial.rename(task.directory / "pid")
        time.sleep(600)
    return run

if __name__ == "__main__":
    with ProcessPool(make_run, environments=[{}, {}]) as pool:
        run_study(directory=Path(sys.argv[1]), config=config(), signature=signature(),
                  executor=OfPool(pool, signature()), clock=CLOCK)
"""


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@needs_ray
def test_more_threads_than_any_node_has_are_refused(ray):
    from tfoptcmp.tuners.ray_pool import RayPool

    with pytest.raises(StudyError, match=r"threads_per_trial must be <= \d+, .* got 6400"):
        RayPool(None, num_workers=1, threads_per_trial=6400)


@needs_ray
def test_an_early_import_of_ray_is_named(ray, ray_address, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE")
    with (
        pytest.raises(UserError, match="Ray was imported before"),
        cluster.connected(ray_address),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "--ray_address=127.0.0.1:1: nobody answers there: .*refused"),
        ("no.such.invalid:6379", "nobody answers there"),
        ("local", "must be host:port of the cluster's head; .* got 'local'"),
        ("auto", "must be host:port"),
        ("ray://head:10001", "must be host:port"),
        ("", "must be host:port"),
        ("head", "must be host:port"),
        (".head:6379", "nobody answers there"),
        ("head:port", "must be host:port"),
    ],
)
def test_an_address_without_a_cluster_is_refused_at_once(address, message):
    with pytest.raises(UserError, match=message), cluster.connected(address):
        pass
