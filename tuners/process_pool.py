"""Trials on this machine's processors: processes that live for the whole command.

    with ProcessPool(make_run, environments=[{}, {}]) as pool:
        run_study(..., executor=OfPool(pool, signature))

Workers are forked from multiprocessing's server, so that they start at once if that has done their
imports (`multiprocessing.set_forkserver_preload`). A worker sends its measurements, and only the
driver writes records. A worker in which a trial crashed, or that was killed, is replaced by a new
one; the study decides whether the trial is tried again. Workers end when the driver does, however
that ends.
"""

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

import cloudpickle
from tfoptcmp.tuners import executors
from tfoptcmp.tuners.executors import MakeRunOf, Pool

from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import Measurement, Status, StudyError
from tfoptcmp.study.trial import Interrupted, Outcome, TrialTask

_STOP = "stop"


class ProcessPool(Pool["_Worker"]):
    """A `Pool` of processes.

    Args:
        make_run: Called once in each worker.
        environments: Environment variables of each worker, as many as there are to be.
        should_stop: Asked twice a second.
        before_start: Called before each start of a worker: makes sure that the server is there.
    """

    def __init__(
        self,
        make_run: MakeRunOf,
        *,
        environments: Sequence[dict[str, str]],
        should_stop: Callable[[], bool] = lambda: False,
        before_start: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(len(environments), should_stop)
        self._make_run = cloudpickle.dumps(make_run)
        self._seats = [_Seat(environment) for environment in reversed(environments)]  # free ones
        self._before_start = before_start

    def _assign(self) -> None:
        """Gives jobs to the workers that are free, and starts as many as are needed."""
        for worker in [worker for worker in self._workers if worker.is_free]:
            if not worker.process.is_alive():
                self._replace(worker)
            elif self._jobs:
                signature, worker.task = self._jobs.popleft()
                worker.is_free = False
                worker.tell((signature, worker.task))
        starting = sum(not worker.is_free and not worker.task for worker in self._workers)
        for _ in range(min(len(self._jobs) - starting, len(self._seats))):
            self._start(self._seats.pop())

    def _ready(self, timeout: float) -> list["_Worker"]:
        busy = [worker for worker in self._workers if not worker.is_free]
        ready = connection.wait([worker.connection for worker in busy], timeout=timeout)
        return [worker for worker in busy if worker.connection in ready]

    def _start(self, seat: "_Seat") -> None:
        self._before_start()
        context = multiprocessing.get_context("forkserver")
        ours, theirs = context.Pipe()
        arguments = (theirs, self._make_run, seat.environment)
        process = context.Process(target=_work, args=arguments, daemon=True)
        try:
            with _without_main():
                process.start()
        except (EOFError, OSError) as error:  # the server was killed while it was asked
            ours.close()
            self._seats.append(seat)
            _count_failed_start(seat, f"the process that they are forked from: {error!r}")
        else:
            self._workers.append(_Worker(process=process, connection=ours, seat=seat))
        finally:
            theirs.close()  # or its end would not be seen

    def _replace(self, worker: "_Worker") -> None:
        worker.end()
        self._workers.remove(worker)
        self._seats.append(worker.seat)

    def _answer(self, worker: "_Worker") -> Measurement | Outcome | None:
        """Takes a worker's next answer; None means that it is ready, or has stopped as asked."""
        answer: Measurement | Outcome | str | None
        try:
            answer = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            answer = f"a worker ended: {_end(worker.process.exitcode)}"
        if isinstance(answer, str):  # why it is no more
            self._replace(worker)
            if worker.task:
                return Outcome(status=Status.FAILED, steps=0, message=answer)
            _count_failed_start(worker.seat, answer)
            return None
        if answer is None or isinstance(answer, Outcome):
            worker.task, worker.is_free = None, True
            worker.seat.num_failed_starts = 0
        return answer


@contextmanager
def _without_main() -> Iterator[None]:
    """Keeps multiprocessing from running the user's script once more, in the worker.

    Nothing of it is needed there: what is defined in it goes to the worker by value.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {
        name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)
    }
    try:
        main.__spec__ = None
        vars(main).pop("__file__", None)
        yield
    finally:
        vars(main).update(hidden)


def _end(exit_code: int) -> str:
    """How a process ended, for people."""
    if exit_code == -signal.SIGKILL:
        return "killed, perhaps for want of memory: fewer workers need less"
    return f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


@dataclass(eq=False)
class _Seat:
    """Where a worker runs, one after the other if they are replaced."""

    environment: dict[str, str]
    num_failed_starts: int = 0  # in a row


def _count_failed_start(seat: _Seat, why: str) -> None:
    seat.num_failed_starts += 1
    if seat.num_failed_starts == executors.MAX_FAILED_STARTS:
        raise StudyError(f"workers do not start: {why}")


@dataclass(kw_only=True, eq=False)
class _Worker:
    """A process and what it is doing: starting, unless it is free, or running `task`."""

    process: Any
    connection: Any
    seat: _Seat
    task: TrialTask | None = None
    is_free: bool = False

    def tell(self, what: object) -> None:
        """Sends a job, or a request to stop; that it is no more is seen where answers are read."""
        with suppress(OSError):
            self.connection.send(what)

    def stop(self) -> None:
        """Asks the trial that runs to stop."""
        self.tell(_STOP)

    def end(self) -> None:
        """Ends the process at once."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _work(driver: Any, make_run: bytes, environment: dict[str, str]) -> None:
    """The process of a worker: sends None when it is ready, then measurements and outcomes.

    The thread that was there first runs all trials, because some of Keras's settings belong to it.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # may reach a whole group: the driver decides
        signal.signal(number, signal.SIG_IGN)
    os.environ.update(environment)
    jobs: queue.SimpleQueue[tuple[Signature, TrialTask]] = queue.SimpleQueue()
    should_stop = threading.Event()
    listener = threading.Thread(target=_listen, args=(driver, jobs, should_stop), daemon=True)
    listener.start()
    try:
        run = cloudpickle.loads(make_run)(should_stop.is_set)
        driver.send(None)
        while True:
            try:
                driver.send(run(*jobs.get(), driver.send))
            except Interrupted:
                driver.send(None)
    except Exception as error:
        driver.send(executors.crash_message(error))


def _listen(
    driver: Any,
    jobs: "queue.SimpleQueue[tuple[Signature, TrialTask]]",
    should_stop: threading.Event,
) -> None:
    """Takes what the driver sends; without a driver the process ends."""
    while True:
        try:
            what = driver.recv()
        except (EOFError, OSError):
            os._exit(1)
        if what == _STOP:
            should_stop.set()
        else:
            jobs.put(what)
