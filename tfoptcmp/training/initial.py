"""Initial weights and random-number states of a trial, from its seeds.

A freshly built network is the only source of initial values that works for every kind of layer; its
arrays are copied into the network that is already traced.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator


class InitialWeights:
    """Gives networks the initial values of one trial after the other.

    Keras's initializers take their seeds from Python's generator. Seeding TensorFlow's as well
    makes TensorFlow forget the kernels that it has set up: 0.15 s a trial of the digits. So the
    first network is built twice, to see whether that can be left out.

    Args:
        build: Builds a network, drawing from the global random numbers of Python, NumPy, Keras or
            TensorFlow.
    """

    def __init__(self, build: Callable[[], keras.Model]) -> None:
        self._build = build
        self._seed_by: Callable[[int], None] | None = None

    def assign(self, network: keras.Model, seeds: Mapping[str, int]) -> None:
        """Sets the weights and dropout states of a trial.

        Args:
            network: What `build` once returned.
            seeds: "weights" and "dropout" as in `tfoptcmp.study.trial.trial_seeds`.
        """
        seed = seeds["weights"]
        if self._seed_by is None:
            fresh, again = (self._fresh(by, seed) for by in (keras.utils.set_random_seed, _seed))
            self._seed_by = _seed if _equal(fresh, again) else keras.utils.set_random_seed
        else:
            fresh = self._fresh(self._seed_by, seed)
        check_new(fresh, network)
        for variable, initial in zip(network.variables, fresh.variables, strict=True):
            variable.assign(initial.value)
        for i, generator in enumerate([*_seed_generators(network), global_seed_generator()]):
            state = np.random.SeedSequence((seeds["dropout"], i)).generate_state(1)[0] >> 1
            generator.state.assign(np.array([state, 0], generator.state.dtype))

    def _fresh(self, seed_by: Callable[[int], None], seed: int) -> keras.Model:
        with undisturbed():
            seed_by(seed)
            return self._build()


def check_new(network: keras.Model, earlier: keras.Model) -> None:
    """Checks that two networks share no variables.

    Raises:
        ValueError: If they do.
    """
    if network is earlier:
        raise ValueError("build must return a new model every time; got the same one again")
    old = {id(variable) for variable in earlier.variables}
    for layer in network._flatten_layers(include_self=False):
        if any(id(variable) in old for variable in layer.variables):
            raise ValueError(
                "build must make new layers every time, as their weights are every trial's own; "
                f"got {layer.name!r} of an earlier call again. Make it in build, and adapt it or "
                "set its pretrained weights there"
            )


def _seed(seed: int) -> None:
    """Does part of `keras.utils.set_random_seed`."""
    random.seed(seed)
    np.random.seed(seed)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leaves Keras's names and the global generators of Python and NumPy as they were.

    Keras's global generator stays the same object, which a traced step goes on with.
    """
    with _python_and_numpy_kept(), _names_kept():
        generator = global_seed_generator()
        try:
            yield
        finally:
            global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, generator)


@contextmanager
def _python_and_numpy_kept() -> Iterator[None]:
    """Leaves their global generators as they were."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


@contextmanager
def _names_kept() -> Iterator[None]:
    """Leaves Keras's counters of names as they were, so that every network gets the same names.

    TensorFlow keeps 36 kB for each name that a variable ever had (2.21).
    """
    counters = global_state.get_global_attribute("object_name_uids")
    before = dict(counters or {})
    try:
        yield
    finally:
        if counters is not None:
            counters.clear()
            counters.update(before)


def _equal(network: keras.Model, other: keras.Model) -> bool:
    pairs = zip(network.variables, other.variables, strict=True)
    return all(np.array_equal(one.numpy(), two.numpy()) for one, two in pairs)


def _seed_generators(network: keras.Model) -> list[keras.random.SeedGenerator]:
    return [
        generator
        for layer in network._flatten_layers()
        for generator in getattr(layer, "_seed_generators", ())
    ]
