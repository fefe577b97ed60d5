"""Trials on the workers of a Ray cluster, each with its own processors.

    ray.init(...)
    with RayPool(make_run, num_workers=2, threads_per_trial=1) as pool:
        run_study(..., executor=OfPool(pool, signature))

A worker lives for the whole command and runs one trial after the other. It sends its measurements,
and only the driver writes records. A worker in which a trial crashed, or that was lost with its
node, is replaced by a new one; the study decides whether the trial is tried again. On a node that
does not see the study's directory trials run without checkpoints.
"""

import math
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import ray
from tfoptcmp.tuners import executors
from tfoptcmp.tuners.executors import MakeRunOf, Pool, RunOf

from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import Measurement, Status, StudyError
from tfoptcmp.study.trial import Interrupted, Outcome, TrialTask


class RayPool(Pool["_Worker"]):
    """A `Pool` of Ray actors.

    Args:
        make_run: Called once in each worker.
        num_workers: >= 1. If the cluster has no room for some of them, they start later.
        threads_per_trial: Processors that a worker takes, >= 1. GPUs are shared evenly.
        should_stop: Asked twice a second.

    Raises:
        StudyError: If no node has so many processors.
    """

    def __init__(
        self,
        make_run: MakeRunOf,
        *,
        num_workers: int,
        threads_per_trial: int,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(num_workers, should_stop)
        nodes = [node for node in ray.nodes() if node["Alive"]]
        most = max(node["Resources"].get("CPU", 0) for node in nodes)
        if most < threads_per_trial:
            raise StudyError(
                f"threads_per_trial must be <= {most:g}, the processors of the largest node; "
                f"got {threads_per_trial}"
            )
        num_gpus = sum(node["Resources"].get("GPU", 0) for node in nodes)
        self._actor_class: Any = ray.remote(
            concurrency_groups={"control": 1},
            num_cpus=threads_per_trial,
            num_gpus=_gpu_share(num_gpus, num_workers),
            runtime_env={"env_vars": _environment(threads_per_trial)},
        )(_Actor)
        self._make_run = make_run
        self._num_failed_starts = 0

    def _start(self) -> "_Worker":
        actor = self._actor_class.remote(self._make_run)
        return _Worker(actor=actor, answers=actor.start.remote())

    def _replace(self, worker: "_Worker") -> None:
        worker.end()
        self._workers[self._workers.index(worker)] = self._start()

    def _ready(self, timeout: float) -> list["_Worker"]:
        busy = [worker for worker in self._workers if worker.answers is not None]
        ready, _ = ray.wait([worker.answers for worker in busy], timeout=timeout)
        return [worker for worker in busy if worker.answers in ready]

    def _assign(self) -> None:
        if not self._workers:
            self._workers = [self._start() for _ in range(self._num_workers)]
        for worker in self._workers:
            if self._jobs and worker.answers is None:
                signature, worker.task = self._jobs.popleft()
                worker.answers = worker.actor.run.remote(signature, worker.task)

    def _answer(self, worker: "_Worker") -> Measurement | Outcome | None:
        """Takes a worker's next answer; None means that it is ready, or has stopped as asked."""
        try:
            answer: Measurement | Outcome | None = ray.get(next(worker.answers))
        except ray.exceptions.RayError as error:
            self._replace(worker)
            if worker.task:
                return Outcome(status=Status.FAILED, steps=0, message=str(error))
            self._num_failed_starts += 1
            if self._num_failed_starts == executors.MAX_FAILED_STARTS:
                raise StudyError(f"workers do not start: {error}") from error
            return None
        if answer is None or isinstance(answer, Outcome):
            worker.task = worker.answers = None
            self._num_failed_starts = 0
        return answer


@dataclass(kw_only=True, eq=False)
class _Worker:
    """An actor and what it is doing: starting or running `task` if `answers` is there."""

    actor: Any
    answers: Any
    task: TrialTask | None = None

    def stop(self) -> None:
        """Asks the trial that runs to stop."""
        self.actor.stop.remote()

    def end(self) -> None:
        """Ends the actor at once."""
        ray.kill(self.actor)


class _Actor:
    """The process of a worker.

    One thread runs all trials, because some of Keras's settings belong to a thread.
    """

    def __init__(self, make_run: MakeRunOf) -> None:
        self._make_run = make_run
        self._should_stop = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._run: RunOf

    def start(self) -> Iterator[None]:
        """Gets ready: imports, data."""
        made = self._thread.submit(self._make_run, self._should_stop.is_set)
        self._run = made.result()
        yield None

    def run(self, signature: Signature, task: TrialTask) -> Iterator[Measurement | Outcome | None]:
        """Runs a trial; yields its measurements, then its outcome, None if it was stopped."""
        if task.directory is not None and not task.directory.is_dir():
            task = replace(task, directory=None)
        measurements: queue.SimpleQueue[Measurement | None] = queue.SimpleQueue()
        ended = self._thread.submit(self._run, signature, task, measurements.put)
        ended.add_done_callback(lambda _: measurements.put(None))
        while (measurement := measurements.get()) is not None:
            yield measurement
        try:
            yield ended.result()
        except Interrupted:
            yield None

    @ray.method(concurrency_group="control")
    def stop(self) -> None:
        """Asks the trial that runs to stop."""
        self._should_stop.set()


def _gpu_share(num_gpus: float, num_workers: int) -> float:
    """A worker's GPUs: one, or a part of one if several workers have to share it."""
    return 1 / math.ceil(num_workers / num_gpus) if num_gpus else 0.0


def _environment(threads: int) -> dict[str, str]:
    """Environment variables that must be set before TensorFlow is imported."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # or the first worker takes all of its memory
    }
