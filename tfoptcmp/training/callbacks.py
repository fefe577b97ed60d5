"""What happens between compiled blocks of steps: measurements, checkpoints, the end of a trial."""

import math
from collections.abc import Callable

import keras

from tfoptcmp.study.schema import Measurement
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget


class Measure(keras.callbacks.Callback):
    """Measures at a fixed interval of steps and at the last one; ends a trial that diverged.

    Attributes:
        problem: Why the trial is infeasible; "" as long as it is not.
    """

    def __init__(
        self,
        budget: Budget,
        measurement: Callable[[int], Measurement],
        on_measurement: Callable[[Measurement], None],
    ) -> None:
        super().__init__()
        self._budget = budget
        self._measurement = measurement
        self._on_measurement = on_measurement
        self.problem = ""

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each compiled block of steps."""
        step = int(self.model.optimizer.iterations.numpy())
        if self.model.diverged.numpy():
            self._stop(f"training loss or gradient not finite at step {step + 1}")
        elif step % self._budget.eval_every_steps == 0 or step == self._budget.steps:
            row = self._measurement(step)
            self._on_measurement(row)
            if not math.isfinite(row.get("train_loss") or 0.0):  # 0: not measured
                self._stop(f"measured training loss not finite after step {step}")
            elif not self._has_finite_weights():
                self._stop(f"weights not finite after step {step}")

    def _has_finite_weights(self) -> bool:
        """Checks what the loss may not show: max(NaN, 0) is 0 in a ReLU."""
        isfinite, all_of = keras.ops.isfinite, keras.ops.all
        return all(bool(all_of(isfinite(weight))) for weight in self.model.trainable_variables)

    def _stop(self, problem: str) -> None:
        self.problem = problem
        self.model.stop_training = True


class TakeCheckpoints(keras.callbacks.Callback):
    """Takes checkpoints when they are due, and one before a requested stop.

    Comes after `Measure`, so that a checkpoint contains the measurement of its own step.

    Args:
        save: Takes a checkpoint; is given the step.
        num_steps: Of the trial.
        options: When checkpoints are due: steps count from step 0, minutes from the last one. After
            the last step there is none, due or not, unless they are kept.
        should_stop: Whether the trial is to stop here.
        monotonic: Returns seconds since any fixed time.

    Attributes:
        interrupted: Whether the trial was stopped before its end.
    """

    def __init__(
        self,
        save: Callable[[int], None],
        *,
        num_steps: int,
        options: Options,
        should_stop: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__()
        self._save = save
        self._num_steps = num_steps
        self._every_steps = options.checkpoint_every_steps or math.inf
        minutes = options.checkpoint_every_minutes
        self._every_seconds = 60 * minutes if minutes > 0 else math.inf
        self._at_end = options.keep_checkpoints
        self._should_stop = should_stop
        self._monotonic = monotonic
        self.interrupted = False

    def on_train_begin(self, logs: object = None) -> None:
        """Starts counting."""
        self._saved(int(self.model.optimizer.iterations.numpy()))

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each compiled block of steps."""
        if self.model.stop_training:  # diverged
            return
        step = int(self.model.optimizer.iterations.numpy())
        ends = step == self._num_steps
        self.interrupted = not ends and self._should_stop()
        if self._at_end if ends else self.interrupted or self._is_due(step):
            self._save(step)
            self._saved(step)
        if self.interrupted:
            self.model.stop_training = True

    def _is_due(self, step: int) -> bool:
        return (
            step // self._every_steps > self._last_step // self._every_steps
            or self._monotonic() - self._last_time >= self._every_seconds
        )

    def _saved(self, step: int) -> None:
        self._last_step, self._last_time = step, self._monotonic()
