"""Initial weights and random-number states of a trial, from its seeds.

A freshly built network is the only source of initial values that holds for every kind of layer; its
arrays are copied into the network that is already traced.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import keras
import numpy as np


def initialise(
    network: keras.Model, build: Callable[[], keras.Model], seeds: Mapping[str, int]
) -> None:
    """Gives a network the initial weights and dropout states of a trial.

    Args:
        network: What `build` once returned.
        build: Builds the network anew, drawing from Keras's global seed.
        seeds: "weights" and "dropout" as in `tfoptcmp.trial.trial_seeds`.
    """
    with _global_seed(seeds["weights"]):
        fresh = build()
    for variable, initial in zip(network.variables, fresh.variables, strict=True):
        variable.assign(initial.value)
    for i, generator in enumerate(_seed_generators(network)):
        state = np.random.SeedSequence((seeds["dropout"], i)).generate_state(1)[0] >> 1
        generator.state.assign(np.array([state, 0], generator.state.dtype))


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seeds Keras, and leaves Python's and NumPy's global generators as they were."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def _seed_generators(network: keras.Model) -> list[keras.random.SeedGenerator]:
    return [
        generator
        for layer in network._flatten_layers()
        for generator in getattr(layer, "_seed_generators", ())
    ]
