"""Nesterov's accelerated gradient, with the gradient at the current point."""

from collections.abc import Sequence
from typing import Any

import keras

from tfoptcmp.hyperparameter_variables import NON_NEGATIVE, NumberOrSchedule
from tfoptcmp.optimizers.base import UpdateRule, cast_all


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Nesterov(UpdateRule):
    """NESTEROV of Choi et al. (2019), Table 1.

    v_0 = 0 and

        v <- gamma v + g
        theta <- theta - eta_t (gamma v + g)        with the new v

    Equals PyTorch's and optax's `SGD(nesterov=True)` and TensorFlow's
    `ResourceApplyMomentum(use_nesterov=True)`. Keras's `SGD(nesterov=True)` keeps the rate inside
    the velocity: the same at a constant rate, another rule under a schedule.

    Contains SGD: at gamma = 0, theta <- theta - eta_t g. Exact.

    Args:
        learning_rate: eta_t; a number in [0, inf) or a schedule.
        momentum: gamma; a number in [0, inf) or a schedule.
        **kwargs: See `UpdateRule`.
    """

    momentum = NumberOrSchedule(NON_NEGATIVE)

    def __init__(self, learning_rate: Any = 0.01, momentum: Any = 0.9, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Creates one velocity per variable."""
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of one variable."""
        g, eta, gamma = cast_all(
            variable.dtype, gradient, learning_rate, self._at_this_step(self._momentum)
        )
        v = self._velocities[self._get_variable_index(variable)]
        self.assign(v, gamma * v + g)
        self.assign_sub(variable, eta * (gamma * v + g))
