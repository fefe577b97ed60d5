"""The pre-activation stage, computed again by its definition."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.models.residual import convolution, residual_stage


def none(activation):
    """A normalisation that changes nothing, so that blocks only rectify."""
    return keras.layers.Activation(activation)


def convolve(x, layer, strides=1):
    """Pads both sides by half the kernel, as PyTorch does."""
    kernel = layer.kernel.value
    pad = kernel.shape[0] // 2
    x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
    return tf.nn.conv2d(x, kernel, strides, "VALID")


@pytest.mark.parametrize("strides", [1, 2])
def test_stage_by_its_definition(strides):
    image = keras.Input((8, 8, 3))
    stage = residual_stage(
        image, [(5, 3), (5, 3)], num_blocks=2, strides=strides, normalisation=none
    )
    model = keras.Model(image, stage)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    (shortcut,) = [layer for layer in convolutions if layer.kernel_size == (1, 1)]
    residuals = [layer for layer in convolutions if layer.kernel_size == (3, 3)]
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 8, 8, 3)), tf.float32)
    # The first block's shortcut starts from the activated input, the second's from the sum.
    first = tf.nn.relu(x)
    hidden = tf.nn.relu(convolve(first, residuals[0], strides))
    total = convolve(first, shortcut, strides) + convolve(hidden, residuals[1])
    hidden = tf.nn.relu(convolve(tf.nn.relu(total), residuals[2]))
    total += convolve(hidden, residuals[3])
    np.testing.assert_allclose(model(x), total, rtol=1e-4, atol=1e-5)


def test_a_bottlenecks_strides_are_in_its_3x3_convolution_and_in_the_shortcut():
    image = keras.Input((8, 8, 3))
    stage = residual_stage(
        image, [(4, 1), (4, 3), (16, 1)], num_blocks=2, strides=2, normalisation=none
    )
    convolutions = [
        layer
        for layer in keras.Model(image, stage).layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    # By hand, as TensorFlow's official ResNet has it.
    assert sorted((v.kernel_size[0], v.filters, v.strides[0]) for v in convolutions) == [
        *[(1, 4, 1)] * 2,
        *[(1, 16, 1)] * 2,
        (1, 16, 2),
        *[(3, 4, 1), (3, 4, 2)],
    ]


def test_only_the_first_shortcut_is_a_convolution_even_where_the_shape_stays():
    image = keras.Input((8, 8, 4))
    stage = residual_stage(image, [(4, 3), (4, 3)], num_blocks=3, strides=1, normalisation=none)
    kernels = sorted(tuple(v.shape) for v in keras.Model(image, stage).trainable_variables)
    assert kernels == [(1, 1, 4, 4), *[(3, 3, 4, 4)] * 6]


@pytest.mark.parametrize(("size", "strides"), [(1, 1), (1, 2), (3, 1), (3, 2), (7, 2)])
def test_convolution_halves_with_its_strides(size, strides):
    image = keras.Input((9, 8, 3))
    assert convolution(image, 2, size, strides=strides).shape[1:] == (
        -(-9 // strides),
        8 // strides,
        2,
    )


def test_initial_kernels_are_those_of_the_official_resnet():
    image = keras.Input((8, 8, 64))
    keras.utils.set_random_seed(0)
    model = keras.Model(image, convolution(image, 256, 3))
    # variance_scaling_initializer(): variance 1 / fan in, truncated; 147,456 draws.
    kernel = model.trainable_variables[0].numpy()
    assert np.std(kernel) == pytest.approx((1 / (9 * 64)) ** 0.5, rel=0.01)
    assert np.abs(kernel).max() < 2.3 * np.std(kernel)
