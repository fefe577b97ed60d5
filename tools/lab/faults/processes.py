"""Processes that are killed: those of real training, on the digits, and workers."""

import functools
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfoptcmp.tools.common import worker_server
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.run_studies import Studies
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tools.lab.faults.fake import in_child, scratch, undisturbed
from tfoptcmp.tuners.executors import OfPool, RunOf
from tfoptcmp.tuners.process_pool import ProcessPool
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp import workloads
from tfoptcmp.signatures import Signature
from tfoptcmp.study.read import find_all_studies, read_study
from tfoptcmp.study.schema import Measurement, planned_max_trials
from tfoptcmp.study.trial import Outcome, TrialTask
from tfoptcmp.training import runtime
from tfoptcmp.training.options import Options

_RULE = "momentum"


def kills(num_kills: int = 100, num_workers: int = 1) -> str:
    """Repeatedly kills the process of a study at random times and starts it again.

    Args:
        num_kills: Kills in total; when a study ends, a new one begins.
        num_workers: Of the study. If there are more than one, it is their driver that dies.
    """
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        parent = Path(temporary)
        start = time.monotonic()
        assert (
            run_for(digits_study, parent / "undisturbed", num_workers, fork=num_workers == 1) == 0
        ), (parent / "log").read_text()
        longest = time.monotonic() - start
        expected = _measured(parent / "undisturbed")
        if num_workers > 1:
            assert run_for(digits_study, parent / "one process", 1) == 0
            assert _measured(parent / "one process") == expected
        num_studies = kill_at_random(
            *(digits_study, parent / "killed", num_workers),
            num_kills=num_kills,
            longest=longest,
            chance=random.Random(5),
            contents=_measured,
            expected=expected,
            fork=num_workers == 1,
        )
    trials = f"{num_studies} studies of {len(expected)} trials"
    return f"{num_kills} kills in {trials}; no trial lost or redone, equal measurements"


def kill_at_random(
    function: Callable[..., None],
    directory: Path,
    *arguments: Any,
    num_kills: int,
    longest: float,
    chance: random.Random,
    contents: Callable[[Path], Any],
    expected: Any,
    fork: bool = True,
) -> int:
    """Kills at random times what writes studies and starts it again; begins anew when it ends.

    Args:
        function: As in `run_for`; its first argument is the directory.
        directory: Of studies, or of rounds; there must be none. The log is beside it.
        *arguments: More of the function's.
        num_kills: Kills in total; then it is left to run to its end.
        longest: Seconds that it runs at most before it is killed.
        chance: Draws the times.
        contents: Of the directory, without what may differ between runs.
        expected: What `contents` is in the end.
        fork: As in `run_for`.

    Returns:
        How often it ran to its end.
    """
    num_done = num_ended = 0
    ended: dict[str, float] = {}
    while True:
        timeout = chance.uniform(0, longest) if num_done < num_kills else None
        code = run_for(function, directory, *arguments, fork=fork, timeout=timeout)
        assert code in (0, -signal.SIGKILL), (directory.parent / "log").read_text()
        num_done += code != 0
        print(f"\r{num_done}/{num_kills} kills", end="", file=sys.stderr, flush=True)
        ended = _kept(directory, ended)
        if code == 0:
            assert contents(directory) == expected
            shutil.rmtree(directory)
            ended.clear()
            num_ended += 1
            if timeout is None:
                break
    print(file=sys.stderr)
    return num_ended


def run_for(
    function: Callable[..., None],
    *arguments: Any,
    fork: bool = True,
    timeout: float | None = None,
) -> int:
    """Runs a function in another process, and kills that after some seconds; its exit code.

    Args:
        function: Trains, in a process that has not used TensorFlow yet.
        *arguments: Of the function.
        fork: Whether to fork, so that it has its imports already and all kills fall into its work;
            a process that starts workers must be spawned.
        timeout: Seconds; None for as long as it takes.
    """
    context: Any = multiprocessing.get_context("fork" if fork else "spawn")
    process = context.Process(target=function, args=arguments)
    process.start()
    process.join(timeout)
    process.kill()
    process.join()
    return int(process.exitcode)


def digits_study(study_dir: Path, num_workers: int, num_feasible: int = 4) -> None:
    """Runs or resumes the study, in a process that has not used TensorFlow yet."""
    os.dup2(os.open(study_dir.parent / "log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 2)
    workload = workloads.get("digits_simple_cnn")
    budget = workload.budget("smoke", num_feasible=num_feasible)
    signature = workload.signature(_RULE)
    runtime.configure(1)
    studies = Studies(
        study_dir=study_dir,
        workload=workload,
        splits=workload.load(budget, None),
        signatures=[signature],
        seed=0,
        search="quasirandom",
        max_trials=planned_max_trials(num_feasible),
        options=Options(threads_per_trial=1, checkpoint_every_steps=20),
        execution=Execution(num_workers=num_workers),
    )
    with studies.opened(budget):
        studies.run([budget])


def _measured(study_dir: Path) -> dict[str, str]:
    return {
        path.parent.name: path.read_text(encoding="utf-8")
        for path in study_dir.glob("*/trials/*/measurements.csv")
    }


def _kept(study_dir: Path, before: Mapping[str, float]) -> dict[str, float]:
    """Returns when the trials that have ended were begun; none of those before may have changed."""
    begun = next(study_dir.glob("**/study.json"), None)
    studies = find_all_studies(study_dir) if begun else []
    ended = {
        f"{path} {trial.index}": trial.started
        for path in studies
        for trial in read_study(path).trials
        if trial.status.has_ended
    }
    assert before.items() <= ended.items(), "a finished trial was lost or run twice"
    return ended


def killed_workers() -> str:
    """Kills the worker of each trial at its first attempt."""
    with scratch() as directory:
        assert in_child(_study_on_workers, directory, method="spawn") == 0
        assert fake.contents(directory) == undisturbed()
        num_killed = len(list(directory.parent.glob("killed in *")))
    return f"{num_killed} workers killed, one in each trial; replaced, equal results"


def _study_on_workers(directory: Path) -> None:
    deadly = functools.partial(_make_deadly, directory.parent)
    worker_server.start([__name__])
    with ProcessPool(deadly, environments=[{}, {}]) as pool:
        run_study(
            directory=directory,
            config=fake.config(),
            signature=fake.signature(),
            executor=OfPool(pool, fake.signature()),
            clock=CLOCK,
            max_retries=1,
        )


def _make_deadly(notes: Path, should_stop: Callable[[], bool]) -> RunOf:
    def trial(
        signature: Signature, task: TrialTask, on_measurement: Callable[[Measurement], None]
    ) -> Outcome:
        note = notes / f"killed in {task.index}"
        if note.exists():
            return fake.run_trial(task, on_measurement)
        on_measurement(fake.measurement(task, fake.STEPS[0]))
        time.sleep(0.1)  # until it has been sent
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("alive")

    return trial
