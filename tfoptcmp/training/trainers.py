"""The trainers of one process: one for each optimizer, on data that are loaded once."""

from collections.abc import Callable
from typing import Any

from tfoptcmp.signatures import Signature
from tfoptcmp.study.schema import Measurement
from tfoptcmp.study.trial import Outcome, TrialTask
from tfoptcmp.training.engine import Trainer


class Trainers:
    """Runs trials of any signature, one after the other.

    Args:
        keep: Whether to keep the model of every optimizer for trials to come, which saves building
            it again and takes the memory of all; otherwise only the last one's is kept.
        **settings: Of each `Trainer`, apart from the signature.
    """

    def __init__(self, *, keep: bool, **settings: Any) -> None:
        self._keep = keep
        self._settings = settings
        self._trainers: dict[str, Trainer] = {}

    def run(
        self,
        signature: Signature,
        task: TrialTask,
        on_measurement: Callable[[Measurement], None],
    ) -> Outcome:
        """Runs a trial of a signature, as `Trainer.run`.

        Raises:
            Interrupted: As there.
        """
        return self.of(signature).run(task, on_measurement)

    def of(self, signature: Signature) -> Trainer:
        """Returns the trainer of a signature, also where only its search space is another."""
        trainer = self._trainers.get(signature.name)
        if trainer is None:
            if not self._keep:
                self._trainers.clear()
            trainer = Trainer(signature=signature, **self._settings)
            self._trainers[signature.name] = trainer
        trainer.signature = signature
        return trainer
