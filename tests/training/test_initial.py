"""Initial weights are a function of the trial's seed, whatever a network draws them from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.training.initial import InitialWeights

SHAPE = (4, 3)


def drawn(initializer) -> keras.Model:
    image = keras.Input((SHAPE[0],))
    return keras.Model(image, keras.layers.Dense(SHAPE[1], kernel_initializer=initializer)(image))


BUILDS = {
    "Keras's initializer": lambda: drawn("glorot_uniform"),
    "NumPy": lambda: drawn(lambda shape, dtype: np.random.normal(size=shape)),
    "Keras": lambda: drawn(lambda shape, dtype: keras.random.normal(shape)),
    "TensorFlow": lambda: drawn(lambda shape, dtype: tf.random.normal(shape)),
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_weights_are_those_of_the_global_seed_in_any_order_of_trials(build):
    def expected(seed):
        keras.utils.set_random_seed(seed)
        return build().get_weights()[0]

    wanted = {seed: expected(seed) for seed in (1, 2, 3)}
    network, initial = build(), InitialWeights(build)
    for seed in (2, 1, 3, 2):
        initial.assign(network, {"weights": seed, "dropout": 0})
        np.testing.assert_array_equal(network.get_weights()[0], wanted[seed])


@pytest.mark.parametrize(("source", "times"), [("Keras's initializer", 1), ("TensorFlow", 3)])
def test_tensorflow_is_seeded_only_where_it_must_be(source, times, monkeypatch):
    seeds = []
    monkeypatch.setattr(tf.random, "set_seed", seeds.append)
    network, initial = BUILDS[source](), InitialWeights(BUILDS[source])
    for seed in (1, 2, 3):
        initial.assign(network, {"weights": seed, "dropout": 0})
    assert len(seeds) == times


def test_the_generators_of_others_go_on_undisturbed():
    network, initial = drawn("zeros"), InitialWeights(BUILDS["NumPy"])
    np.random.seed(5)
    expected = np.random.random(2)
    np.random.seed(5)
    first = np.random.random()
    initial.assign(network, {"weights": 1, "dropout": 0})
    np.testing.assert_array_equal([first, np.random.random()], expected)


def test_every_network_has_the_same_names_and_keras_counts_on():
    names = []

    def build():
        network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        names.append([variable.path for variable in network.variables])
        return network

    network = build()
    initial = InitialWeights(build)
    _, before = keras.layers.Dense(1).name.split("_")
    for seed in range(3):
        initial.assign(network, {"weights": seed, "dropout": seed})
    _, after = keras.layers.Dense(1).name.split("_")
    assert int(after) == int(before) + 1
    assert len(names) == 5  # the first seed builds two
    assert len({tuple(each) for each in names[1:]}) == 1
