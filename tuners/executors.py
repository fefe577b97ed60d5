"""Where the trials of a study run: the protocols, and the executor that is this process.

An executor is given trials and tells how they went; it neither knows which come next nor writes
records. `tfoptcmp.tuners.process_pool` has workers on this machine, `tfoptcmp.tuners.ray_pool`
those of a cluster.
"""

import traceback
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import Measurement, Status, StudyError, StudyFailed
from tfoptcmp.study.trial import Interrupted, Outcome, RunTrial, TrialTask
from tfoptcmp.workload import DoesNotFit

MAX_FAILED_STARTS = 3
"""Of workers, in a row; then it is not by accident."""

_SECONDS_BETWEEN_LOOKS = 0.5  # whether to stop

OnMeasurement = Callable[[TrialTask, Measurement], None]


def crash_message(error: Exception) -> str:
    """Returns what is recorded of a crash: where it was, unless it says what is to be mended."""
    if isinstance(error, DoesNotFit | StudyError):
        return str(error)
    return "".join(traceback.format_exception(error))


class Crashes:
    """Counts the crashes of trials, of which each is tried again some times.

    Args:
        max_retries: How often, >= 0.
    """

    def __init__(self, max_retries: int) -> None:
        self._max_retries = max_retries
        self._nums: Counter[int] = Counter()

    def count(self, number: int, called: str, message: str) -> None:
        """Counts one.

        Args:
            number: Of the trial.
            called: What it is called, and where it is.
            message: What is recorded of the crash.

        Raises:
            StudyFailed: If it is not to be tried again.
        """
        self._nums[number] += 1
        if self._nums[number] > self._max_retries:
            raise StudyFailed(
                f"{called} crashed, with max_retries={self._max_retries}; finished trials are "
                f"kept, and the same command tries it again and resumes\n{message}"
            )


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

    def drop(self) -> None:
        """Forgets all trials that have not ended; those that run are ended at once."""


class Worker(Protocol):
    """A worker of a pool."""

    task: TrialTask | None
    """What it runs."""

    def stop(self) -> None:
        """Asks the trial that runs to stop."""

    def end(self) -> None:
        """Ends the worker at once."""


W = TypeVar("W", bound=Worker)


class Pool(ABC, Generic[W]):
    """Workers that live for several studies, one study at a time.

    Args:
        num_workers: >= 1.
        should_stop: Asked twice a second.
    """

    def __init__(self, num_workers: int, should_stop: Callable[[], bool]) -> None:
        self._num_workers = num_workers
        self._should_stop = should_stop
        self._is_stopping = False
        self._jobs: deque[tuple[Signature, TrialTask]] = deque()
        self._workers: list[W] = []  # only with the first trial: perhaps none is left to run

    @property
    def num_workers(self) -> int:
        """Trials that run at the same time."""
        return self._num_workers

    def __enter__(self) -> Self:
        """Returns the pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Ends all workers."""
        for worker in self._workers:
            worker.end()

    def submit(self, signature: Signature, task: TrialTask) -> None:
        """Takes a trial of a signature; the next worker that is free runs it."""
        self._jobs.append((signature, task))

    def wait(self, on_measurement: OnMeasurement) -> tuple[TrialTask, Outcome]:
        """Waits until one of the trials has ended, as `Executor`.

        Raises:
            Interrupted: If all trials were asked to stop and have stopped.
            StudyError: If workers do not start.
        """
        while True:
            if self._should_stop():
                self._stop()
            else:
                self._assign()
            for worker in self._ready(_SECONDS_BETWEEN_LOOKS):
                task = worker.task
                answer = self._answer(worker)
                if task and isinstance(answer, Outcome):
                    return task, answer
                if task and isinstance(answer, dict):
                    on_measurement(task, answer)

    def drop(self) -> None:
        """Forgets all trials, as `Executor`."""
        self._jobs.clear()
        for worker in [worker for worker in self._workers if worker.task]:
            self._replace(worker)

    def _stop(self) -> None:
        """Asks all workers to stop, once, and says so when they have."""
        if not any(worker.task for worker in self._workers):
            raise Interrupted
        if not self._is_stopping:
            self._is_stopping = True
            for worker in self._workers:
                worker.stop()

    @abstractmethod
    def _assign(self) -> None:
        """Gives jobs to the workers that are free, and starts those that are needed."""

    @abstractmethod
    def _replace(self, worker: W) -> None:
        """Ends a worker at once, so that another can take its place."""

    @abstractmethod
    def _ready(self, timeout: float) -> list[W]:
        """Returns the workers that have an answer, or have ended, after seconds at most."""

    @abstractmethod
    def _answer(self, worker: W) -> Measurement | Outcome | None:
        """Takes a worker's next answer; None means that it is ready, or has stopped as asked."""


@dataclass(frozen=True)
class OfPool:
    """Runs the trials of one signature on a pool's workers.

    Attributes:
        pool: Of which nobody else waits for trials meanwhile.
        signature: Whose trials these are.
    """

    pool: Pool[Any]
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

    def drop(self) -> None:
        """Forgets all trials."""
        self.pool.drop()


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
        not_its_fault: list[Exception] = []  # but of those who are told

        def tell(measurement: Measurement) -> None:
            try:
                on_measurement(task, measurement)
            except Exception as error:
                not_its_fault.append(error)
                raise

        try:
            return task, self._run_trial(task, tell)
        except StudyError:
            raise
        except Exception as error:
            if not_its_fault:
                raise not_its_fault[0] from None
            return task, Outcome(status=Status.FAILED, steps=0, message=crash_message(error))

    def drop(self) -> None:
        """Forgets all trials; none runs outside `wait`."""
        self._tasks.clear()
