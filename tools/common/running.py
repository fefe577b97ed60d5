"""How the trials of a study are run, nothing of which changes what they measure."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tfoptcmp.signatures import Signature
from tfoptcmp.study.trial import RunTrial
from tfoptcmp.training import Trainer, runtime
from tfoptcmp.workload import Budget, Splits, Workload
from tools.common import cluster
from tools.common.devices import Devices
from tuners.executors import Executor, InProcess


@dataclass(frozen=True, kw_only=True)
class Running:
    """Where trials run, and what happens when they crash or are stopped.

    Attributes:
        num_workers: Trials at the same time.
        ray_address: Of a Ray cluster; None for this machine.
        data_dir: Where workers find data sets; None for the library's own directory.
        max_retries: How often a trial that crashed is tried again.
        accept_version_changes: Whether to go on with a study of other versions.
        checkpoint_every_steps: As in `Trainer`.
        checkpoint_every_seconds: As in `Trainer`.
        keep_checkpoints: Whether those of finished trials stay.
    """

    num_workers: int = 1
    ray_address: str | None = None
    data_dir: str | None = None
    max_retries: int = 1
    accept_version_changes: bool = False
    checkpoint_every_steps: int | None = None
    checkpoint_every_seconds: float | None = None
    keep_checkpoints: bool = False

    @property
    def on_ray(self) -> bool:
        """Whether trials run in other processes than this one."""
        return self.num_workers > 1 or self.ray_address is not None

    def connected(self, threads_per_trial: int) -> AbstractContextManager[None]:
        """Returns the context that Ray's workers need; without Ray it does nothing."""
        if not self.on_ray:
            return nullcontext()
        return cluster.connected(
            num_workers=self.num_workers,
            threads_per_trial=threads_per_trial,
            address=self.ray_address,
        )


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained and how; called in a Ray worker, makes its trial function (`MakeRunTrial`).

    Attributes:
        workload: What is trained.
        budget: At what size.
        signature: The optimizer.
        threads_per_trial: Of the study.
        running: How.
        devices: On what.
    """

    workload: Workload
    budget: Budget
    signature: Signature
    threads_per_trial: int
    running: Running
    devices: Devices

    def __call__(self, should_stop: Callable[[], bool]) -> RunTrial:
        """Loads the data; the model is built by the first trial."""
        runtime.configure(self.threads_per_trial)
        splits = self.workload.load(self.budget, self.running.data_dir)
        return self.trainer(splits, should_stop).run

    def trainer(self, splits: Splits, should_stop: Callable[[], bool]) -> Trainer:
        """Returns what trains trials in this process."""
        return Trainer(
            workload=self.workload,
            budget=self.budget,
            splits=splits,
            signature=self.signature,
            checkpoint_every_steps=self.running.checkpoint_every_steps,
            checkpoint_every_seconds=self.running.checkpoint_every_seconds,
            keep_checkpoints=self.running.keep_checkpoints,
            should_stop=should_stop,
            **self.devices.options(),
        )

    def executor(
        self, run_trial: RunTrial, should_stop: Callable[[], bool]
    ) -> AbstractContextManager[Executor]:
        """Returns what runs trials: `run_trial` in this process, or Ray's workers."""
        if not self.running.on_ray:
            return nullcontext(InProcess(run_trial, should_stop=should_stop))
        from tuners.ray_executor import RayExecutor  # not before `connected`

        return RayExecutor(
            self,
            num_workers=self.running.num_workers,
            threads_per_trial=self.threads_per_trial,
            should_stop=should_stop,
        )
