"""What a study tells those who follow it: progress displays, TensorBoard."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

from tfoptcmp.study.read import Study
from tfoptcmp.study.schema import Measurement, Status, Trial, trial_directory
from tfoptcmp.study.trial import TrialTask


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How far a study is.

    Attributes:
        feasible: Trials that are COMPLETE.
        infeasible: Trials that are INFEASIBLE.
        left: Feasible trials still to come, N - feasible.
        best: Best final validation metric of the feasible trials; None if there is none yet.
        maximize: Whether the highest is the best.
    """

    left: int
    feasible: int = 0
    infeasible: int = 0
    best: float | None = None
    maximize: bool = False

    def after(self, trial: Trial) -> "Counts":
        """Returns the counts with one more trial; one that has not ended changes nothing."""
        if trial.status == Status.INFEASIBLE:
            return replace(self, infeasible=self.infeasible + 1)
        if trial.status != Status.COMPLETE:
            return self
        assert trial.final is not None  # `_checked`
        metrics = (self.best, trial.final["validation_metric"])
        known = [m for m in metrics if m is not None and not math.isnan(m)]
        best = max if self.maximize else min
        return replace(
            self,
            feasible=self.feasible + 1,
            left=self.left - 1,
            best=best(known, default=None),
        )


class Observer(Protocol):
    """Follows a study: progress displays, TensorBoard."""

    def on_study_begin(self, counts: Counts) -> None:
        """The study starts or resumes; `counts` says how far it is."""

    def on_trial_begin(self, task: TrialTask) -> None:
        """A trial starts; its directory exists."""

    def on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        """A measurement was taken and recorded."""

    def on_trial_end(self, trial: Trial, counts: Counts) -> None:
        """A trial is recorded as COMPLETE, INFEASIBLE or FAILED."""


def replay(study: Study, observer: Observer) -> None:
    """Tells an observer what happened in a study, in the order of its trials.

    Raises:
        StudyError: If a file is damaged.
    """
    config = study.config
    counts = Counts(left=config.num_feasible, maximize=config.metric.maximize)
    observer.on_study_begin(counts)
    for trial in study.trials:
        task = TrialTask(
            index=trial.index,
            values=trial.values,
            arguments=trial.arguments,
            seeds=trial.seeds,
            directory=trial_directory(study.directory, trial.index),
        )
        observer.on_trial_begin(task)
        for measurement in study.measurements(trial.index):
            observer.on_measurement(task, measurement)
        counts = counts.after(trial)
        observer.on_trial_end(trial, counts)
