"""What the update rules share: everything except the formula.

A rule is a Keras optimizer whose hyperparameters are `tfoptcmp.hyperparameter_variables`, so that
one built and traced model serves many trials: set the hyperparameters, `reset()`, train.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfoptcmp.hyperparameter_variables import checked, hyperparameter_variables, unrounded

LearningRateSchedule = keras.optimizers.schedules.LearningRateSchedule


class UpdateRule(keras.Optimizer):
    """A Keras optimizer with checked hyperparameters, dense gradients and `reset()`.

    Args:
        learning_rate: A number in [0, inf), a schedule, or a function of no arguments. It stays a
            number or a schedule: a traced step that reads a variable would not notice a schedule.
        **kwargs: What `keras.optimizers.Optimizer` takes: weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name.

    `weight_decay` is Keras's: before the update, every weight loses learning_rate * weight_decay of
    itself. **Beware of it at a large epsilon**: there the rate of Adam, NAdam and RMSProp is large
    too (it has the unit of epsilon, or of its square root), and the decay wipes the weights out. To
    compare rules, regularise the loss instead.
    """

    def __init__(self, learning_rate: Any, **kwargs: Any) -> None:
        if not callable(learning_rate):
            learning_rate = checked("learning_rate", learning_rate)
        super().__init__(learning_rate=learning_rate, **kwargs)
        self._given_learning_rate = learning_rate
        self._slots: list[tuple[keras.Variable, Any]] = []  # with their initializers

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update: a variable, or the schedule's value at `iterations`."""
        return self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        if callable(learning_rate) or not isinstance(self._learning_rate, keras.Variable):
            raise ValueError(
                "learning_rate must stay a number or a schedule, as it was created (change "
                f"a schedule by its properties); got {learning_rate!r}"
            )
        if not ops.is_tensor(learning_rate):
            learning_rate = checked("learning_rate", learning_rate)
            self._given_learning_rate = learning_rate
        self._learning_rate.assign(learning_rate)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # The parameters of schedules are state of the step as much as a learning rate is: where
        # steps are pure functions (JAX), an untracked variable would be a constant.
        if isinstance(value, LearningRateSchedule):
            for variable in getattr(value, "variables", ()):
                self._tracker.track(variable)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Creates the state.

        Raises:
            ValueError: If a variable is float16, in which epsilon rounds to 0: the first update of
                a weight without gradient would be 0 / 0.
        """
        super().build(variables)
        epsilon = vars(self).get("epsilon", 0.0)  # as given: this may be traced
        is_half = any(variable.dtype == "float16" for variable in variables)
        if is_half and epsilon and not np.float16(epsilon):
            raise ValueError(
                f"epsilon must not round to 0 in float16; got {epsilon!r}. Give a larger one, or "
                "keep the variables in float32 (dtype policy mixed_float16)"
            )

    def add_variable(
        self, shape: Sequence[int], initializer: Any = "zeros", **kwargs: Any
    ) -> keras.Variable:
        """As in Keras; `reset` gives the variable its initial value again."""
        initializer = keras.initializers.get(initializer)
        variable = super().add_variable(shape, initializer=initializer, **kwargs)
        self._slots.append((variable, initializer))
        return variable

    def reset(self) -> None:
        """Forgets the training: step 0 and initial state; hyperparameters stay.

        The state is the rule's own and, if enabled, weight averages and accumulated gradients.
        """
        self._iterations.assign(0)
        for variable, initializer in self._slots:
            variable.assign(initializer(variable.shape, dtype=variable.dtype))

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """As in Keras, with sparse gradients made dense first.

        A rule with momentum changes every row at every step, whether or not the batch contains it.
        """
        variables = self._trainable_variables
        if trainable_variables is not None:
            variables = trainable_variables = list(trainable_variables)
        if len(grads) == len(variables):  # Keras decides about others, such as none at all
            grads = [_dense(*pair) for pair in zip(grads, variables, strict=True)]
        super().apply(grads, trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, numbers exactly as they were given."""
        config = super().get_config()
        if isinstance(self._learning_rate, keras.Variable):
            config["learning_rate"] = unrounded(self._given_learning_rate, self._learning_rate)
        for name in hyperparameter_variables(type(self)):
            value = getattr(self, name)
            is_schedule = isinstance(value, LearningRateSchedule)
            config[name] = keras.optimizers.schedules.serialize(value) if is_schedule else value
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "UpdateRule":
        """Builds the optimizer that `get_config` described."""
        config = {
            name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
            if isinstance(value, dict)
            else value
            for name, value in config.items()
        }
        return cls(**config)

    def _at_this_step(self, value: Any) -> Any:
        """A number's variable, or a schedule at the same t as the learning rate's."""
        return value(self._iterations) if callable(value) else value


def cast_all(dtype: Any, *values: Any) -> list[Any]:
    """Returns the values as tensors of one dtype, a Python float without a detour by float32."""
    return [ops.convert_to_tensor(value, dtype) for value in values]


def decayed(mean: Any, value: Any, one_minus_beta: Any) -> Any:
    """Returns beta mean + (1 - beta) value, from 1 - beta alone.

    In this order of operations it keeps its digits near beta = 1, where float32 cannot hold beta,
    and at beta = 0, where mean + (value - mean) would lose those of a small value.
    """
    return (mean - mean * one_minus_beta) + value * one_minus_beta


def _dense(gradient: Any, variable: Any) -> Any:
    """Sums the rows of a `tf.IndexedSlices`, in which a row may come several times."""
    if not hasattr(gradient, "dense_shape"):
        return gradient
    return ops.segment_sum(gradient.values, gradient.indices, num_segments=variable.shape[0])
