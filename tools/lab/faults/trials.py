"""Single trials of real training, as the faults that need no study take them."""

from pathlib import Path

from tfoptcmp.signatures import Signature
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.workload import Budget


def task(
    signature: Signature, budget: Budget, index: int = 0, directory: Path | None = None
) -> TrialTask:
    """Returns a trial with moderate hyperparameters, at the same point whatever its index."""
    values = signature.space.values((0.25,) * signature.space.num_dims)
    return TrialTask(
        index=index,
        values=values,
        arguments=signature.space.derive(values, budget_steps=budget.steps),
        seeds=trial_seeds(0, index),
        directory=directory,
    )
