"""Several processes that train each trial together: one runs the study, the others follow it.

All run the same command. The chief alone knows of studies and writes files; before each trial it
tells the others which one it is.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfoptcmp.study.schema import Measurement
from tfoptcmp.study.trial import Outcome, RunTrial, TrialTask
from tfoptcmp.training.distribution import is_chief


class Workers:
    """The processes of a strategy; one process is a team, too.

    Args:
        strategy: What `make_strategy` returned.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        self._sum = tf.function(
            lambda part: strategy.reduce(
                tf.distribute.ReduceOp.SUM, strategy.run(tf.identity, (part,)), axis=None
            ),
            reduce_retracing=True,
        )

    def lead(self, run_trial: RunTrial) -> RunTrial:
        """Returns the chief's: it runs each trial together with the processes that `follow`."""

        def run(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
            self._tell(_to_text(task))
            return run_trial(task, on_measurement)

        return run

    def dismiss(self) -> None:
        """Ends the `follow` of the others."""
        self._tell("")

    def follow(self, run_trial: RunTrial) -> None:
        """Takes part in each trial of the chief's, until dismissed."""
        while text := self._tell(""):
            run_trial(_to_task(text), lambda measurement: None)

    def _tell(self, text: str) -> str:
        """Returns the chief's text in all processes."""
        codes = np.frombuffer(text.encode(), np.uint8).astype(np.float32)
        length = int(self._from_chief(np.array([len(codes)], np.float32))[0])
        if not length:  # a sum over nothing ends the process (TensorFlow 2.21)
            return ""
        if not is_chief(self._strategy):
            codes = np.zeros(length, np.float32)
        return bytes(self._from_chief(codes).astype(np.uint8)).decode()

    def _from_chief(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the chief's numbers [n], float32, in all processes; n is the same in all."""
        parts = self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(numbers * (context.replica_id_in_sync_group == 0))
        )
        return self._sum(parts).numpy()


def _to_text(task: TrialTask) -> str:
    return json.dumps(
        {
            "index": task.index,
            "values": dict(task.values),
            "arguments": dict(task.arguments),
            "seeds": dict(task.seeds),
            "directory": task.directory and str(task.directory),
        }
    )


def _to_task(text: str) -> TrialTask:
    data = json.loads(text)
    return TrialTask(**{**data, "directory": data["directory"] and Path(data["directory"])})
