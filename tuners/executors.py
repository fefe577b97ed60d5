"""Where the trials of a study run: the protocol, and the executor that is this process.

An executor is given trials and tells how they went; it neither knows which come next nor writes
records. `tfoptcmp.tuners.ray_executor` has the executor for many processes.
"""

import functools
import traceback
from collections.abc import Callable
from typing import Protocol

from tfoptcmp.study.schema import Measurement, Status, StudyError
from tfoptcmp.study.trial import Interrupted, Outcome, RunTrial, TrialTask

OnMeasurement = Callable[[TrialTask, Measurement], None]


class Executor(Protocol):
    """Runs trials on a number of workers, each of which has at most one at a time."""

    @property
    def num_workers(self) -> int:
        """Trials that can be submitted and not yet returned, >= 1."""

    def submit(self, task: TrialTask) -> None:
        """Takes a trial, to be run from its beginning or its last checkpoint."""

    def wait(self, on_measurement: OnMeasurement) -> tuple[TrialTask, Outcome]:
        """Waits until one of the trials has ended, and returns how; FAILED is a crash.

        Args:
            on_measurement: Called, in the calling thread, with what any of them measures meanwhile;
                with all measurements of a trial before its end is returned.

        Raises:
            Interrupted: If all trials were asked to stop and have stopped.
        """


class InProcess:
    """Runs one trial at a time, in this process.

    Args:
        run_trial: Trains one trial.
        should_stop: Asked before each trial; `run_trial` may ask during it.
    """

    num_workers = 1

    def __init__(
        self, run_trial: RunTrial, *, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._run_trial = run_trial
        self._should_stop = should_stop
        self._tasks: list[TrialTask] = []

    def submit(self, task: TrialTask) -> None:
        """Takes a trial; `wait` runs it."""
        self._tasks.append(task)

    def wait(self, on_measurement: OnMeasurement) -> tuple[TrialTask, Outcome]:
        """Runs the trial that was submitted."""
        task = self._tasks.pop()
        if self._should_stop():
            raise Interrupted
        try:
            return task, self._run_trial(task, functools.partial(on_measurement, task))
        except StudyError:  # of `on_measurement`: the records cannot be written
            raise
        except Exception:
            return task, Outcome(status=Status.FAILED, steps=0, message=traceback.format_exc())
