"""What stock Keras does in place of ours: layers, optimizers, a step of `fit`, an update."""

import functools
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.tools.lab.benchmark.networks import NETWORKS, Network, shapes
from tfoptcmp.tools.lab.benchmark.order_of_rounds import Turns, measure_all
from tfoptcmp.tools.lab.benchmark.steps_ours import budget_of, splits_of, task_of

from tfoptcmp import optimizers, workloads
from tfoptcmp.optimizers.compiled import compiled_update
from tfoptcmp.training import runtime


def stock(turns: Turns, *, network: str, rule: str, threads: int) -> None:
    """Trains endlessly, as many steps per turn as a block of ours; measures seconds per step."""
    runtime.configure(threads)
    spec = NETWORKS[network]
    splits, budget, task = splits_of(spec), budget_of(spec), task_of(rule, spec.l2)
    keras.utils.set_random_seed(0)
    model = with_keras_layers(
        workloads.get(spec.workload).build(budget, splits), task.arguments if spec.l2 else {}
    )
    model.compile(
        optimizer=stock_optimizer(rule, task.arguments),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(
        splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=budget.steps),
        steps_per_epoch=budget.steps,
        callbacks=[_TakeTurns(turns, spec)],
        verbose=0,
        shuffle=False,
    )


class _TakeTurns(keras.callbacks.Callback):
    """Pauses the training after this many steps until it is its turn again."""

    def __init__(self, turns: Turns, spec: Network) -> None:
        super().__init__()
        self._turns = turns
        self._parts = iter(turns)
        self._num_steps = spec.block_steps
        self._start = 0.0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each step."""
        if batch == 0:  # the first step, which was traced
            self._turns.ready({"parameters": self.model.count_params()})
        elif batch % self._num_steps:
            return
        else:
            self._turns.done((time.perf_counter() - self._start) / self._num_steps)
        self.model.stop_training = next(self._parts, None) is None
        self._start = time.perf_counter()


def stock_optimizer(rule: str, arguments: Mapping[str, float]) -> keras.Optimizer:
    """Returns Keras's own optimizer with the hyperparameters of one of our trials."""
    rate = keras.optimizers.schedules.PolynomialDecay(
        arguments["learning_rate"],
        int(arguments["decay_steps"]),
        arguments["learning_rate"] * arguments["decay_factor"],
    )
    return _OPTIMIZERS[rule](rate, arguments)


def with_keras_layers(network: keras.Model, arguments: Mapping[str, float]) -> keras.Model:
    """Returns a network with Keras's layers in place of ours.

    Args:
        network: Of a workload.
        arguments: Of a trial; with its "l2" the kernels are regularised, as in the trial.
    """

    def layer(ours: keras.Layer) -> keras.Layer:
        theirs: Any = next(t for t in type(ours).__mro__ if t.__module__.startswith("keras."))
        if theirs is keras.layers.Layer:  # Keras has none
            theirs = type(ours)
        config = ours.get_config()
        if theirs is keras.layers.BatchNormalization and config.pop("activation") == "relu":
            theirs = _RectifiedBatchNormalization
        made = theirs.from_config(config)
        if "l2" in arguments and hasattr(made, "kernel_regularizer"):
            made.kernel_regularizer = keras.regularizers.L2(arguments["l2"] / 2)
        return made

    return keras.models.clone_model(network, clone_function=layer)


class _RectifiedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer, with its ReLU after it."""

    def call(self, inputs: Any, **kwargs: Any) -> Any:
        return keras.ops.relu(super().call(inputs, **kwargs))


_OPTIMIZERS: dict[str, Callable[[Any, Mapping[str, float]], keras.Optimizer]] = {
    "momentum": lambda rate, given: keras.optimizers.SGD(rate, momentum=given["momentum"]),
    "adam": lambda rate, given: keras.optimizers.Adam(
        rate, **{name: given[name] for name in ("beta_1", "beta_2", "epsilon")}
    ),
}


_RATE = 1e-4

_RULES: Mapping[str, Mapping[str, Callable[[], keras.Optimizer]]] = {
    "ours": {
        "sgd": lambda: optimizers.SGD(_RATE),
        "momentum": lambda: optimizers.Momentum(_RATE, momentum=0.9),
        "nesterov": lambda: optimizers.Nesterov(_RATE, momentum=0.9),
        "rmsprop": lambda: optimizers.RMSProp(_RATE, momentum=0.9),
        "adam": lambda: optimizers.Adam(_RATE),
        "nadam": lambda: optimizers.NAdam(_RATE),
    },
    "Keras": {
        "sgd": lambda: keras.optimizers.SGD(_RATE),
        "momentum": lambda: keras.optimizers.SGD(_RATE, momentum=0.9),
        "nesterov": lambda: keras.optimizers.SGD(_RATE, momentum=0.9, nesterov=True),
        "rmsprop": lambda: keras.optimizers.RMSprop(_RATE, momentum=0.9),
        "adam": lambda: keras.optimizers.Adam(_RATE),
        "nadam": lambda: keras.optimizers.Nadam(_RATE),
    },
}


def updates(turns: Turns, *, size: str, threads: int, name: str) -> None:
    """Measures seconds per update by the rules of "ours" or of "Keras", in the same TensorFlow."""
    runtime.configure(threads)
    make, found = _RULES[name], shapes(size)
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
