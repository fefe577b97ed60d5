"""Heavy-ball momentum, in both of its usual forms."""

from collections.abc import Sequence
from typing import Any

import keras

from tfoptcmp.hyperparameter_variables import NON_NEGATIVE, NumberOrSchedule
from tfoptcmp.optimizers.base import UpdateRule, cast_all

FORMULATIONS = ("accumulator", "polyak")


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Momentum(UpdateRule):
    """MOMENTUM of Choi et al. (2019): Table 1 ("accumulator") and section 3 ("polyak").

    v_0 = 0 and

        "accumulator":  v <- gamma v + g          theta <- theta - eta_t v
        "polyak":       v <- gamma v + eta_t g    theta <- theta - v

    In the second form v = theta_{t-1} - theta_t, so it reads
    theta_{t+1} = theta_t - eta_t g + gamma (theta_t - theta_{t-1}). Both are the same at a constant
    rate. Under a schedule they are not, because a lower rate slows the first at once and the second
    only as old gradients fade; "polyak" with gamma_t = gamma eta_t / eta_{t-1}
    (`tfoptcmp.schedules.RateRatio`) is "accumulator" again.

    "accumulator" is PyTorch's and optax's `SGD` and TensorFlow's `ResourceApplyMomentum`; "polyak"
    is Keras's `SGD(momentum=)`.

    Contains SGD: at gamma = 0, v = g (or eta_t g) and theta <- theta - eta_t g. Exact.

    Args:
        learning_rate: eta_t; a number in [0, inf) or a schedule.
        momentum: gamma; a number in [0, inf) or a schedule.
        formulation: "accumulator" or "polyak".
        **kwargs: See `UpdateRule`.
    """

    momentum = NumberOrSchedule(NON_NEGATIVE)

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: Any = 0.9,
        formulation: str = "accumulator",
        **kwargs: Any,
    ) -> None:
        if formulation not in FORMULATIONS:
            raise ValueError(f"formulation must be one of {FORMULATIONS}; got {formulation!r}")
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum
        self.formulation = formulation

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
        if self.formulation == "accumulator":
            self.assign(v, gamma * v + g)
            self.assign_sub(variable, eta * v)
        else:
            self.assign(v, gamma * v + eta * g)
            self.assign_sub(variable, v)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "formulation": self.formulation}
