"""Where the trials of a study run: the protocols, and the executor that is this process.

An executor is given trials and tells how they went; it neither knows which come next nor writes
records. `tfoptcmp.tuners.process_pool` has workers on this machine, `tfoptcmp.tuners.ray_pool`
those of a cluster.
"""

import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import Measurement, Status, StudyError
from tfoptcmp.study.trial import Interrupted, Outcome, RunTrial, TrialTask

OnMeasurement = Callable[[TrialTask, Measurement], None]

RunOf = Callable[[Signature, TrialTask, Callable[[Measurement], None]], Outcome]
"""A `RunTrial` for the trials of any optimizer."""

MakeRunOf = Callable[[Callable[[], bool]], RunOf]
"""Makes what a worker runs, once, in the worker; its argument says whether to stop."""


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


class Pool(Protocol):
    """Workers that live for several studies, one study at a time."""

    @property
    def num_workers(self) -> int:
        """As `Executor`."""

    def submit(self, signature: Signature, task: TrialTask) -> None:
        """As `Executor`; the trial is one of this signature."""

    def wait(self, on_measurement: OnMeasurement) -> tuple[TrialTask, Outcome]:
        """As `Executor`."""


@dataclass(frozen=True)
class OfPool:
    """Runs the trials of one signature on a pool's workers.

    Attributes:
        pool: Of which nobody else waits for trials meanwhile.
        signature: Whose trials these are.
    """

    pool: Pool
    signature: Signature

    @property
    def num_workers(self) -> int:
        """Trials that run at the same time."""
        return self.pool.num_workers

    def submit(self, task: TrialTask) -> None:
        """Takes a trial; the next worker that is free runs it."""
        self.pool.submit(self.signature, task)

    def wait(self, on_measurement: OnMeasurement) -> tuple[TrialTask, Outcome]:
        """Waits until one of the trials has ended."""
        return self.pool.wait(on_measurement)


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
