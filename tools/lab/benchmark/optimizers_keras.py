"""Updates by our optimizers and by Keras's own, in compiled loops."""

import functools
import math
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from tfoptcmp import optimizers
from tfoptcmp.optimizers.compiled import compiled_update
from tfoptcmp.training import runtime
from tools.lab.benchmark.order_of_rounds import Turns
from tools.lab.benchmark.repeats import measure_all
from tools.lab.benchmark.shapes import Shape, shapes

_RATE = 1e-4

_OURS: Mapping[str, Callable[[], keras.Optimizer]] = {
    "sgd": lambda: optimizers.SGD(_RATE),
    "momentum": lambda: optimizers.Momentum(_RATE, momentum=0.9),
    "nesterov": lambda: optimizers.Nesterov(_RATE, momentum=0.9),
    "rmsprop": lambda: optimizers.RMSProp(_RATE, momentum=0.9),
    "adam": lambda: optimizers.Adam(_RATE),
    "nadam": lambda: optimizers.NAdam(_RATE),
}
_STOCK: Mapping[str, Callable[[], keras.Optimizer]] = {
    "sgd": lambda: keras.optimizers.SGD(_RATE),
    "momentum": lambda: keras.optimizers.SGD(_RATE, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(_RATE, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(_RATE, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(_RATE),
    "nadam": lambda: keras.optimizers.Nadam(_RATE),
}


def ours(turns: Turns, *, size: str, threads: int) -> None:
    """Measures seconds an update by our rules."""
    runtime.configure(threads)
    _measure(turns, _OURS, shapes(size))


def stock(turns: Turns, *, size: str, threads: int) -> None:
    """Measures seconds an update by Keras's rules, in the same TensorFlow."""
    runtime.configure(threads)
    _measure(turns, _STOCK, shapes(size))


def _measure(
    turns: Turns, make: Mapping[str, Callable[[], keras.Optimizer]], found: list[Shape]
) -> None:
    # Variables, so that the loop's constant parts cannot be computed once and for all.
    generator = np.random.default_rng(0)
    gradients = [
        tf.Variable(1e-3 * generator.standard_normal(shape, np.float32), trainable=False)
        for shape in found
    ]
    measure_all(
        turns,
        lambda rule: _updates(make[rule](), gradients),
        {"parameters": sum(map(math.prod, found))},
    )


def _updates(optimizer: keras.Optimizer, gradients: list[tf.Variable]) -> Callable[[int], None]:
    variables = [keras.Variable(100.0 * gradient.numpy()) for gradient in gradients]
    optimizer.build(variables)
    if isinstance(optimizer, optimizers.UpdateRule):  # as in our training step
        apply = compiled_update(optimizer, variables)
    else:
        apply = functools.partial(optimizer.apply, trainable_variables=variables)

    @tf.function
    def loop(num_updates: tf.Tensor) -> None:
        for _ in tf.range(num_updates):
            apply([gradient.read_value() for gradient in gradients])

    def update(num_updates: int) -> None:
        loop(tf.constant(num_updates))
        variables[0].numpy()  # waits

    return update
