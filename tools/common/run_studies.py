"""Runs the studies of a comparison one after the other, with progress and provenance."""

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import tensorflow as tf
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.progress import Progress
from tfoptcmp.tools.common.provenance import provenance, versions
from tfoptcmp.tools.common.signals import stop_on_signals
from tfoptcmp.tuners.executors import Executor, InProcess
from tfoptcmp.tuners.observers import Observer
from tfoptcmp.tuners.reruns import rerun_winner
from tfoptcmp.tuners.run_study import run_study
from tfoptcmp.tuners.searches import trial_counts

from tfoptcmp.signatures import Signature
from tfoptcmp.study.read import read_config
from tfoptcmp.study.schema import StudyConfig, StudyError, planned_tuning_budget
from tfoptcmp.study.trial import RunTrial
from tfoptcmp.study.write import check_study
from tfoptcmp.training import runtime
from tfoptcmp.training.checkpoint import CheckpointRemover
from tfoptcmp.training.distribution import is_chief, num_replicas
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options
from tfoptcmp.training.processes import Workers
from tfoptcmp.training.tensorboard import TensorBoard, describe
from tfoptcmp.workload import Budget, Splits, Workload


def run_studies(
    study_dir: Path,
    workload: Workload,
    budget: Budget,
    splits: Splits,
    signatures: Sequence[Signature],
    *,
    seed: int,
    search: str,
    max_trials: int,
    options: Options,
    strategy: tf.distribute.Strategy | None = None,
    execution: Execution = Execution(),  # noqa: B008  # it is frozen
    tensorboard: bool = False,
    num_reruns: int = 0,
    tuning_budget: int | None = None,
) -> None:
    """Runs or resumes a study for each signature, in `<study_dir>/<signature>/`.

    Args:
        study_dir: Parent of the studies.
        workload: What is trained.
        budget: At what size, with the number of trials; a grid search has that of its grid.
        splits: The data.
        signatures: The optimizers.
        seed: Of the studies.
        search: As in `StudyConfig`.
        max_trials: Likewise.
        options: How trials are computed and saved; `runtime.configure` had their number of threads.
        strategy: What `make_strategy(options)` returned. If its devices belong to several
            processes, all of them call this function, and all but the chief only help with its
            trials.
        execution: Where trials are run.
        tensorboard: Whether to write TensorBoard events.
        num_reruns: How often to re-run each study's winner with fresh seeds, in this process.
        tuning_budget: K to record; by default the one on record, else what suits the plan.

    Raises:
        StudyError: If a directory cannot be used, before the first trial of any; or as `run_study`.
        KeyboardInterrupt: At SIGTERM or Ctrl-C, as `stop_on_signals`.
    """
    configs = [
        _study_config(
            workload,
            budget,
            splits,
            signature,
            seed=seed,
            search=search,
            max_trials=max_trials,
            options=options,
            strategy=strategy,
            tuning_budget=tuning_budget or _recorded_tuning_budget(study_dir / signature.name),
        )
        for signature in signatures
    ]
    chief = is_chief(strategy)
    if chief:
        _check(study_dir, signatures, configs, execution, tensorboard)
    workers = Workers(strategy) if strategy else None
    # The order is important: Ray has its own handler for SIGTERM.
    with execution.connected(options), stop_on_signals() as should_stop:
        for signature, config in zip(signatures, configs, strict=True):
            trainer = Trainer(
                workload=workload,
                budget=budget,
                splits=splits,
                signature=signature,
                options=options,
                strategy=strategy,
                clock=CLOCK,
                should_stop=should_stop,
            )
            run_trial: RunTrial = trainer.run
            if workers and not chief:
                workers.follow(run_trial)
                continue
            if workers:
                run_trial = workers.lead(run_trial)
            directory = study_dir / signature.name
            observers: list[Observer] = [
                Progress(
                    signature.rule.title,
                    workload.metric,
                    num_steps=budget.steps,
                    num_feasible=config.num_feasible,
                    num_workers=execution.num_workers,
                )
            ]
            if tensorboard:
                observers.append(TensorBoard(signature.name))
            if not options.keep_checkpoints:
                observers.append(CheckpointRemover(directory))
            in_worker = functools.partial(
                _make_run_trial, workload, budget, signature, options, execution.data_dir
            )
            with _executor(execution, options, run_trial, in_worker, should_stop) as executor:
                run_study(
                    directory=directory,
                    config=config,
                    signature=signature,
                    executor=executor,
                    clock=CLOCK,
                    observers=observers,
                    max_retries=execution.max_retries,
                    accept_version_changes=execution.accept_version_changes,
                )
            if num_reruns:
                rerun_winner(directory, config, run_trial, num_reruns, CLOCK)
            if workers:
                workers.dismiss()


def _study_config(
    workload: Workload,
    budget: Budget,
    splits: Splits,
    signature: Signature,
    *,
    seed: int,
    search: str,
    max_trials: int,
    options: Options,
    strategy: tf.distribute.Strategy | None,
    tuning_budget: int | None,
) -> StudyConfig:
    """Returns the record of what is studied, with the provenance of this process."""
    num_feasible, max_trials = trial_counts(
        signature.space, search, num_feasible=budget.num_feasible, max_trials=max_trials
    )
    return StudyConfig(
        signature=signature.to_json(),
        workload=workload.name,
        metric=workload.metric.name,
        metric_unit=workload.metric.unit,
        budget=asdict(budget),
        num_examples=splits.num_examples,
        partial=splits.partial,
        seed=seed,
        search=search,
        num_feasible=num_feasible,
        max_trials=max_trials,
        tuning_budget=tuning_budget or planned_tuning_budget(num_feasible),
        num_classes=splits.num_classes,
        threads_per_trial=options.threads_per_trial,
        versions=versions(),
        provenance=provenance(),
        devices=options.devices(num_replicas(strategy)),
    )


def _recorded_tuning_budget(directory: Path) -> int | None:
    path = directory / "study.json"
    return read_config(path).tuning_budget if path.exists() else None


def _check(
    study_dir: Path,
    signatures: Sequence[Signature],
    configs: Sequence[StudyConfig],
    execution: Execution,
    tensorboard: bool,
) -> None:
    """Checks every directory, and describes the studies for TensorBoard."""
    if (study_dir / "study.json").exists():
        raise StudyError(f"{study_dir} is itself a study; name its parent")
    for signature, config in zip(signatures, configs, strict=True):
        check_study(
            study_dir / signature.name,
            config,
            accept_version_changes=execution.accept_version_changes,
        )
    if tensorboard:
        try:
            describe(study_dir, signatures, configs[0].metric)
        except OSError as error:
            raise StudyError(f"cannot write {study_dir}: {error.strerror}") from error


def _executor(
    execution: Execution,
    options: Options,
    run_trial: RunTrial,
    make_run_trial: Callable[[Callable[[], bool]], RunTrial],
    should_stop: Callable[[], bool],
) -> AbstractContextManager[Executor]:
    """Returns what runs trials: `run_trial` in this process, or Ray's workers with their own."""
    if not execution.on_ray:
        return nullcontext(InProcess(run_trial, should_stop=should_stop))
    from tfoptcmp.tuners.ray_executor import RayExecutor  # not before `connected`

    return RayExecutor(
        make_run_trial,
        num_workers=execution.num_workers,
        threads_per_trial=options.threads_per_trial,
        should_stop=should_stop,
    )


def _make_run_trial(
    workload: Workload,
    budget: Budget,
    signature: Signature,
    options: Options,
    data_dir: str | None,
    should_stop: Callable[[], bool],
) -> RunTrial:
    """Loads the data in a worker; the model is built by the first trial."""
    runtime.configure(options.threads_per_trial)
    return Trainer(
        workload=workload,
        budget=budget,
        splits=workload.load(budget, data_dir),
        signature=signature,
        options=options,
        clock=CLOCK,
        should_stop=should_stop,
    ).run
