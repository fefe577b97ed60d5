"""Hyperparameters that are Python numbers for the caller and variables in a compiled graph.

A Python number would be baked into the traced step, and every trial would trace anew. A
`HyperparameterVariable` keeps the number in a `keras.Variable` instead, so that

    optimizer.beta_1 = 0.95        # takes effect in the step that is already compiled
    optimizer.beta_1               # 0.95, a Python float

The variable has the dtype that `keras.backend.floatx()` had when it was created (whole numbers:
int) and is an attribute of the owner, where a Keras optimizer finds and tracks it.
"""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True, kw_only=True)
class Range:
    """Allowed values: a test and the words for the error message.

    Attributes:
        text: What is allowed, to follow "must be".
        contains: Whether a number is allowed. Not-a-number must fail it.
    """

    text: str
    contains: Callable[[float], bool]


NON_NEGATIVE = Range(text="a finite number in [0, inf)", contains=lambda x: 0 <= x < math.inf)
BELOW_ONE = Range(text="a number in [0, 1)", contains=lambda x: 0 <= x < 1)
UNIT_INTERVAL = Range(text="a number in [0, 1]", contains=lambda x: 0 <= x <= 1)


def checked(name: str, value: Any, allowed: Range = NON_NEGATIVE) -> float:
    """Returns `value` as a Python float.

    Raises:
        ValueError: If it is not a real number (a bool is not one) or not in the range.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if not (is_number and allowed.contains(float(value))):
        raise ValueError(f"{name} must be {allowed.text}; got {value!r}")
    return float(value)


def unrounded(given: float, variable: keras.Variable) -> float:
    """Returns `given` if `variable` holds its rounding, else the variable's own number."""
    stored = variable.numpy()
    return given if np.asarray(given).astype(stored.dtype) == stored else stored.item()


class HyperparameterVariable:
    """A descriptor: a validated number outside, a `keras.Variable` inside.

    In the class body `epsilon = HyperparameterVariable(NON_NEGATIVE)`; in `__init__`
    `self.epsilon = 1e-8` creates the variable `self._epsilon`, every later assignment sets it.
    Reading gives exactly the number that was set, not its rounding to the variable's dtype. If
    something else changed the variable (a checkpoint, say), reading gives the variable's value.
    """

    def __init__(self, allowed: Range) -> None:
        self.allowed = allowed

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.variable_name = f"_{name}"

    def __set__(self, instance: Any, value: Any) -> None:
        value = self.check(value)
        if hasattr(instance, self.variable_name):
            self.variable(instance).assign(self.encode(value))
        else:
            variable = keras.Variable(
                self.encode(value),
                dtype=self.dtype(),
                trainable=False,
                name=self.variable_name.lstrip("_"),
                aggregation="only_first_replica",
            )
            setattr(instance, self.variable_name, variable)
        vars(instance)[self.name] = value

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if self.name not in vars(instance):
            raise AttributeError(self.name)
        given = vars(instance)[self.name]
        encoded = self.encode(given)
        stored = unrounded(encoded, self.variable(instance))
        return given if stored == encoded else self.encode(stored)

    def variable(self, instance: Any) -> keras.Variable:
        """The variable that holds `encode(value)`."""
        return getattr(instance, self.variable_name)

    def check(self, value: Any) -> float:
        """Returns the value as a Python number or raises ValueError."""
        return checked(self.name, value, self.allowed)

    def dtype(self) -> str:
        """The dtype of the variable."""
        return keras.backend.floatx()

    def encode(self, value: float) -> float:
        """What the variable holds instead of the value; its own inverse."""
        return value


class DecayRate(HyperparameterVariable):
    """A number in [0, 1) near 1, such as beta_2, of which the variable holds the complement.

    The complement is formed in float64. The float32 nearest to 0.9999 lies 1.7e-8 from it, which is
    1.7e-4 of 1 - 0.9999; the float32 nearest to 1e-4 is right to 6e-8 of it.
    """

    def __init__(self) -> None:
        super().__init__(BELOW_ONE)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.variable_name = f"_one_minus_{name}"

    def encode(self, value: float) -> float:
        """One minus the value."""
        return 1.0 - value


class WholeNumber(HyperparameterVariable):
    """A number of steps, at least 1."""

    def __init__(self) -> None:
        super().__init__(Range(text="a whole number >= 1", contains=lambda x: x >= 1))

    def check(self, value: Any) -> int:
        """Returns the value as a Python int or raises ValueError."""
        number = super().check(value)
        if not number.is_integer():
            raise ValueError(f"{self.name} must be {self.allowed.text}; got {value!r}")
        return int(number)

    def dtype(self) -> str:
        """Keras's integer, so that a whole number of steps is exact at any size."""
        return "int"


class NumberOrSchedule(HyperparameterVariable):
    """A number, or a function of the step: a `keras.optimizers.schedules.LearningRateSchedule`.

    It stays a number or a schedule: a traced step that reads a variable would not notice a
    schedule.
    """

    def __set__(self, instance: Any, value: Any) -> None:
        schedule = isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
        is_new = not hasattr(instance, self.variable_name)
        if schedule and is_new:
            setattr(instance, self.variable_name, value)
        elif schedule or not (is_new or self._is_number(instance)):
            raise ValueError(
                f"{self.name} must stay a number or a schedule, as it was created (change "
                f"a schedule by its properties); got {value!r}"
            )
        else:
            super().__set__(instance, value)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None or self._is_number(instance):
            return super().__get__(instance, owner)
        return getattr(instance, self.variable_name)

    def _is_number(self, instance: Any) -> bool:
        return isinstance(getattr(instance, self.variable_name), keras.Variable)


def hyperparameter_variables(owner: type) -> dict[str, HyperparameterVariable]:
    """Returns the hyperparameters of a class by name, those of its bases first."""
    return {
        name: value
        for base in reversed(owner.__mro__)
        for name, value in vars(base).items()
        if isinstance(value, HyperparameterVariable)
    }
