"""Adam."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfoptcmp.hyperparameter_variables import NON_NEGATIVE, DecayRate, HyperparameterVariable
from tfoptcmp.optimizers.base import UpdateRule, cast_all, decayed
from tfoptcmp.schedules import bias_correction


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Adam(UpdateRule):
    """ADAM of Choi et al. (2019), Table 1.

    m_0 = v_0 = 0 and, at the update t = 0, 1, 2, ...

        m <- beta_1 m + (1 - beta_1) g
        v <- beta_2 v + (1 - beta_2) g^2
        b = sqrt(1 - beta_2^(t+1)) / (1 - beta_1^(t+1))
        theta <- theta - alpha_t b m / (sqrt(v) + eps)

    Equals TensorFlow's `ResourceApplyAdam` and Keras's `Adam` except for the default of eps, 1e-7
    there. eps is Kingma and Ba's "epsilon hat", of the form before their section 2.1; PyTorch's and
    optax's `Adam` add eps after correcting v, so that at update t theirs corresponds to eps sqrt(1
    - beta_2^(t+1)) here.

    Contains Momentum, in the limit eps -> inf, at beta_1 = gamma < 1 and
    alpha_t = eta_t eps / ((1 - beta_1) b): the rate's b takes Adam's back,
    eps / (sqrt(v) + eps) -> 1 with an error of O(sqrt(v) / eps), whatever beta_2, and m is
    (1 - beta_1) times Momentum's accumulator. The rate is
    `BiasCorrected(Scaled(eta, eps / (1 - beta_1)), beta_1=, beta_2=)` of `tfoptcmp.schedules`; with
    the plain rate Adam imitates it only once b is near 1. It contains SGD through Momentum.

    Args:
        learning_rate: alpha_t; a number in [0, inf) or a schedule.
        beta_1: In [0, 1).
        beta_2: In [0, 1).
        epsilon: In [0, inf); outside of the root, so in the unit of g.
        **kwargs: See `UpdateRule`, and its warning on weight_decay.
    """

    beta_1 = DecayRate()
    beta_2 = DecayRate()
    epsilon = HyperparameterVariable(NON_NEGATIVE)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Creates m = v = 0 for each variable."""
        if self.built:
            return
        super().build(variables)
        self._means, self._squares = self.add_optimizer_variables(
            variables, ["mean", "mean_square"]
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of one variable."""
        b = bias_correction(self.iterations, self._one_minus_beta_1, self._one_minus_beta_2)
        g, rate, one_minus_beta_1, one_minus_beta_2, epsilon = cast_all(
            variable.dtype,
            gradient,
            learning_rate * b,
            self._one_minus_beta_1,
            self._one_minus_beta_2,
            self._epsilon,
        )
        index = self._get_variable_index(variable)
        m, v = self._means[index], self._squares[index]
        self.assign(m, decayed(m, g, one_minus_beta_1))
        self.assign(v, decayed(v, g * g, one_minus_beta_2))
        self.assign_sub(variable, rate * m / (ops.sqrt(v) + epsilon))
