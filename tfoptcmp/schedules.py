"""Schedules: learning rates (and momenta) as functions of the step.

`schedule(t)` is the rate of the update t = 0, 1, 2, ... Keras calls a schedule with `iterations`
*before* it counts the update, so the first update uses t = 0. (With `gradient_accumulation_steps`
Keras's t counts micro-batches; BiasCorrected and RateRatio then no longer match the rules.)

Parameters are properties that can be set between trials without a retrace, see
`tfoptcmp.hyperparameter_variables`. A learning rate and a momentum may share one schedule object;
a `.keras` file keeps that, `get_config` and `from_config` give each its own copy.
"""

from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from tfoptcmp.hyperparameter_variables import (
    NON_NEGATIVE,
    UNIT_INTERVAL,
    DecayRate,
    HyperparameterVariable,
    WholeNumber,
    hyperparameter_variables,
)


def bias_correction(
    step: Any, one_minus_beta_1: keras.Variable, one_minus_beta_2: keras.Variable
) -> Any:
    """b_{t+1} = sqrt(1 - beta_2^(t+1)) / (1 - beta_1^(t+1)), Adam's bias correction at update t.

    Formed from 1 - beta, so that float32 keeps its digits where beta^(t+1) is near 1. beta = 0 is
    right too: log1p(-1) = -inf, expm1(-inf) = -1.

    Args:
        step: t = 0, 1, 2, ...; scalar integer.
        one_minus_beta_1: In (0, 1].
        one_minus_beta_2: In (0, 1].
    """
    num_updates = _tensor(ops.add(step, 1))
    one_minus_power_1 = -ops.expm1(num_updates * ops.log1p(-_tensor(one_minus_beta_1)))
    one_minus_power_2 = -ops.expm1(num_updates * ops.log1p(-_tensor(one_minus_beta_2)))
    return ops.sqrt(one_minus_power_2) / one_minus_power_1


class _Schedule(LearningRateSchedule):
    """What the schedules share: their variables and their configuration."""

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables behind the parameters, for the optimizer to track."""
        return [
            parameter.variable(self) for parameter in hyperparameter_variables(type(self)).values()
        ]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {name: getattr(self, name) for name in hyperparameter_variables(type(self))}


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Constant(_Schedule):
    """eta_t = eta_0.

    Args:
        learning_rate: eta_0 in [0, inf).
    """

    learning_rate = HyperparameterVariable(NON_NEGATIVE)

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    def __call__(self, step: Any) -> Any:
        """Returns eta_t; `step` is ignored."""
        return _tensor(self._learning_rate)


@keras.saving.register_keras_serializable(package="tfoptcmp")
class LinearDecay(_Schedule):
    """Linear from eta_0 at t = 0 to f eta_0 at t = T, constant afterwards.

    Shallue et al. (2019), "Measuring the Effects of Data Parallelism on Neural Network Training".

    Args:
        learning_rate: eta_0 in [0, inf).
        decay_steps: T, a whole number of steps >= 1.
        decay_factor: f in [0, 1].
    """

    learning_rate = HyperparameterVariable(NON_NEGATIVE)
    decay_steps = WholeNumber()
    decay_factor = HyperparameterVariable(UNIT_INTERVAL)

    def __init__(self, learning_rate: float, decay_steps: int, decay_factor: float) -> None:
        self.learning_rate = learning_rate
        self.decay_steps = decay_steps
        self.decay_factor = decay_factor

    def __call__(self, step: Any) -> Any:
        """Returns eta_t at t = `step`."""
        # Whole numbers until the division, and a sum of terms >= 0: no digits cancel near t = T,
        # where 1 - (1 - f) t / T would leave three of seven for f = 1e-4.
        decay_steps = ops.convert_to_tensor(self._decay_steps)
        left = ops.maximum(decay_steps - ops.cast(step, decay_steps.dtype), 0)
        left = _tensor(left) / _tensor(decay_steps)
        return self._learning_rate * (left + self._decay_factor * (1.0 - left))


@keras.saving.register_keras_serializable(package="tfoptcmp")
class StepDecay(_Schedule):
    """eta_t = eta_0 f^floor(t / S).

    Wilson et al. (2017) halve the rate every 25 epochs.

    Args:
        learning_rate: eta_0 in [0, inf).
        factor: f in [0, 1].
        every_steps: S, a whole number of steps >= 1.
    """

    learning_rate = HyperparameterVariable(NON_NEGATIVE)
    factor = HyperparameterVariable(UNIT_INTERVAL)
    every_steps = WholeNumber()

    def __init__(self, learning_rate: float, factor: float = 0.5, *, every_steps: int) -> None:
        self.learning_rate = learning_rate
        self.factor = factor
        self.every_steps = every_steps

    def __call__(self, step: Any) -> Any:
        """Returns eta_t at t = `step`."""
        every_steps = ops.convert_to_tensor(self._every_steps)
        num_decays = ops.floor_divide(ops.cast(step, every_steps.dtype), every_steps)
        return self._learning_rate * ops.power(_tensor(self._factor), _tensor(num_decays))


class _Wrapper(_Schedule):
    """A schedule made from another Keras schedule, `schedule`."""

    schedule: LearningRateSchedule

    def __init__(self, schedule: LearningRateSchedule) -> None:
        if not isinstance(schedule, LearningRateSchedule):
            raise ValueError(f"schedule must be a LearningRateSchedule; got {schedule!r}")
        self.schedule = schedule

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables behind the parameters, the inner schedule's included."""
        return super().variables + list(getattr(self.schedule, "variables", ()))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, **super().get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "_Wrapper":
        """Builds the schedule that `get_config` described."""
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(**{**config, "schedule": schedule})


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Scaled(_Wrapper):
    """c eta_t: RMSProp imitates Momentum at c = sqrt(eps), Adam at c = eps / (1 - beta_1).

    Args:
        schedule: eta_t.
        factor: c in [0, inf).
    """

    factor = HyperparameterVariable(NON_NEGATIVE)

    def __init__(self, schedule: LearningRateSchedule, factor: float) -> None:
        super().__init__(schedule)
        self.factor = factor

    def __call__(self, step: Any) -> Any:
        """Returns c eta_t at t = `step`."""
        return self._factor * _tensor(self.schedule(step))


@keras.saving.register_keras_serializable(package="tfoptcmp")
class BiasCorrected(_Wrapper):
    """eta_t / b_{t+1}, which undoes Adam's and NAdam's bias correction.

    With it Adam imitates Momentum, and NAdam Nesterov, at every step (`tfoptcmp.inclusions`);
    b is `bias_correction`. The betas must be the optimizer's own.

    Args:
        schedule: eta_t, any Keras schedule.
        beta_1: In [0, 1).
        beta_2: In [0, 1).
    """

    beta_1 = DecayRate()
    beta_2 = DecayRate()

    def __init__(self, schedule: LearningRateSchedule, *, beta_1: float, beta_2: float) -> None:
        super().__init__(schedule)
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def __call__(self, step: Any) -> Any:
        """Returns eta_t / b_{t+1} at t = `step`."""
        b = bias_correction(step, self._one_minus_beta_1, self._one_minus_beta_2)
        return _tensor(self.schedule(step)) / b


@keras.saving.register_keras_serializable(package="tfoptcmp")
class RateRatio(_Wrapper):
    """gamma_t = gamma eta_t / eta_{t-1}: a momentum that follows the learning rate.

    With it a rule that keeps the rate inside the velocity (RMSProp, Momentum's "polyak" form)
    imitates one that keeps it outside (Momentum's "accumulator" form). At t = 0 it is gamma, where
    any number would do: the velocity is 0. After a rate of 0 it is 0.

    Args:
        schedule: eta_t.
        factor: gamma in [0, inf).
    """

    factor = HyperparameterVariable(NON_NEGATIVE)

    def __init__(self, schedule: LearningRateSchedule, factor: float) -> None:
        super().__init__(schedule)
        self.factor = factor

    def __call__(self, step: Any) -> Any:
        """Returns gamma_t at t = `step`."""
        rate = _tensor(self.schedule(step))
        previous_rate = _tensor(self.schedule(ops.maximum(step - 1, 0)))
        return self._factor * ops.divide_no_nan(rate, previous_rate)


def _tensor(value: Any) -> Any:
    """As a tensor in floatx; `ops.cast` would take a Python float through float32."""
    return ops.convert_to_tensor(value, dtype=keras.backend.floatx())
