"""Our dropout against the definition, and against Keras's where it uses that."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.layers.dropout import Dropout


@pytest.mark.parametrize("rate", [0.2, 0.3, 0.5, 0.9])
def test_rate_scale_and_gradient(rate):
    x = tf.constant(np.random.default_rng(0).uniform(1, 2, (40, 50, 51)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = Dropout(rate, seed=0)(x, training=True)
    gradient = tape.gradient(outputs, x)
    kept = outputs.numpy() != 0
    # theory: 102,000 Bernoulli trials; five standard errors.
    assert np.mean(kept) == pytest.approx(1 - rate, abs=5 * np.sqrt(rate * (1 - rate) / kept.size))
    np.testing.assert_allclose(gradient, kept / (1 - rate), rtol=2e-4)
    np.testing.assert_allclose(outputs, x * gradient, rtol=1e-6)
    # Neither neighbours nor rows are correlated, though a word of random bits serves two
    # activations.
    for axis in range(3):
        pairs = np.take(kept, range(1, 40), axis) & np.take(kept, range(39), axis)
        assert np.mean(pairs) == pytest.approx((1 - rate) ** 2, abs=0.01)


def test_of_a_rate_next_to_1_the_last_word_is_kept():
    kept = Dropout(1 - 2**-16, seed=0)(tf.ones(2**20), training=True).numpy() != 0
    assert 1 <= kept.sum() <= 36  # theory: 16 of 2^20; five standard errors


def test_a_mask_is_a_function_of_seed_and_call():
    x = tf.ones((7, 9))
    first, again, other = (Dropout(0.5, seed=seed) for seed in (1, 1, 2))
    masks = [first(x, training=True).numpy() for _ in range(2)]
    np.testing.assert_array_equal(masks, [again(x, training=True) for _ in range(2)])
    assert not np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[0], other(x, training=True))


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_inference_and_rates_that_leave_nothing_to_chance(rate):
    x = tf.constant([[1.0, -2.0, 3.0]])
    layer = Dropout(rate)
    np.testing.assert_array_equal(layer(x), x)
    if rate != 0.5:
        np.testing.assert_array_equal(layer(x, training=True), x * (1 - rate))  # theory


def test_noise_shape_is_left_to_keras():
    x = tf.ones((4, 5, 6))
    ours, kerass = (
        layer_class(0.5, noise_shape=(4, 1, 6), seed=0)(x, training=True)
        for layer_class in (Dropout, keras.layers.Dropout)
    )
    np.testing.assert_array_equal(ours, kerass)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_other_dtypes(dtype):
    outputs = Dropout(0.5, seed=0, dtype=dtype)(tf.ones((5, 5)), training=True)
    expected = Dropout(0.5, seed=0)(tf.ones((5, 5)), training=True)
    assert outputs.dtype == keras.DTypePolicy(dtype).compute_dtype
    np.testing.assert_array_equal(tf.cast(outputs, tf.float32), expected)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_with_unknown_batch_size(jit_compile):
    layer, expected = Dropout(0.5, seed=0), Dropout(0.5, seed=0)
    compiled = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)
    if not jit_compile:
        compiled = tf.function(
            lambda x: layer(x, training=True), input_signature=[tf.TensorSpec((None, 3))]
        )
    for batch_size in (5, 4):
        x = tf.ones((batch_size, 3))
        np.testing.assert_array_equal(compiled(x), expected(x, training=True))


def test_saved_and_loaded(tmp_path):
    image = keras.Input((3,))
    model = keras.Model(image, Dropout(0.5, seed=3)(image))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is Dropout
    x = tf.ones((8, 3))
    np.testing.assert_array_equal(loaded(x, training=True), model(x, training=True))
