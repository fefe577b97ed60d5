"""Stochastic gradient descent."""

from typing import Any

import keras

from tfoptcmp.optimizers.base import UpdateRule, cast_all


@keras.saving.register_keras_serializable(package="tfoptcmp")
class SGD(UpdateRule):
    """SGD of Choi et al. (2019), Table 1.

        theta <- theta - eta_t g

    Equals Keras's, PyTorch's and optax's `SGD` without momentum. It has no momentum argument: with
    one it is another rule, `Momentum`.

    Args:
        learning_rate: eta_t; a number in [0, inf) or a schedule.
        **kwargs: See `UpdateRule`.
    """

    def __init__(self, learning_rate: Any = 0.01, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One update of one variable."""
        g, eta = cast_all(variable.dtype, gradient, learning_rate)
        self.assign_sub(variable, eta * g)
