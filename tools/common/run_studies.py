"""Runs the studies of a comparison one after the other, with progress and provenance."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import StudyConfig, StudyError
from tfoptcmp.study.write import check_study
from tfoptcmp.training.checkpoint import CheckpointRemover
from tfoptcmp.training.distribution import is_chief
from tfoptcmp.training.processes import Workers
from tfoptcmp.training.tensorboard import TensorBoard, describe
from tfoptcmp.workload import Budget, Splits, Workload
from tools.common.clock import CLOCK
from tools.common.devices import Devices
from tools.common.progress import Progress
from tools.common.provenance import provenance, versions
from tools.common.running import Running, Training
from tools.common.signals import stop_on_signals
from tuners.observers import Observer
from tuners.reruns import rerun_winner
from tuners.run_study import run_study
from tuners.searches import trial_counts


def study_config(
    workload: Workload,
    budget: Budget,
    splits: Splits,
    signature: Signature,
    *,
    seed: int,
    search: str,
    max_trials: int,
    threads_per_trial: int,
    devices: Devices = Devices(),  # noqa: B008  # it is frozen
) -> StudyConfig:
    """Returns the record of what is studied, with the provenance of this process.

    A grid search has the number of trials of its grid, whatever the budget says.
    """
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
        threads_per_trial=threads_per_trial,
        versions=versions(),
        provenance=provenance(),
        devices=devices.record,
    )


def run_studies(
    study_dir: Path,
    workload: Workload,
    budget: Budget,
    splits: Splits,
    signatures: Sequence[Signature],
    configs: Sequence[StudyConfig],
    *,
    tensorboard: bool,
    num_reruns: int = 0,
    running: Running = Running(),  # noqa: B008  # it is frozen
    devices: Devices = Devices(),  # noqa: B008
) -> None:
    """Runs or resumes a study for each signature, in `<study_dir>/<signature>/`.

    Args:
        study_dir: Parent of the studies.
        workload: What is trained.
        budget: At what size; the number of trials is that of each config.
        splits: The data.
        signatures: The optimizers.
        configs: `study_config` of each.
        tensorboard: Whether to write TensorBoard events.
        num_reruns: How often to run each study's winner again with fresh seeds, in this process.
        running: Where and how trials are run.
        devices: Those of a trial. Where they belong to several processes, all of these call this
            function, and those that are not the chief only help with its trials.

    Raises:
        StudyError: If a directory cannot be used, before the first trial of any; or as `run_study`.
        KeyboardInterrupt: At SIGTERM or Ctrl-C, as `stop_on_signals`.
    """
    chief = is_chief(devices.strategy)
    if chief:
        _check(study_dir, signatures, configs, running, tensorboard)
    threads = configs[0].threads_per_trial
    workers = Workers(devices.strategy) if devices.strategy else None
    # The order is important: Ray has a handler of its own for SIGTERM.
    with running.connected(threads), stop_on_signals() as should_stop:
        for signature, config in zip(signatures, configs, strict=True):
            training = Training(
                workload=workload,
                budget=budget,
                signature=signature,
                threads_per_trial=threads,
                running=running,
                devices=devices,
            )
            run_trial = training.trainer(splits, should_stop).run
            if workers and not chief:
                workers.follow(run_trial)
                continue
            if workers:
                run_trial = workers.lead(run_trial)
            directory = study_dir / signature.name
            with training.executor(run_trial, should_stop) as executor:
                run_study(
                    directory=directory,
                    config=config,
                    signature=signature,
                    executor=executor,
                    clock=CLOCK,
                    observers=_observers(training, config, directory, tensorboard),
                    max_retries=running.max_retries,
                    accept_version_changes=running.accept_version_changes,
                )
            if num_reruns:
                rerun_winner(directory, config, run_trial, num_reruns, CLOCK)
            if workers:
                workers.dismiss()


def _check(
    study_dir: Path,
    signatures: Sequence[Signature],
    configs: Sequence[StudyConfig],
    running: Running,
    tensorboard: bool,
) -> None:
    """Checks every directory, and describes the studies for TensorBoard."""
    if (study_dir / "study.json").exists():
        raise StudyError(f"{study_dir} is itself a study; name its parent")
    for signature, config in zip(signatures, configs, strict=True):
        check_study(
            study_dir / signature.name,
            config,
            accept_version_changes=running.accept_version_changes,
        )
    if tensorboard:
        try:
            describe(study_dir, signatures, configs[0].metric)
        except OSError as error:
            raise StudyError(f"cannot write {study_dir}: {error.strerror}") from error


def _observers(
    training: Training, config: StudyConfig, directory: Path, tensorboard: bool
) -> list[Observer]:
    signature, workload = training.signature, training.workload
    budget = replace(training.budget, num_feasible=config.num_feasible)
    num_workers = training.running.num_workers
    observers: list[Observer] = [
        Progress(signature.rule.title, workload.metric.unit, budget, num_workers)
    ]
    if tensorboard:
        observers.append(TensorBoard(signature.name))
    if not training.running.keep_checkpoints:
        observers.append(CheckpointRemover(directory))
    return observers
