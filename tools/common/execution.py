"""Where the trials of studies run; this does not change what they measure."""

import dataclasses
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tfoptcmp.tools.common import cluster

from tfoptcmp.training.options import Options
from tfoptcmp.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where trials run, and what happens when they crash.

    Attributes:
        num_workers: Trials at the same time.
        ray_address: Of a Ray cluster; None for this machine.
        data_dir: Where workers find data sets; None for the library's own directory.
        max_retries: How often a trial that crashed is tried again.
        accept_version_changes: Whether to resume a study of other versions.
    """

    num_workers: int = 1
    ray_address: str | None = None
    data_dir: str | None = None
    max_retries: int = 1
    accept_version_changes: bool = False

    @property
    def on_ray(self) -> bool:
        """Whether trials run in other processes than this one."""
        return self.num_workers > 1 or self.ray_address is not None

    def connected(self, options: Options) -> AbstractContextManager[None]:
        """Returns the context that Ray's workers need; without Ray it does nothing."""
        if not self.on_ray:
            return nullcontext()
        return cluster.connected(
            num_workers=self.num_workers,
            threads_per_trial=options.threads_per_trial,
            address=self.ray_address,
        )


def with_threads(
    options: Options, workloads: Iterable[Workload], *, num_workers: int = 1
) -> Options:
    """Sets the number of threads if it is 0.

    Then it is a worker's share of the processors, or as many as help one of the workloads.
    """
    share = max(1, len(os.sched_getaffinity(0)) // num_workers)
    threads = options.threads_per_trial or max(w.useful_threads(share) for w in workloads)
    return dataclasses.replace(options, threads_per_trial=threads)
