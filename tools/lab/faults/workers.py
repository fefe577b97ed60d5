"""Ray workers that are killed in the middle of their trials."""

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tfoptcmp.study.schema import Measurement
from tfoptcmp.study.trial import Outcome, RunTrial, TrialTask
from tools.common import cluster
from tools.common.clock import CLOCK
from tools.lab.faults import fake
from tools.lab.faults.scratch import in_child, scratch, undisturbed
from tuners.run_study import run_study


def killed_workers() -> str:
    """Kills the worker of each trial at its first attempt."""
    with scratch() as directory:
        assert in_child(_study, directory, method="spawn") == 0
        assert fake.contents(directory) == undisturbed()
        num_killed = len(list(directory.parent.glob("killed in *")))
    return f"{num_killed} workers killed, one in each trial; replaced, equal results"


def _study(directory: Path) -> None:
    with cluster.connected(num_workers=2, threads_per_trial=1):
        from tuners.ray_executor import RayExecutor  # not before `connected`

        deadly = functools.partial(_make_deadly, directory.parent)
        with RayExecutor(deadly, num_workers=2, threads_per_trial=1) as executor:
            run_study(
                directory=directory,
                config=fake.config(),
                signature=fake.signature(),
                executor=executor,
                clock=CLOCK,
                max_retries=1,
            )


def _make_deadly(notes: Path, should_stop: Callable[[], bool]) -> RunTrial:
    def trial(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        note = notes / f"killed in {task.index}"
        if note.exists():
            return fake.run_trial(task, on_measurement)
        on_measurement(fake.measurement(task, fake.STEPS[0]))
        time.sleep(0.1)  # until it has been sent
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("alive")

    return trial
