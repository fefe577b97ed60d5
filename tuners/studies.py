"""A study: trials of one signature, one after the other, until N of them are feasible.

The study directory (`tfoptcmp.records`) is the only truth. A run reads it, asks the oracle which
trial comes next, and writes each trial as it goes; a run that was cut off at any instant is gone on
with by the next one. Finished trials are the indices 0..M-1 with exactly N feasible among them,
however often the study was stopped and whatever N it began with.

The loop drives the oracle itself, where a `keras_tuner.Tuner` would: the tuner's `search` swallows
exceptions, prints, keeps state in files of its own, and turns into a gRPC server where environment
variables say so; a study would have to undo all of it. Claiming and recording a trial are separate
calls, so that several workers can share an oracle.
"""

import math
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from keras_tuner.engine.trial import TrialStatus

from tfoptcmp.records import (
    Measurement,
    Status,
    Study,
    StudyConfig,
    StudyError,
    Trial,
    read_study,
    trial_directory,
)
from tfoptcmp.signatures import Signature
from tfoptcmp.study_writer import StudyWriter, open_study
from tfoptcmp.trial import Outcome, RunTrial, TrialTask, trial_seeds
from tuners.searches import GRID
from tuners.study_oracle import StudyOracle

_WORKER = "0"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How far a study is.

    Attributes:
        feasible: Trials that are COMPLETE.
        infeasible: Trials that are INFEASIBLE.
        left: Feasible trials still to come, N - feasible.
        best: Lowest final validation metric of the feasible trials; None if there is none yet.
    """

    left: int
    feasible: int = 0
    infeasible: int = 0
    best: float | None = None

    def after(self, trial: Trial) -> "Counts":
        """Returns the counts with one more trial; one that has not ended changes nothing."""
        if trial.status == Status.INFEASIBLE:
            return replace(self, infeasible=self.infeasible + 1)
        if trial.status != Status.COMPLETE:
            return self
        assert trial.final is not None  # `_checked`
        metrics = (self.best, trial.final["validation_metric"])
        return replace(
            self,
            feasible=self.feasible + 1,
            left=self.left - 1,
            best=min((m for m in metrics if m is not None and not math.isnan(m)), default=None),
        )


class Observer(Protocol):
    """Follows a study: progress displays, TensorBoard."""

    def on_trial_begin(self, task: TrialTask) -> None:
        """A trial starts; its directory is there."""

    def on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        """A measurement was taken, and is on record."""

    def on_trial_end(self, trial: Trial, counts: Counts) -> None:
        """A trial is COMPLETE, INFEASIBLE or FAILED, and on record."""


def run_study(
    *,
    directory: Path,
    config: StudyConfig,
    signature: Signature,
    run_trial: RunTrial,
    observers: Sequence[Observer] = (),
) -> Study:
    """Runs a study to its end, or goes on with it.

    Args:
        directory: Of this study; made if it is not there.
        config: What is studied, for the record and for the comparison with an earlier run's.
        signature: The one that `config` records.
        run_trial: Trains one trial.
        observers: Told of every trial, in this order.

    Returns:
        The study, with N feasible trials, or with all points of its grid.

    Raises:
        StudyError: If the directory cannot be used as asked, if a trial crashes, or if
            `config.max_trials` are done before N are feasible. Finished trials stay on record.
        KeyboardInterrupt: Says how to go on.
    """
    if signature.to_json() != config.signature:
        raise ValueError(f"signature must be {config.signature!r}; got {signature.to_json()!r}")
    with open_study(directory, config) as writer:
        trials = read_study(directory).trials
        counts = _count(trials, config.num_feasible)
        oracle = StudyOracle(config=config, space=signature.space, trials=trials)
        while (claim := oracle.create_trial(_WORKER)).status != TrialStatus.STOPPED:
            task = _task(int(claim.trial_id), claim.hyperparameters.values, writer, signature)
            trial = _run(task, run_trial, writer, observers)
            counts = counts.after(trial)
            for observer in observers:
                observer.on_trial_end(trial, counts)
            if trial.status == Status.FAILED:
                raise StudyError(
                    f"trial {trial.index} in {directory} crashed; finished trials are kept, and "
                    f"the same command tries it again and goes on\n{trial.message}"
                )
            oracle.record(claim, trial)
    if counts.left and config.search != GRID:
        raise StudyError(
            f"{directory}: {counts.feasible + counts.infeasible} trials, the most that "
            f"max_trials={config.max_trials} allows, gave {counts.feasible} feasible ones instead "
            f"of num_feasible={config.num_feasible}; raise max_trials or narrow the search space"
        )
    return read_study(directory)


def _count(trials: Iterable[Trial], num_feasible: int) -> Counts:
    counts = Counts(left=num_feasible)
    for trial in trials:
        counts = counts.after(trial)
    return counts


def _task(
    index: int, values: Mapping[str, float], writer: StudyWriter, signature: Signature
) -> TrialTask:
    budget_steps = writer.config.budget["steps"]
    return TrialTask(
        index=index,
        values=values,
        arguments=signature.space.derive(values, budget_steps=budget_steps),
        seeds=trial_seeds(writer.config.seed, index),
        directory=trial_directory(writer.directory, index),
    )


def _run(
    task: TrialTask, run_trial: RunTrial, writer: StudyWriter, observers: Sequence[Observer]
) -> Trial:
    """Runs a trial from its first step and puts it on record; a crash makes it FAILED."""
    trial = Trial(
        index=task.index,
        status=Status.RUNNING,
        values=task.values,
        arguments=task.arguments,
        seeds=task.seeds,
        started=time.time(),
    )
    begin = time.monotonic()  # the clock on the wall may be set back meanwhile
    last: Measurement | None = None
    writer.write_trial(trial)
    try:
        with writer.measurements(task.index) as file:
            for observer in observers:
                observer.on_trial_begin(task)

            def on_measurement(measurement: Measurement) -> None:
                nonlocal last
                file.write(measurement)
                last = measurement
                for observer in observers:
                    observer.on_measurement(task, measurement)

            outcome = _checked(run_trial(task, on_measurement), last)
    except Exception:
        steps = int(last["step"] or 0) if last else 0
        outcome = Outcome(status=Status.FAILED, steps=steps, message=traceback.format_exc())
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(
            f"interrupted in trial {task.index}; finished trials are kept, and the same command "
            "starts this one again and goes on"
        ) from interrupt
    trial = replace(
        trial,
        status=outcome.status,
        seconds=time.monotonic() - begin,
        steps=outcome.steps,
        final=last,
        message=outcome.message,
    )
    writer.write_trial(trial)
    return trial


def _checked(outcome: Outcome, last: Measurement | None) -> Outcome:
    """Makes a trial infeasible whose training loss did not stay finite to the end."""
    if outcome.status == Status.INFEASIBLE:
        return outcome
    if last is None:
        raise ValueError("a COMPLETE trial must have measured its last step; got no measurement")
    train_loss = last["train_loss"]
    if train_loss is not None and math.isfinite(train_loss):
        return outcome
    message = f"train_loss is {train_loss} at step {last['step']}"
    return replace(outcome, status=Status.INFEASIBLE, message=message)
