"""What a trial of ours is in stock Keras: layers and optimizer."""

from collections.abc import Callable, Mapping
from typing import Any

import keras


def stock_optimizer(rule: str, arguments: Mapping[str, float]) -> keras.Optimizer:
    """Returns Keras's own optimizer with the hyperparameters of one of our trials."""
    rate = keras.optimizers.schedules.PolynomialDecay(
        arguments["learning_rate"],
        int(arguments["decay_steps"]),
        arguments["learning_rate"] * arguments["decay_factor"],
    )
    return _OPTIMIZERS[rule](rate, arguments)


def with_keras_layers(network: keras.Model, arguments: Mapping[str, float]) -> keras.Model:
    """Returns a network with Keras's layers in the place of ours.

    Args:
        network: Of a workload.
        arguments: Of a trial; with its "l2" the kernels are regularised, as in the trial.
    """

    def layer(ours: keras.Layer) -> keras.Layer:
        theirs: Any = next(t for t in type(ours).__mro__ if t.__module__.startswith("keras."))
        if theirs is keras.layers.Layer:  # Keras has none
            theirs = type(ours)
        made = theirs.from_config(ours.get_config())
        if "l2" in arguments and hasattr(made, "kernel_regularizer"):
            made.kernel_regularizer = keras.regularizers.L2(arguments["l2"] / 2)
        return made

    return keras.models.clone_model(network, clone_function=layer)


_OPTIMIZERS: dict[str, Callable[[Any, Mapping[str, float]], keras.Optimizer]] = {
    "momentum": lambda rate, given: keras.optimizers.SGD(rate, momentum=given["momentum"]),
    "adam": lambda rate, given: keras.optimizers.Adam(
        rate, **{name: given[name] for name in ("beta_1", "beta_2", "epsilon")}
    ),
}
