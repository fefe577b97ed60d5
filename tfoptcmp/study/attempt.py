"""One attempt at a trial or a re-run, recorded from its beginning to its end."""

import math
from contextlib import ExitStack
from dataclasses import replace

from tfoptcmp.study.clock import Clock
from tfoptcmp.study.schema import Measurement, Status, Trial
from tfoptcmp.study.trial import Outcome, TrialTask
from tfoptcmp.study.write import StudyWriter


class Attempt:
    """One attempt at a trial; creating it records the trial as RUNNING.

    Args:
        task: The trial.
        writer: Of the study.
        clock: Tells when it began and how long it took.
        rerun: Number of the re-run; None for the trial itself.
    """

    def __init__(
        self, task: TrialTask, writer: StudyWriter, clock: Clock, rerun: int | None = None
    ) -> None:
        self._trial = Trial(
            index=task.index,
            status=Status.RUNNING,
            values=task.values,
            arguments=task.arguments,
            seeds=task.seeds,
            started=clock.now(),
        )
        self._clock = clock
        self._begin = clock.monotonic()  # the system clock may be set back meanwhile
        self._writer = writer
        self._rerun = rerun
        self._last: Measurement | None = None
        writer.write_trial(self._trial, rerun)
        self._file = ExitStack()
        self._measurements = self._file.enter_context(writer.measurements(task.index, rerun))

    def write(self, measurement: Measurement) -> None:
        """Records a measurement."""
        self._measurements.write(measurement)
        self._last = measurement

    def end(self, outcome: Outcome) -> Trial:
        """Records the end and returns it."""
        self.close()
        outcome = _checked(outcome, self._last)
        trial = replace(
            self._trial,
            status=outcome.status,
            seconds=self._clock.monotonic() - self._begin,
            steps=outcome.steps,
            final=self._last,
            message=outcome.message,
        )
        self._writer.write_trial(trial, self._rerun)
        return trial

    def close(self) -> None:
        """Closes the file; without `end` the record of the trial stays RUNNING."""
        self._file.close()


def _checked(outcome: Outcome, last: Measurement | None) -> Outcome:
    """Makes a trial infeasible if its training loss did not stay finite to the end."""
    if outcome.status == Status.FAILED:
        return replace(outcome, steps=int(last["step"] or 0) if last else 0)
    if outcome.status == Status.INFEASIBLE:
        return outcome
    if last is None:
        message = "a COMPLETE trial must have measured its last step; got no measurement"
        return Outcome(status=Status.FAILED, steps=outcome.steps, message=message)
    train_loss = last.get("train_loss")
    if train_loss is not None and math.isfinite(train_loss):
        return outcome
    message = f"train_loss is {train_loss} at step {last['step']}"
    return replace(outcome, status=Status.INFEASIBLE, message=message)
