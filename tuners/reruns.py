"""Runs the winner of a study again with fresh seeds: its result without luck.

Re-runs are not trials: they are in `<study>/reruns/<index>-<j>/`, with the same files as a trial,
and are not counted (`tfoptcmp.study.read.read_reruns` reads them). Re-run j of a trial is a
function of (study seed, index, j); a finished one is not run again.
"""

import math
from collections.abc import Callable
from pathlib import Path

from tfoptcmp.tuners.executors import Crashes, Executor

from tfoptcmp.metrics import Metric
from tfoptcmp.study.attempt import Attempt
from tfoptcmp.study.clock import Clock
from tfoptcmp.study.read import Study, read_reruns, read_study
from tfoptcmp.study.schema import (
    Measurement,
    Status,
    StudyConfig,
    StudyFailed,
    Trial,
    trial_directory,
)
from tfoptcmp.study.trial import TrialTask, rerun_seeds
from tfoptcmp.study.write import StudyWriter, open_study


def winner(study: Study) -> Trial:
    """Returns the feasible trial with the best final validation metric, the first of ties.

    Raises:
        StudyFailed: If no trial is feasible.
    """
    feasible = [trial for trial in study.trials if trial.status is Status.COMPLETE]
    if not feasible:
        raise StudyFailed(f"{study.directory} has no feasible trial to run again")
    return min(feasible, key=lambda trial: _error(trial, study.config.metric))


def rerun_winner(
    directory: Path,
    config: StudyConfig,
    executor: Executor,
    num_reruns: int,
    clock: Clock,
    *,
    max_retries: int = 1,
    on_end: Callable[[Path], object] | None = None,
) -> list[Trial]:
    """Runs the winner's hyperparameters again, until there are `num_reruns` re-runs.

    Args:
        directory: The study's.
        config: The study's, as `run_study` was given it.
        executor: Runs them.
        num_reruns: How many re-runs there are to be, >= 1.
        clock: For the record of when and how long they ran.
        max_retries: How often one that crashed is tried again, >= 0.
        on_end: Told the directory of each whose end is recorded; None for nobody.

    Returns:
        The re-runs 0, ..., num_reruns - 1.

    Raises:
        StudyError: If the directory cannot be used as requested or written.
        StudyFailed: If no trial is feasible, or a re-run crashes too often; re-runs that have ended
            stay recorded.
        Interrupted: If they were asked to stop and have stopped.
    """
    with open_study(directory, config) as writer:
        best = winner(read_study(directory))
        ended = read_reruns(directory)
        left = [rerun for rerun in range(num_reruns) if (best.index, rerun) not in ended]
        run = _Run(writer, best, executor, clock, Crashes(max_retries), on_end)
        try:
            ended |= run.to_the_end(left)
        except StudyFailed:
            executor.drop()
            raise
        return [ended[best.index, rerun] for rerun in range(num_reruns)]


class _Run:
    """Hands re-runs to the executor and records how they end."""

    def __init__(
        self,
        writer: StudyWriter,
        best: Trial,
        executor: Executor,
        clock: Clock,
        crashes: Crashes,
        on_end: Callable[[Path], object] | None,
    ) -> None:
        self._writer = writer
        self._best = best
        self._executor = executor
        self._clock = clock
        self._crashes = crashes
        self._on_end = on_end
        self._attempts: dict[Path, tuple[int, Attempt]] = {}  # those that run, by directory

    def to_the_end(self, left: list[int]) -> dict[tuple[int, int], Trial]:
        """Runs re-runs of these numbers, and empties the list; returns them as `read_reruns`."""
        ended = {}
        try:
            while left or self._attempts:
                while left and len(self._attempts) < self._executor.num_workers:
                    self._begin(left.pop(0))
                task, outcome = self._executor.wait(self._on_measurement)
                rerun, attempt = self._attempts.pop(_directory(task))
                trial = attempt.end(outcome)
                if trial.status is Status.FAILED:
                    self._crashes.count(rerun, str(task.directory), trial.message)
                    self._begin(rerun)
                    continue
                ended[task.index, rerun] = trial
                if self._on_end:
                    self._on_end(_directory(task))
        finally:
            for _, attempt in self._attempts.values():
                attempt.close()
        return ended

    def _begin(self, rerun: int) -> None:
        best, writer = self._best, self._writer
        task = TrialTask(
            index=best.index,
            values=best.values,
            arguments=best.arguments,
            seeds=rerun_seeds(writer.config.seed, best.index, rerun),
            directory=trial_directory(writer.directory, best.index, rerun),
        )
        self._attempts[_directory(task)] = rerun, Attempt(task, writer, self._clock, rerun)
        self._executor.submit(task)

    def _on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        _, attempt = self._attempts[_directory(task)]
        attempt.write(measurement)


def _directory(task: TrialTask) -> Path:
    assert task.directory is not None, "re-runs belong to a study"
    return task.directory


def _error(trial: Trial, metric: Metric) -> float:
    value = (trial.final or {}).get("validation_metric")
    return float(metric.error(value)) if value is not None and math.isfinite(value) else math.inf
