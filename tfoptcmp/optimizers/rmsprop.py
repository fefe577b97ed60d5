"""RMSProp with momentum."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfoptcmp.hyperparameter_variables import (
    NON_NEGATIVE,
    DecayRate,
    HyperparameterVariable,
    NumberOrSchedule,
)
from tfoptcmp.optimizers.base import UpdateRule, cast_all, decayed


@keras.saving.register_keras_serializable(package="tfoptcmp")
class RMSProp(UpdateRule):
    """RMSPROP of Choi et al. (2019), Table 1.

    v_0 = 1 (not 0), m_0 = 0 and

        v <- rho v + (1 - rho) g^2
        m <- gamma m + eta_t g / sqrt(v + eps)
        theta <- theta - m

    Equals TensorFlow's `ResourceApplyRMSProp` with `ms` starting at 1, and optax's
    `rmsprop(initial_scale=1.0)`. Keras's `RMSprop` starts v at 0, which makes its first steps
    1 / sqrt(1 - rho) times sign(g) eta_t, and has eps = 1e-7; PyTorch's starts v at 0, has eps
    outside of the root and the rate outside of m.

    Contains Momentum, in the limit eps -> inf, at the rate eta_t sqrt(eps): v stays bounded, so
    eta_t sqrt(eps) / sqrt(v + eps) = eta_t (1 + v / eps)^(-1/2) -> eta_t with an error of
    O(v / eps), whatever rho. What is left, m <- gamma m + eta_t g, is Momentum's "polyak" form at
    the same gamma, and its "accumulator" form at gamma_t = gamma eta_t / eta_{t-1}
    (`tfoptcmp.schedules.RateRatio`). It contains SGD through Momentum.

    Args:
        learning_rate: eta_t; a number in [0, inf) or a schedule.
        momentum: gamma; a number in [0, inf) or a schedule.
        rho: In [0, 1).
        epsilon: In [0, inf); inside the root, so in the unit of g^2.
        **kwargs: See `UpdateRule`, and its warning on weight_decay.
    """

    momentum = NumberOrSchedule(NON_NEGATIVE)
    rho = DecayRate()
    epsilon = HyperparameterVariable(NON_NEGATIVE)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        momentum: Any = 0.0,
        rho: float = 0.9,
        epsilon: float = 1e-10,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum
        self.rho = rho
        self.epsilon = epsilon

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Creates v = 1 and m = 0 for each variable."""
        if self.built:
            return
        super().build(variables)
        self._squares = self.add_optimizer_variables(variables, "mean_square", "ones")
        self._momenta = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of one variable."""
        g, eta, gamma, one_minus_rho, epsilon = cast_all(
            variable.dtype,
            gradient,
            learning_rate,
            self._at_this_step(self._momentum),
            self._one_minus_rho,
            self._epsilon,
        )
        index = self._get_variable_index(variable)
        v, m = self._squares[index], self._momenta[index]
        self.assign(v, decayed(v, g * g, one_minus_rho))
        self.assign(m, gamma * m + eta * g / ops.sqrt(v + epsilon))
        self.assign_sub(variable, m)
