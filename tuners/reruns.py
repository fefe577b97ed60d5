"""Runs the winner of a study again with fresh seeds: its result without luck.

Re-runs are not trials: they are in `<study>/reruns/<index>-<j>/`, with the same files as a trial,
and are not counted (`tfoptcmp.study.read.read_reruns` reads them). Re-run j of a trial is a
function of (study seed, index, j); a finished one is not run again.
"""

import math
from pathlib import Path

from tfoptcmp.study.attempt import Attempt
from tfoptcmp.study.clock import Clock
from tfoptcmp.study.read import Study, read_reruns, read_study
from tfoptcmp.study.schema import Status, StudyConfig, StudyError, Trial, trial_directory
from tfoptcmp.study.trial import RunTrial, TrialTask, rerun_seeds
from tfoptcmp.study.write import StudyWriter, open_study


def winner(study: Study) -> Trial:
    """Returns the feasible trial with the best final validation metric, the first of ties.

    Raises:
        StudyError: If no trial is feasible.
    """
    feasible = [trial for trial in study.trials if trial.status is Status.COMPLETE]
    if not feasible:
        raise StudyError(f"{study.directory} has no feasible trial to run again")
    return min(feasible, key=_validation)


def rerun_winner(
    directory: Path, config: StudyConfig, run_trial: RunTrial, num_reruns: int, clock: Clock
) -> list[Trial]:
    """Runs the winner's hyperparameters again, until there are `num_reruns` re-runs.

    Args:
        directory: The study's.
        config: The study's, as `run_study` was given it.
        run_trial: Trains one trial.
        num_reruns: How many re-runs there are to be, >= 1.
        clock: For the record of when and how long they ran.

    Returns:
        The re-runs 0, ..., num_reruns - 1.

    Raises:
        StudyError: If the directory cannot be used as requested or written, or no trial is
            feasible. The exception of a crashed re-run is raised unchanged; earlier re-runs stay
            recorded.
    """
    with open_study(directory, config) as writer:
        best = winner(read_study(directory))
        ended = read_reruns(directory)
        return [
            ended.get((best.index, rerun)) or _run(writer, best, rerun, run_trial, clock)
            for rerun in range(num_reruns)
        ]


def _run(writer: StudyWriter, best: Trial, rerun: int, run_trial: RunTrial, clock: Clock) -> Trial:
    task = TrialTask(
        index=best.index,
        values=best.values,
        arguments=best.arguments,
        seeds=rerun_seeds(writer.config.seed, best.index, rerun),
        directory=trial_directory(writer.directory, best.index, rerun),
    )
    attempt = Attempt(task, writer, clock, rerun)
    try:
        trial = attempt.end(run_trial(task, attempt.write))
    finally:
        attempt.close()
    if trial.status is Status.FAILED:
        raise StudyError(f"{task.directory}: {trial.message}")
    return trial


def _validation(trial: Trial) -> float:
    value = (trial.final or {}).get("validation_metric")
    return math.inf if value is None or math.isnan(value) else value
