"""How long a trial takes, measured on a few steps."""

import time
from dataclasses import dataclass, replace

import tensorflow as tf
from tfoptcmp.tools.common.clock import CLOCK

from tfoptcmp.signatures import Signature
from tfoptcmp.study.trial import TrialTask, trial_seeds
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, Splits, Workload

_TIMED_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What was measured.

    Attributes:
        trial_seconds: One feasible trial.
        setup_seconds: The time that a study spends once, to build and trace the model.
    """

    trial_seconds: float
    setup_seconds: float


def estimate(
    workload: Workload,
    budget: Budget,
    splits: Splits,
    signature: Signature,
    options: Options,
    strategy: tf.distribute.Strategy | None,
) -> Estimate:
    """Measures a short trial: a measurement, steps, and another measurement."""
    begin = time.perf_counter()
    short = replace(budget, steps=2 * _TIMED_STEPS, eval_every_steps=_TIMED_STEPS)
    trainer = Trainer(
        workload=workload,
        budget=short,
        splits=splits,
        signature=signature,
        options=options,
        strategy=strategy,
        clock=CLOCK,
    )
    # The low end of every range: small rates, which do not diverge.
    values = signature.space.values((0.0,) * signature.space.num_dims)
    task = TrialTask(
        index=0,
        values=values,
        arguments=signature.space.derive(values, budget_steps=short.steps),
        seeds=trial_seeds(0, 0),
    )
    times: list[float] = []
    trainer.run(task, lambda _: times.append(time.perf_counter()))
    interval = times[1] - times[0]
    start = time.perf_counter()
    trainer.evaluate()
    measurement = time.perf_counter() - start
    step = max(0.0, interval - measurement) / _TIMED_STEPS
    num_measurements = -(-budget.steps // budget.eval_every_steps)
    first_part = _TIMED_STEPS * step + measurement
    return Estimate(
        trial_seconds=budget.steps * step + num_measurements * measurement,
        setup_seconds=max(0.0, times[0] - begin - first_part),
    )
