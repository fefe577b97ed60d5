"""Where the trials of studies run; this does not change what they measure."""

import dataclasses
import itertools
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tfoptcmp.tools.common import cluster

from tfoptcmp.training.options import Options
from tfoptcmp.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where trials run, and what happens when they crash.

    Attributes:
        num_workers: Trials at the same time; 0 until `settle` has chosen.
        ray_address: Of a Ray cluster; None for none.
        data_dir: Where workers find data sets; None for the library's own directory.
        max_retries: How often a trial that crashed is tried again.
        accept_version_changes: Whether to resume a study of other versions.
        num_gpus: That workers on this machine share, each with one.
        apart: Whether even one trial at a time runs in a process of its own.
    """

    num_workers: int = 1
    ray_address: str | None = None
    data_dir: str | None = None
    max_retries: int = 1
    accept_version_changes: bool = False
    num_gpus: int = 0
    apart: bool = False

    @property
    def in_workers(self) -> bool:
        """Whether trials run in other processes than this one."""
        return self.num_workers > 1 or self.ray_address is not None or self.apart

    @property
    def environments(self) -> list[dict[str, str]]:
        """Environment variables of each worker on this machine: of the GPUs, it sees one."""
        if not self.num_gpus:
            return [{} for _ in range(self.num_workers)]
        given = os.environ.get("CUDA_VISIBLE_DEVICES", "")  # numbers or identifiers
        names = given.split(",") if given else [str(gpu) for gpu in range(self.num_gpus)]
        return [
            {"CUDA_VISIBLE_DEVICES": name.strip(), "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
            for name in itertools.islice(itertools.cycle(names[: self.num_gpus]), self.num_workers)
        ]

    def connected(self) -> AbstractContextManager[None]:
        """Returns the context that Ray's workers need; without Ray it does nothing."""
        if self.ray_address is None:
            return nullcontext()
        return cluster.connected(self.ray_address)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What this process may use of the machine.

    Attributes:
        processors: At least 1.
        gpus: That TensorFlow sees.
        free_gb: Memory, in 10^9 bytes.
    """

    processors: int
    gpus: int
    free_gb: float


def settle(
    execution: Execution, options: Options, workloads: Sequence[Workload], machine: Machine
) -> tuple[Execution, Options, str]:
    """Chooses the numbers of workers and threads where they are 0.

    Results have the same bits on machines with other numbers of processors only with the same
    number of threads, so workers that are chosen here have one, and as many run as the machine
    takes.

    Returns:
        Both, settled, and how trials run, with the reason, for people.
    """
    if execution.num_workers:
        options = with_threads(
            options, workloads, machine.processors, num_workers=execution.num_workers
        )
        execution = dataclasses.replace(execution, num_gpus=machine.gpus)
        return execution, options, _text(execution, options, "as asked")
    if options.is_distributed:
        execution = dataclasses.replace(execution, num_workers=1)
        options = with_threads(options, workloads, machine.processors)
        return execution, options, _text(execution, options, "its devices share every batch")
    if machine.gpus:
        num_workers, reason = machine.gpus, _count(machine.gpus, "GPU")
        options = with_threads(options, workloads, machine.processors, num_workers=num_workers)
    else:
        options = dataclasses.replace(options, threads_per_trial=options.threads_per_trial or 1)
        num_workers = machine.processors // options.threads_per_trial
        reason = _count(machine.processors, "processor")
        of_one = max(workload.memory_gb for workload in workloads)
        if num_workers * of_one > machine.free_gb:
            num_workers = int(machine.free_gb / of_one)
            reason += f", {machine.free_gb:.1f} GB free, about {of_one:.1f} GB for each"
    execution = dataclasses.replace(
        execution, num_workers=max(1, num_workers), num_gpus=machine.gpus
    )
    return execution, options, _text(execution, options, reason)


def _text(execution: Execution, options: Options, reason: str) -> str:
    trials = _count(execution.num_workers, "trial")
    return f"{trials} at a time, {_count(options.threads_per_trial, 'thread')} each ({reason})"


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def with_threads(
    options: Options, workloads: Iterable[Workload], processors: int, *, num_workers: int = 1
) -> Options:
    """Sets the number of threads if it is 0.

    Then it is a worker's share of the processors, or as many as help one of the workloads.
    """
    share = max(1, processors // num_workers)
    threads = options.threads_per_trial or max(w.useful_threads(share) for w in workloads)
    return dataclasses.replace(options, threads_per_trial=threads)
