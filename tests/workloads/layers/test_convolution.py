"""Our convolution against Keras's own, whose gradients are TensorFlow's."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.layers.convolution import Conv2D


def results(layer, shape):
    """Outputs, and gradients of a weighted sum by inputs, kernel and bias."""
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape), tf.float32)
    layer.build(shape)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))

    @tf.function
    def train(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x)
            weights = tf.reshape(tf.range(tf.size(outputs)) % 7 - 3, tf.shape(outputs))
            objective = tf.reduce_sum(tf.cast(weights, outputs.dtype) * outputs)
        return outputs, *tape.gradient(objective, [x, *layer.trainable_variables])

    return [np.asarray(tf.cast(a, tf.float32)) for a in train(x)]


@pytest.mark.parametrize(
    ("shape", "size", "options"),
    [
        ((4, 28, 28, 1), 5, {}),
        ((3, 21, 24, 3), 3, {"activation": "relu"}),
        # Kernel and bias apart:
        ((4, 8, 8, 1), 5, {}),
        ((4, 8, 8, 16), 3, {"activation": "relu"}),
        ((4, 28, 28, 2), 5, {}),
        ((4, 28, 28, 2), 4, {}),  # 32 entries leave no column for the ones
        ((4, 28, 28, 2), 3, {"groups": 2}),
        ((4, 28, 28, 1), 5, {"strides": 2}),
        ((4, 28, 28, 1), 5, {"padding": "valid"}),
        ((4, 28, 28, 1), 5, {"dilation_rate": 2}),
        # Keras's own:
        ((4, 28, 28, 1), 5, {"use_bias": False}),
        ((4, 28, 28, 1), 5, {"dtype": "mixed_bfloat16"}),
    ],
)
def test_equals_keras(shape, size, options):
    options = {"padding": "same", **options}
    wanted = results(keras.layers.Conv2D(6, size, **options), shape)
    for a, b in zip(results(Conv2D(6, size, **options), shape), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


def test_gives_equal_bits_again():
    first, second = (results(Conv2D(6, 5, padding="same"), (64, 28, 28, 1)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_few_pixels_keep_tensorflows_gradient_by_the_kernel():
    shape = (8, 8, 8, 1)
    # Without a bias Keras's gradient by the kernel is that operation alone, too.
    keras_own = results(keras.layers.Conv2D(6, 5, padding="same", use_bias=False), shape)
    ours = results(Conv2D(6, 5, padding="same"), shape)
    for a, b in zip(ours[1:3], keras_own[1:3], strict=True):  # by inputs and by kernel
        np.testing.assert_array_equal(a, b)


def test_saved_and_loaded(tmp_path):
    image = keras.Input((28, 28, 1))
    model = keras.Model(image, Conv2D(6, 5, padding="same")(image))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is Conv2D
    x = np.random.default_rng(0).normal(size=(2, 28, 28, 1))
    np.testing.assert_array_equal(loaded(x), model(x))


def test_with_lora_it_is_kerass_layer():
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 28, 28, 1)), tf.float32)
    ours, keras_own = (layer(4, 3, padding="same") for layer in (Conv2D, keras.layers.Conv2D))
    for layer in (ours, keras_own):
        layer.build(x.shape)
        layer.enable_lora(2)
    for mine, other in zip(keras_own.variables, ours.variables, strict=True):
        mine.assign(other)
    np.testing.assert_array_equal(ours(x), keras_own(x))


@pytest.mark.parametrize("shape", [(0, 28, 28, 1), (0, 8, 8, 4)])
def test_an_empty_batch_has_empty_outputs_and_no_gradient(shape):
    layer, x = Conv2D(4, 3, padding="same"), tf.zeros(shape)
    layer.build(shape)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            outputs = layer(x)
        return outputs, tape.gradient(outputs, layer.trainable_variables)

    outputs, found = gradients()
    # TensorFlow's own kernel forgets the channels of nothing on processors with AVX-512.
    assert outputs.shape[:3] == shape[:3]
    for gradient in found:
        np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))
