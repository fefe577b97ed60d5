"""A training step of ours, as the trial of a study makes it, and the arithmetic in it.

Of the arithmetic, only the matrix products, which no implementation can avoid, two operations for
a multiplication and an addition. Normalisation, activations and the update are left out, so that
the floor is one, not an estimate.
"""

import contextlib
import itertools
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.tools.lab.benchmark.networks import NETWORKS, Network
from tfoptcmp.tools.lab.benchmark.order_of_rounds import Turns

from tfoptcmp import workloads
from tfoptcmp.optimizers import Momentum
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Fixed, SearchSpace
from tfoptcmp.study.trial import Interrupted, TrialTask, trial_seeds
from tfoptcmp.training import runtime
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.model import TrialModel
from tfoptcmp.workload import Budget, Splits

_LEARNING_RATE = 1e-4
_ENDLESS = 1_000_003  # blocks; prime, so that the block is what we ask for
_KINDS: dict[str, type[keras.Layer]] = {
    "convolution": keras.layers.Conv2D,
    "dense": keras.layers.Dense,
    "batch_norm": keras.layers.BatchNormalization,
    "layer_norm": keras.layers.LayerNormalization,
    "embedding": keras.layers.Embedding,
    "lstm": keras.layers.LSTM,
    "attention": keras.layers.MultiHeadAttention,
}


def ours(
    turns: Turns,
    *,
    network: str,
    rule: str,
    threads: int,
    weights: Path,
    check: tuple[int, float],
) -> None:
    """Trains one endless trial, a block per turn; measures seconds per step.

    Args:
        turns: From the parent.
        network: A name in NETWORKS.
        rule: Update rule.
        threads: Intra-op threads.
        weights: Where to write the weights that the twins start from.
        check: Steps whose losses are reported, and their learning rate.
    """
    runtime.configure(threads)
    spec = NETWORKS[network]
    workload, budget, splits = workloads.get(spec.workload), budget_of(spec), splits_of(spec)
    facts = _same_start(spec, workload.build(budget, splits), weights, check)
    pause = _Pause(turns, facts, spec.block_steps)
    trainer = Trainer(
        workload=workload,
        budget=budget,
        splits=splits,
        signature=_signature(rule),
        should_stop=pause,
    )
    with contextlib.suppress(Interrupted):
        trainer.run(task_of(rule, spec.l2), lambda measurement: None)


def budget_of(spec: Network) -> Budget:
    """Returns that of one endless trial, in blocks of the network's."""
    return Budget(
        scale="custom",
        batch_size=spec.batch_size,
        steps=spec.block_steps * _ENDLESS,
        eval_every_steps=spec.block_steps * _ENDLESS,
        num_feasible=1,
        target=None,
        options=workloads.get(spec.workload).budgets["cpu"].options,
    )


def splits_of(spec: Network) -> Splits:
    """Returns the network's random batches for training; nothing is evaluated."""
    return Splits(
        train=_Batches(spec), evaluation={}, num_classes=spec.num_classes, num_examples={}
    )


def task_of(rule: str, l2: float) -> TrialTask:
    """Returns a trial of a rule with usual hyperparameters."""
    space = _signature(rule).space
    values = space.values(())
    arguments = space.derive(values, budget_steps=1_000_000)
    return TrialTask(
        index=0, values=values, arguments={**arguments, "l2": l2}, seeds=trial_seeds(0, 0)
    )


class _Pause:
    """Lets the trial wait, after each compiled block, until it is its turn again."""

    def __init__(self, turns: Turns, facts: Mapping[str, Any], block_steps: int) -> None:
        self._turns = turns
        self._parts = iter(turns)
        self._facts = facts
        self._block_steps = block_steps
        self._start: float | None = None

    def __call__(self) -> bool:
        """Whether the trial is to stop here."""
        now = time.perf_counter()
        if self._start is None:  # the first block, which was traced
            self._turns.ready(self._facts)
        else:
            self._turns.done((now - self._start) / self._block_steps)
        is_over = next(self._parts, None) is None
        self._start = time.perf_counter()
        return is_over


class _Batches:
    """A `TrainingSource` of a few batches, again and again."""

    def __init__(self, spec: Network) -> None:
        x, y = map(np.stack, zip(*spec.batches(), strict=True))
        self._batches = tf.data.Dataset.from_tensor_slices((x, y)).cache()
        # Of the text, for the network that carries a state.
        self.steps_per_epoch = 940 if spec.workload == "war_and_peace_lstm" else None

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns them, whatever the seed."""
        del seed, augmentation_seed
        return self._batches.repeat().take(stop - start)


def _signature(rule: str) -> Signature:
    return Signature(
        name=rule,
        rule=RULES[rule],
        space=SearchSpace(source="benchmark", dimensions=_dimensions(rule)),
    )


def _dimensions(rule: str) -> dict[str, Fixed]:
    fixed = {
        "momentum": {"eta0": _LEARNING_RATE, "one_minus_gamma": 0.1},
        "adam": {
            "alpha0": _LEARNING_RATE,
            "one_minus_beta1": 0.1,
            "one_minus_beta2": 0.001,
            "epsilon": 1e-8,
        },
    }[rule]
    schedule = {"decay_steps_fraction": 1.0, "decay_factor": 0.1}
    return {name: Fixed(fixed=value) for name, value in {**fixed, **schedule}.items()}


def _same_start(
    spec: Network, network: keras.Model, weights: Path, check: tuple[int, float]
) -> dict[str, Any]:
    """Writes weights for the twins; returns what they are compared by, and the work of a step."""
    np.savez(weights, **_by_kind(network))  # type: ignore[arg-type]  # no kind is allow_pickle
    facts = {
        "parameters": sum(int(np.prod(v.shape)) for v in network.trainable_variables),
        "flops": spec.batch_size * training_flops(network, length=spec.input_shape[0]),
    }
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    model = TrialModel(
        network,
        steps_per_epoch=None,
        regularisation=("l2",) if spec.l2 else (),
    )
    model.l2.assign(spec.l2)
    num_steps, learning_rate = check
    optimizer = Momentum(learning_rate, momentum=0.9)
    losses = []
    for x, y in itertools.islice(itertools.cycle(spec.batches()), num_steps):
        loss, *gradient = model.objective_and_gradient(tf.constant(x), tf.constant(y))
        optimizer.apply(gradient, model.trainable_variables)
        losses.append(float(loss))
    return {**facts, "losses": losses}


def _by_kind(network: keras.Model) -> dict[str, np.ndarray]:
    """Returns "kind/number/weight" to value, numbered in the order in which layers were made."""
    arrays: dict[str, np.ndarray] = {}
    layers = network._flatten_layers()
    flattened = [layer.input.shape[1:] for layer in layers if type(layer) is keras.layers.Flatten]
    for kind, layer_type in _KINDS.items():
        found = [layer for layer in layers if isinstance(layer, layer_type)]
        for i, layer in enumerate(sorted(found, key=_number)):
            values = [variable.numpy() for variable in layer.trainable_variables]
            if kind == "dense" and i == 0 and flattened:  # PyTorch flattens channels first
                (shape,) = flattened
                kernel = values[0].reshape(*shape, -1)
                values[0] = kernel.transpose(2, 0, 1, 3).reshape(values[0].shape)
            arrays |= {f"{kind}/{i}/{j}": value for j, value in enumerate(values)}
    return arrays


def _number(layer: keras.Layer) -> int:
    """The number at the end of a name that Keras gave: 0 for "dense", 1 for "dense_1"."""
    end = layer.name.rpartition("_")[2]
    return int(end) if end.isdecimal() else 0


def training_flops(network: keras.Model, *, length: int | None = None) -> int:
    """Returns the operations for one example, forward and backward.

    The backward pass has two products for each one forward, without the gradient by the data.

    Args:
        network: Images to logits, or tokens to logits.
        length: Tokens of an example.
    """
    layers = list(network._flatten_layers())
    products: list[int] = [number for layer in layers if (number := _products(layer, length or 1))]
    embeds = any(isinstance(layer, keras.layers.Embedding) for layer in layers)
    return 3 * sum(products) - (0 if embeds else products[0])


def _products(layer: keras.Layer, length: int) -> Any:
    """Operations of a layer's matrix products for one example, forward."""
    match layer:
        case keras.layers.Conv2D():
            return 2 * math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
        case keras.layers.Dense():
            positions = length if len(layer.output.shape) == 3 else 1
            return 2 * positions * math.prod(layer.kernel.shape)
        case keras.layers.LSTM():
            kernels = (layer.cell.kernel, layer.cell.recurrent_kernel)
            return 2 * length * sum(math.prod(kernel.shape) for kernel in kernels)
        case keras.layers.MultiHeadAttention():
            width = layer.query_dense.kernel.shape[0]
            # Four projections; queries by keys, and weights by values, of which a causal one
            # needs half.
            return 2 * length * 4 * width**2 + 2 * length * length * width
    return 0
