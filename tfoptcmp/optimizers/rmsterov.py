"""RMSterov: RMSProp with Nesterov's momentum."""

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
from tfoptcmp.optimizers.momentum import FORMULATIONS


@keras.saving.register_keras_serializable(package="tfoptcmp")
class RMSterov(UpdateRule):
    """RMSTEROV of the first version of Choi et al. (2019), reconstructed from memory: "polyak".

    v_0 = 1 (not 0), m_0 = 0, v <- rho v + (1 - rho) g^2, and with the new v

        "polyak":       m <- gamma m + eta_t g / sqrt(v + eps)
                        theta <- theta - (gamma m + eta_t g / sqrt(v + eps))
        "accumulator":  m <- gamma m + g / sqrt(v + eps)
                        theta <- theta - eta_t (gamma m + g / sqrt(v + eps))

    in both with the new m. Both are the same at a constant rate, as those of `Momentum` are; the
    second is ours. optax's `rmsprop(initial_scale=1.0, momentum=, nesterov=True)` is the first.

    "accumulator" contains Nesterov, in the limit eps -> inf, at the rate eta_t sqrt(eps) and the
    same gamma: eta_t sqrt(eps) / sqrt(v + eps) = eta_t (1 + v / eps)^(-1/2) -> eta_t with an error
    of O(v / eps), whatever rho. "polyak" does so at a constant rate only. Under a schedule its m
    would have to decay by gamma eta_t / eta_{t-1} (as RMSProp's, to contain Momentum) and its last
    line to keep gamma, but it has one gamma_t for both. Either contains SGD, at gamma = 0.

    Args:
        learning_rate: eta_t; a number in [0, inf) or a schedule.
        momentum: gamma; a number in [0, inf) or a schedule.
        rho: In [0, 1).
        epsilon: In [0, inf); inside the root, so in the unit of g^2.
        formulation: "polyak" or "accumulator".
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
        formulation: str = "polyak",
        **kwargs: Any,
    ) -> None:
        if formulation not in FORMULATIONS:
            raise ValueError(f"formulation must be one of {FORMULATIONS}; got {formulation!r}")
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum
        self.rho = rho
        self.epsilon = epsilon
        self.formulation = formulation

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
        normalised = g / ops.sqrt(v + epsilon)
        if self.formulation == "polyak":
            step = eta * normalised
            self.assign(m, gamma * m + step)
            self.assign_sub(variable, gamma * m + step)
        else:
            self.assign(m, gamma * m + normalised)
            self.assign_sub(variable, eta * (gamma * m + normalised))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "formulation": self.formulation}
