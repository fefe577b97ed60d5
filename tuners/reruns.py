"""Runs the winner of a study again with fresh seeds: what its result is worth without luck.

Re-runs are no trials: they lie under `<study>/reruns/<index>-<j>/` in the files of a trial, and
nothing counts them (`tfoptcmp.analysis.sources` reads them). Re-run j of a trial is a function of
(study seed, index, j); one that is on record is not run again.
"""

import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tfoptcmp.study.durable import write_json
from tfoptcmp.study.read import Study, read_study, read_trial
from tfoptcmp.study.schema import Measurement, Status, StudyConfig, StudyError, Trial
from tfoptcmp.study.trial import RunTrial, TrialTask, trial_seeds
from tfoptcmp.study.write import MeasurementWriter, open_study


def rerun_seeds(study_seed: int, index: int, rerun: int) -> dict[str, int]:
    """Returns the seeds of a re-run, purpose to a seed in [0, 2**31), all other than the trial's.

    Args:
        study_seed: Seed of the study, >= 0.
        index: Number of the trial, >= 0.
        rerun: Number of the re-run, >= 0.
    """
    return {
        purpose: int(np.random.SeedSequence(seed, spawn_key=(rerun,)).generate_state(1)[0] >> 1)
        for purpose, seed in trial_seeds(study_seed, index).items()
    }


def winner(study: Study) -> Trial:
    """Returns the feasible trial with the best final validation metric, of ties the first.

    Raises:
        StudyError: If no trial is feasible.
    """
    feasible = [trial for trial in study.trials if trial.status is Status.COMPLETE]
    if not feasible:
        raise StudyError(f"{study.directory} has no feasible trial to run again")
    return min(feasible, key=_validation)


def rerun_winner(
    directory: Path, config: StudyConfig, run_trial: RunTrial, num_reruns: int
) -> list[Trial]:
    """Runs the winner's hyperparameters again, as often as that has not been done yet.

    Args:
        directory: The study's.
        config: The study's, as `run_study` was given it.
        run_trial: Trains one trial.
        num_reruns: How many re-runs there are to be, >= 1.

    Returns:
        The re-runs 0, ..., num_reruns - 1.

    Raises:
        StudyError: If the directory cannot be used as asked, or no trial is feasible. What crashes
            a re-run is raised as it is; those before it stay on record.
    """
    with open_study(directory, config) as writer:
        best = winner(read_study(directory))
        reruns = []
        for rerun in range(num_reruns):
            folder = writer.directory / "reruns" / f"{best.index:06d}-{rerun}"
            path = folder / "metadata.json"
            if path.exists():
                reruns.append(read_trial(path))
            else:
                reruns.append(_run(folder, config, best, rerun, run_trial))
        return reruns


def _run(folder: Path, config: StudyConfig, best: Trial, rerun: int, run_trial: RunTrial) -> Trial:
    """Runs a re-run from its first step; only one that ended has a metadata.json."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = rerun_seeds(config.seed, best.index, rerun)
    task = TrialTask(
        index=best.index,
        values=best.values,
        arguments=best.arguments,
        seeds=seeds,
        directory=folder,
    )
    started, begin = time.time(), time.monotonic()
    last: Measurement | None = None
    with open(folder / "measurements.csv", "w", newline="", encoding="utf-8") as file:
        measurements = MeasurementWriter(file)

        def on_measurement(measurement: Measurement) -> None:
            nonlocal last
            measurements.write(measurement)
            last = measurement

        outcome = run_trial(task, on_measurement)
    trial = Trial(
        index=best.index,
        status=outcome.status,
        values=best.values,
        arguments=best.arguments,
        seeds=seeds,
        started=started,
        seconds=time.monotonic() - begin,
        steps=outcome.steps,
        final=last,
        message=outcome.message,
    )
    write_json(folder / "metadata.json", asdict(trial))
    return trial


def _validation(trial: Trial) -> float:
    value = (trial.final or {}).get("validation_metric")
    return math.inf if value is None or math.isnan(value) else value
