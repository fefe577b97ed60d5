"""Runs the studies of a comparison one after the other, with progress and provenance."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tfoptcmp.records import StudyConfig, StudyError
from tfoptcmp.signatures import Signature
from tfoptcmp.study_writer import check_study
from tfoptcmp.training import Trainer
from tfoptcmp.training.tensorboard import TensorBoard, describe
from tfoptcmp.workload import Budget, Splits, Workload
from tools.progress import Progress
from tools.provenance import provenance, versions
from tuners.executors import InProcess
from tuners.reruns import rerun_winner
from tuners.searches import trial_counts
from tuners.studies import run_study


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
        num_reruns: How often to run each study's winner again with fresh seeds.

    Raises:
        StudyError: If a directory cannot be used, before the first trial of any; or as `run_study`.
    """
    if (study_dir / "study.json").exists():
        raise StudyError(f"{study_dir} is itself a study; name its parent")
    for signature, config in zip(signatures, configs, strict=True):
        check_study(study_dir / signature.name, config)
    if tensorboard:
        try:
            describe(study_dir, signatures)
        except OSError as error:
            raise StudyError(f"cannot write {study_dir}: {error.strerror}") from error
    for signature, config in zip(signatures, configs, strict=True):
        trainer = Trainer(workload=workload, budget=budget, splits=splits, signature=signature)
        its_budget = replace(budget, num_feasible=config.num_feasible)
        observers = [Progress(signature.rule.title, workload.metric.unit, its_budget)]
        run_study(
            directory=study_dir / signature.name,
            config=config,
            signature=signature,
            executor=InProcess(trainer.run),
            observers=[*observers, TensorBoard(signature.name)] if tensorboard else observers,
        )
        if num_reruns:
            rerun_winner(study_dir / signature.name, config, trainer.run, num_reruns)
