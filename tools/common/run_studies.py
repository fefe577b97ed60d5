"""Runs the studies of a comparison one after the other, with progress and provenance."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import tensorflow as tf
from tfoptcmp.tools.common import worker_server
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.progress import Progress
from tfoptcmp.tools.common.provenance import provenance, versions
from tfoptcmp.tools.common.signals import stop_on_signals
from tfoptcmp.tuners.executors import Executor, InProcess, MakeRunOf, OfPool, Pool, RunOf
from tfoptcmp.tuners.observers import Observer
from tfoptcmp.tuners.process_pool import ProcessPool
from tfoptcmp.tuners.reruns import rerun_winner
from tfoptcmp.tuners.run_study import run_study
from tfoptcmp.tuners.searches import trial_counts
from tfoptcmp.workloads.fingerprints import fingerprint

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.signatures import Signature
from tfoptcmp.study import rounds
from tfoptcmp.study.durable import synchronise
from tfoptcmp.study.files import exists
from tfoptcmp.study.read import recorded_config
from tfoptcmp.study.schema import (
    Devices,
    StudyConfig,
    StudyError,
    StudyFailed,
    planned_tuning_budget,
)
from tfoptcmp.study.trial import RunTrial
from tfoptcmp.study.write import check_study
from tfoptcmp.training import pickled, runtime
from tfoptcmp.training.checkpoint import CheckpointRemover, remove_checkpoints
from tfoptcmp.training.distribution import is_chief, num_replicas
from tfoptcmp.training.options import Options
from tfoptcmp.training.processes import Workers
from tfoptcmp.training.tensorboard import TensorBoard, describe
from tfoptcmp.training.trainers import Trainers
from tfoptcmp.workload import Budget, Splits, Workload


@dataclass(kw_only=True)
class Studies:
    """The studies of a comparison, which can be run while they are open, once or several times.

    Attributes:
        study_dir: Their parent; each is in `<study_dir>/<signature>/`.
        workload: What is trained.
        splits: The data.
        signatures: The optimizers.
        seed: Of the studies.
        search: As in `StudyConfig`.
        max_trials: Likewise.
        options: How trials are computed and saved; `runtime.configure` had their number of threads.
        strategy: What `make_strategy(options)` returned. If its devices belong to several
            processes, all of them run the same, and all but the chief only help with its trials.
        execution: Where trials are run.
        tensorboard: Whether to write TensorBoard events.
        tuning_budget: K to record; by default the one on record, else what suits the plan.
    """

    study_dir: Path
    workload: Workload
    splits: Splits
    signatures: Sequence[Signature]
    seed: int
    search: str
    max_trials: int
    options: Options
    strategy: tf.distribute.Strategy | None = None
    execution: Execution = field(default_factory=Execution)
    tensorboard: bool = False
    tuning_budget: int | None = None
    # While they are open:
    _should_stop: Callable[[], bool] = lambda: False
    _trainers: Trainers | None = None
    _pool: Pool[Any] | None = None  # otherwise this process runs the trials

    def __post_init__(self) -> None:
        self._workers = Workers(self.strategy) if self.strategy else None
        self._chief = is_chief(self.strategy)

    @contextmanager
    def opened(self, budget: Budget, *, keep_trainers: bool = False) -> Iterator[None]:
        """Gets ready to run, and ends the workers afterwards.

        Args:
            budget: At what size, with the largest number of trials that is to come; a grid search
                has that of its grid.
            keep_trainers: As `keep` of `Trainers`, in this process and in workers.

        Raises:
            StudyError: If a directory cannot be used.
            KeyboardInterrupt: At SIGTERM or Ctrl-C in what is run, as `stop_on_signals`.
        """
        self.check(budget)
        for caution in filter(None, (signature.caution for signature in self.signatures)):
            print(f"CAUTION: {caution}", flush=True)
        # The order is important: Ray has its own handler for SIGTERM.
        with self.execution.connected(), stop_on_signals() as should_stop:
            self._should_stop = should_stop
            settings: dict[str, Any] = {
                **{"workload": self.workload, "budget": budget, "options": self.options},
                **{"keep": keep_trainers, "clock": CLOCK},
            }
            self._trainers = Trainers(
                **settings,
                splits=self.splits,
                strategy=self.strategy,
                should_stop=should_stop,
            )
            given = pickled.dumps(settings)
            in_worker = functools.partial(
                _make_run, self.options, runtime.keras_settings(), given, self.execution.data_dir
            )
            with _pool(self.execution, self.options, in_worker, should_stop) as self._pool:
                yield

    def check(self, budget: Budget) -> None:
        """Checks every directory, and describes the studies for TensorBoard.

        Raises:
            StudyError: If one cannot be used.
        """
        if not self._chief:
            return
        if exists(self.study_dir / "study.json"):
            raise StudyError(f"{self.study_dir} is itself a study; name its parent")
        if exists(self.study_dir / rounds.FILE_NAME):
            raise StudyError(
                f"{self.study_dir} holds the rounds of a refinement; go on with --refine, or name "
                "another directory"
            )
        configs = [self._config(signature, budget) for signature in self.signatures]
        for signature, config in zip(self.signatures, configs, strict=True):
            check_study(
                self.study_dir / signature.name,
                config,
                accept_version_changes=self.execution.accept_version_changes,
            )
        if self.tensorboard:
            self._describe()

    def _describe(self) -> None:
        describe(self.study_dir, self.signatures, self.workload.metric.name)

    def comparison(self) -> Comparison:
        """Returns what the studies say so far; each must have been begun.

        Raises:
            StudyError: If a file is damaged.
        """
        (found,) = compare_studies([self.study_dir / one.name for one in self.signatures])
        return found

    def run(self, budgets: Sequence[Budget], *, num_reruns: int = 0) -> None:
        """Runs the studies one after the other, each to the number of trials of its budget.

        One that fails does not keep the others from running.

        Args:
            budgets: Of each study; they differ in the number of trials only.
            num_reruns: How often to re-run each study's winner with fresh seeds.

        Raises:
            StudyError: As `run_study`.
            StudyFailed: At the end, if studies failed.
        """
        failed: dict[str, StudyFailed] = {}
        for signature, budget in zip(self.signatures, budgets, strict=True):
            try:
                self._run(signature, budget, num_reruns)
            except StudyFailed as error:
                if self._workers:  # other processes wait for this one's trials
                    raise
                failed[signature.name] = error
                print(f"{signature.rule.title} failed; the reason follows at the end", flush=True)
        if failed:
            complete = [one.name for one in self.signatures if one.name not in failed]
            raise StudyFailed(_reasons(complete, failed))

    def _run(self, signature: Signature, budget: Budget, num_reruns: int) -> None:
        assert self._trainers is not None, "opened"
        config = self._config(signature, budget)
        run_trial: RunTrial = functools.partial(self._trainers.run, signature)
        if self._workers and not self._chief:
            self._workers.follow(run_trial)
            return
        if self._workers:
            run_trial = self._workers.lead(run_trial)
        directory = self.study_dir / signature.name
        executor: Executor = (
            OfPool(self._pool, signature)
            if self._pool
            else InProcess(run_trial, should_stop=self._should_stop)
        )
        run_study(
            directory=directory,
            config=config,
            signature=signature,
            executor=executor,
            clock=CLOCK,
            observers=self._observers(signature, config, directory),
            max_retries=self.execution.max_retries,
            accept_version_changes=self.execution.accept_version_changes,
        )
        if num_reruns:
            rerun_winner(
                directory,
                config,
                executor,
                num_reruns,
                CLOCK,
                max_retries=self.execution.max_retries,
                on_end=None if self.options.keep_checkpoints else remove_checkpoints,
            )
        if self._workers:
            self._workers.dismiss()

    def _observers(
        self, signature: Signature, config: StudyConfig, directory: Path
    ) -> list[Observer]:
        observers: list[Observer] = [
            Progress(
                signature.rule.title,
                self.workload.metric,
                num_steps=config.budget["steps"],
                num_feasible=config.num_feasible,
                num_workers=self.execution.num_workers,
            )
        ]
        if self.tensorboard:
            observers.append(TensorBoard(signature, self._describe))
        if not self.options.keep_checkpoints:
            observers.append(CheckpointRemover(directory))
        return observers

    def _config(self, signature: Signature, budget: Budget) -> StudyConfig:
        """Returns the record of what is studied, with the provenance of this process."""
        num_feasible, max_trials = trial_counts(
            signature.space,
            self.search,
            num_feasible=budget.num_feasible,
            max_trials=self.max_trials,
        )
        workload, splits = self.workload, self.splits
        recorded = recorded_config(self.study_dir / signature.name)
        tuning_budget = self.tuning_budget or (recorded and recorded.tuning_budget)
        return StudyConfig(
            signature=signature.to_json(),
            workload=workload.name,
            budget=asdict(budget),
            seed=self.seed,
            search=self.search,
            num_feasible=num_feasible,
            max_trials=max_trials,
            tuning_budget=tuning_budget or planned_tuning_budget(num_feasible),
            threads_per_trial=self.options.threads_per_trial,
            provenance=provenance(),
            **conditions(workload, splits, self.options.devices(num_replicas(self.strategy))),
        )


def _reasons(complete: Sequence[str], failed: Mapping[str, StudyFailed]) -> str:
    """Why studies failed: what takes many lines first, then a line for each, the last of all."""
    lines = [f"{', '.join(complete)}: complete"] if complete else []
    for name, error in failed.items():
        if "\n" in str(error).strip():
            lines += [f"{name} failed: {str(error).rstrip()}", ""]
    return "\n".join([*lines, *(f"{name} failed: {_short(e)}" for name, e in failed.items())])


def _short(error: StudyFailed) -> str:
    """A reason in one line: the first, and what the traceback says was raised."""
    first, *others = str(error).strip().splitlines()
    frames = [i for i, line in enumerate(others) if line.startswith("  File ")]
    after = others[frames[-1] + 1 :] if frames else others
    raised = next((line for line in after if line.strip() and not line.startswith(" ")), "")
    return f"{first}: {raised}" if raised else first


def conditions(workload: Workload, splits: Splits, devices: Devices) -> dict[str, Any]:
    """Returns the fields of `StudyConfig` that follow from workload, data, devices and packages."""
    return {
        "metric": workload.metric.with_classes(splits.num_classes),
        "loss": workload.loss.with_classes(splits.num_classes),
        "num_examples": splits.num_examples,
        "partial": splits.partial,
        "devices": devices,
        "versions": versions(),
        "fingerprints": _fingerprints(workload),
    }


def _fingerprints(workload: Workload) -> dict[str, str]:
    """Of what the user gave, and of Keras's settings if they are not its own."""
    given = dict(workload.fingerprints)
    settings = runtime.keras_settings()
    if given and settings != runtime.KERAS_DEFAULTS:
        given["Keras's settings"] = fingerprint(settings)
    return given


@contextmanager
def _pool(
    execution: Execution,
    options: Options,
    make_run: MakeRunOf,
    should_stop: Callable[[], bool],
) -> Iterator[Pool[Any] | None]:
    """The workers; None where trials run in this process."""
    if execution.ray_address is not None:
        from tfoptcmp.tuners.ray_pool import RayPool  # not before `connected`

        with RayPool(
            make_run,
            num_workers=execution.num_workers,
            threads_per_trial=options.threads_per_trial,
            should_stop=should_stop,
        ) as pool:
            yield pool
    elif execution.in_workers:
        with ProcessPool(
            make_run,
            environments=execution.environments,
            should_stop=should_stop,
            before_start=worker_server.start,
        ) as processes:
            yield processes
    else:
        yield None


def _make_run(
    options: Options,
    of_keras: Mapping[str, Any],
    given: bytes,
    data_dir: str | None,
    should_stop: Callable[[], bool],
) -> RunOf:
    """Loads the data in a worker; models are built by the first trials.

    What users gave may hold TensorFlow's objects, and is unpacked after the threads are set.
    """
    runtime.configure(options.threads_per_trial)
    runtime.set_keras(of_keras)
    synchronise(options.durable)
    settings: dict[str, Any] = cloudpickle.loads(given)
    splits = settings["workload"].load(settings["budget"], data_dir)
    return Trainers(**settings, splits=splits, should_stop=should_stop).run
