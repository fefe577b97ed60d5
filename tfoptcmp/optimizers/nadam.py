"""NAdam: Adam with Nesterov's momentum."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfoptcmp.hyperparameter_variables import NON_NEGATIVE, DecayRate, HyperparameterVariable
from tfoptcmp.optimizers.base import UpdateRule, cast_all, decayed
from tfoptcmp.schedules import bias_correction


@keras.saving.register_keras_serializable(package="tfoptcmp")
class NAdam(UpdateRule):
    """NADAM of Choi et al. (2019), Table 1.

    m_0 = v_0 = 0 and, at the update t = 0, 1, 2, ...

        m <- beta_1 m + (1 - beta_1) g
        v <- beta_2 v + (1 - beta_2) g^2
        b = sqrt(1 - beta_2^(t+1)) / (1 - beta_1^(t+1))
        theta <- theta - alpha_t b (beta_1 m + (1 - beta_1) g) / (sqrt(v) + eps)      with the new m

    Equals TensorFlow's `ResourceApplyAdam(use_nesterov=True)`. Keras's `Nadam` and PyTorch's
    `NAdam` carry Dozat's schedule of beta_1, with 0.96^t in it, and optax's `nadam` corrects m and
    g by different powers of beta_1: other rules.

    Contains Nesterov, in the limit eps -> inf, by the map under which `Adam` contains Momentum:
    there m = (1 - beta_1) v' with Nesterov's accumulator v', so that
    beta_1 m + (1 - beta_1) g = (1 - beta_1) (gamma v' + g), and the rate takes 1 - beta_1, b and
    eps back. It contains SGD through Nesterov.

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
        look_ahead = decayed(m, g, one_minus_beta_1)
        self.assign_sub(variable, rate * look_ahead / (ops.sqrt(v) + epsilon))
