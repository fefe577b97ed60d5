"""Our LSTM against Keras's own, of which it is a faster form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.layers.lstm import LSTM

BATCH, LENGTH, FEATURES, UNITS = 3, 7, 4, 5


def sequences(length=LENGTH):
    return tf.constant(np.random.default_rng(0).normal(size=(BATCH, length, FEATURES)), tf.float32)


def layer(layer_class, x, **options):
    """The same weights in every class; they come from the seed."""
    layer = layer_class(UNITS, **options)
    layer.build(x.shape)
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(0.0, 0.7, variable.shape))
    return layer


def results(layer, x, **arguments):
    """Outputs of two calls and gradients of a weighted sum of the second's, then the states."""
    arguments = tf.nest.map_structure(tf.constant, arguments)

    @tf.function
    def train(x, arguments):
        watched = [x, *tf.nest.flatten(arguments)]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            outputs = tf.nest.flatten(layer(x, training=True, **arguments))
            rng = np.random.default_rng(2)
            objective = tf.add_n(
                [tf.reduce_sum(rng.normal(size=o.shape).astype(np.float32) * o) for o in outputs]
            )
        return outputs, tape.gradient(objective, [*watched, *layer.trainable_variables])

    train(x, arguments)
    outputs, gradients = train(x, arguments)
    states = [v.value for v in layer.states or ()]
    return [np.asarray(a) for a in (*outputs, *gradients, *states)]


def assert_equal_to_keras(x, options=None, arguments=None):
    ours, kerass = (
        results(layer(layer_class, x, **(options or {})), x, **(arguments or {}))
        for layer_class in (LSTM, keras.layers.LSTM)
    )
    assert len(ours) == len(kerass)
    for a, b in zip(ours, kerass, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("length", [1, 2, LENGTH])
@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_equals_keras(return_sequences, stateful, length):
    options = {"return_sequences": return_sequences, "stateful": stateful}
    assert_equal_to_keras(sequences(length), options)


def test_equals_keras_in_its_states():
    rng = np.random.default_rng(3)
    states = [rng.normal(size=(BATCH, UNITS)).astype(np.float32) for _ in range(2)]
    assert_equal_to_keras(sequences(), {"return_state": True}, {"initial_state": states})


@pytest.mark.parametrize(
    "options",
    [
        {"go_backwards": True, "return_sequences": True},
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"use_bias": False},
        {"unroll": True},
        {"recurrent_dropout": 0.5, "seed": 0},
        {"dropout": 0.5, "seed": 0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_is_keras_where_it_must(options):
    assert_equal_to_keras(sequences(), options)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_is_keras_in_other_dtypes(policy):
    x = sequences()
    ours, kerass = (
        layer(layer_class, x, dtype=policy, return_sequences=True)(x)
        for layer_class in (LSTM, keras.layers.LSTM)
    )
    assert ours.dtype == kerass.dtype == keras.DTypePolicy(policy).compute_dtype
    np.testing.assert_array_equal(tf.cast(ours, tf.float64), tf.cast(kerass, tf.float64))


def test_is_keras_with_a_mask():
    x = sequences()
    mask = tf.sequence_mask([2, LENGTH, 5], LENGTH)
    ours, kerass = (
        layer(layer_class, x)(x, mask=mask) for layer_class in (LSTM, keras.layers.LSTM)
    )
    np.testing.assert_array_equal(ours, kerass)


def test_length_unknown_when_traced():
    x = sequences()
    ours = layer(LSTM, x, return_sequences=True)
    traced = tf.function(ours, input_signature=[tf.TensorSpec((BATCH, None, FEATURES))])
    for length in (2, LENGTH):
        np.testing.assert_allclose(traced(x[:, :length]), ours(x[:, :length]), rtol=1e-5, atol=1e-6)


def test_equal_bits_again():
    x = sequences()
    options = {"return_sequences": True, "stateful": True}
    first, second = (results(layer(LSTM, x, **options), x) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_saved_and_loaded(tmp_path):
    x = sequences()
    inputs = keras.Input(batch_shape=x.shape)
    model = keras.Model(inputs, LSTM(UNITS, stateful=True)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is LSTM
    np.testing.assert_array_equal(loaded(x), model(x))
