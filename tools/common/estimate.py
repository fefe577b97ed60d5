"""How long a trial takes, measured on a few steps."""

import time
from dataclasses import dataclass, replace

import tensorflow as tf
from tfoptcmp.tools.common.cli import UserError
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
    """Measures a short trial: a first measurement, steps, and the last measurement."""
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
    if len(times) < 2:
        raise UserError(
            f"no trial can be timed: {signature.rule.title} diverges within {short.steps} steps at "
            f"the low end of its ranges on {workload.name}"
        )
    interval = times[1] - times[0]
    last, validation = (_seconds_to_evaluate(trainer, names) for names in (None, ["validation"]))
    first = last if options.measure_all else validation
    step = max(0.0, interval - last) / _TIMED_STEPS
    num_before_last = -(-budget.steps // budget.eval_every_steps) - 1
    return Estimate(
        trial_seconds=budget.steps * step + num_before_last * first + last,
        setup_seconds=max(0.0, times[0] - begin - _TIMED_STEPS * step - first),
    )


def _seconds_to_evaluate(trainer: Trainer, names: list[str] | None) -> float:
    start = time.perf_counter()
    trainer.evaluate(names)
    return time.perf_counter() - start
