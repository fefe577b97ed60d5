"""The progress of a running study: a live line in a terminal, an occasional line in a log file."""

import shutil
import sys
import time

from tfoptcmp.tools.common import terminal
from tfoptcmp.tuners.observers import Counts

from tfoptcmp.metrics import Metric
from tfoptcmp.study.schema import Measurement, Trial
from tfoptcmp.study.trial import TrialTask

# In a log file one line per trial would hide the rest, and none would look like a crash.
_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Observes one study and prints how far it is.

    Args:
        title: Name of the optimizer.
        metric: The workload's.
        num_steps: Of a trial.
        num_feasible: N.
        num_workers: Trials at the same time.
    """

    def __init__(
        self, title: str, metric: Metric, *, num_steps: int, num_feasible: int, num_workers: int
    ) -> None:
        self._title = title
        self._metric = metric
        self._num_steps = num_steps
        self._num_feasible = num_feasible
        self._num_workers = num_workers
        self._live = sys.stderr.isatty()
        self._line = ""
        self._last_print = time.monotonic()
        self._trial_seconds: list[float] = []
        self._summary = ""

    def on_study_begin(self, counts: Counts) -> None:
        """Shows how far an earlier run has come."""
        self._summary = self._counted(counts)
        if counts.left == 0:
            self._show("", ended=True)

    def on_trial_begin(self, task: TrialTask) -> None:
        """Shows that a trial has started."""
        self._show(f"trial {task.index}")

    def on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        """Shows the step and the validation metric of the running trial."""
        value = self._metric.shown(measurement["validation_metric"])
        step = f"step {measurement['step']}/{self._num_steps}"
        self._show(f"trial {task.index}, {step}, validation {value}")

    def on_trial_end(self, trial: Trial, counts: Counts) -> None:
        """Shows the counts, the best so far and the time to go.

        Before a trial is feasible the time is not known: those that diverge end early.
        """
        self._trial_seconds.append(trial.seconds or 0.0)
        self._summary = self._counted(counts)
        if counts.feasible:
            share_feasible = counts.feasible / (counts.feasible + counts.infeasible)
            mean = sum(self._trial_seconds) / len(self._trial_seconds)
            to_go = terminal.duration(mean * counts.left / share_feasible / self._num_workers)
            self._summary += f", {to_go} to go"
        self._show(f"trial {trial.index} {trial.status.lower()}", ended=counts.left == 0)

    def _counted(self, counts: Counts) -> str:
        return (
            f"{counts.feasible}/{self._num_feasible} feasible, "
            f"{counts.infeasible} infeasible, {counts.left} left, "
            f"best {self._metric.shown(counts.best)}"
        )

    def _show(self, doing: str, ended: bool = False) -> None:
        text = f"{self._title:<8} {self._summary}" + ("" if ended else f"; {doing}")
        if self._live:
            text = text[
                : shutil.get_terminal_size().columns - 1
            ]  # "\r" cannot rewind a second line
            print("\r" + text.ljust(len(self._line)), end="\n" if ended else "", file=sys.stderr)
            self._line = text
        elif ended or time.monotonic() - self._last_print > _SECONDS_BETWEEN_LINES:
            print(text, file=sys.stderr)
            self._last_print = time.monotonic()
        sys.stderr.flush()
