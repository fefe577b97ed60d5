"""The optimizer for a trial's arguments: built once, set anew for every trial.

The arguments are those of `SearchSpace.derive`: `learning_rate` is the initial rate, `decay_steps`
and `decay_factor` belong to the schedule, the rest to the update rule.
"""

from collections.abc import Mapping
from typing import Any

import keras

from tfoptcmp.schedules import BiasCorrected, Constant, LinearDecay, StepDecay
from tfoptcmp.signatures import Signature


def build_optimizer(signature: Signature, arguments: Mapping[str, float]) -> keras.Optimizer:
    """Builds the Keras optimizer of a signature with the hyperparameters of one trial."""
    schedule: keras.optimizers.schedules.LearningRateSchedule = _schedule(signature, arguments)
    if signature.bias_corrected:
        schedule = BiasCorrected(schedule, beta_1=arguments["beta_1"], beta_2=arguments["beta_2"])
    rule_arguments: dict[str, Any] = {
        name: arguments[name] for name in signature.rule.hyperparameters[1:]
    }
    rule_arguments |= signature.rule.constants
    optimizer = signature.rule.optimizer_class()(learning_rate=schedule, **rule_arguments)
    if optimizer.gradient_accumulation_steps:
        raise ValueError(
            f"{signature.rule.optimizer} must update at every step; got "
            f"gradient_accumulation_steps = {optimizer.gradient_accumulation_steps}"
        )
    return optimizer


def set_hyperparameters(
    optimizer: keras.Optimizer, signature: Signature, arguments: Mapping[str, float]
) -> None:
    """Gives an optimizer that `build_optimizer` made the hyperparameters of another trial."""
    schedule = optimizer._learning_rate  # `learning_rate` would be its value at this step
    if signature.bias_corrected:
        schedule.beta_1, schedule.beta_2 = arguments["beta_1"], arguments["beta_2"]
        schedule = schedule.schedule
    for name, value in _schedule_arguments(signature, arguments).items():
        setattr(schedule, name, value)
    for name in signature.rule.hyperparameters[1:]:
        setattr(optimizer, name, arguments[name])


_SCHEDULES = {"constant": Constant, "linear_decay": LinearDecay, "step_decay": StepDecay}


def _schedule(
    signature: Signature, arguments: Mapping[str, float]
) -> keras.optimizers.schedules.LearningRateSchedule:
    return _SCHEDULES[signature.schedule](**_schedule_arguments(signature, arguments))


def _schedule_arguments(signature: Signature, arguments: Mapping[str, float]) -> dict[str, float]:
    given = {"learning_rate": arguments["learning_rate"]}
    if signature.schedule == "linear_decay":
        given |= {name: arguments[name] for name in ("decay_steps", "decay_factor")}
    if signature.schedule == "step_decay":
        given |= {"every_steps": arguments["decay_steps"], "factor": arguments["decay_factor"]}
    return given
