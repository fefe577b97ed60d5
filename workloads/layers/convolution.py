"""Convolution of images of few channels, with a cheaper gradient than TensorFlow's.

TensorFlow only. oneDNN's gradient by a kernel is made for multiples of 16 channels: for the Simple
CNN's first kernel (batch 256) it takes four times as long as the convolution.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

_COLUMNS = 32
"""Of the matrix of patches: their entries and a one, filled up to what oneDNN vectorises."""
_FEWEST_PIXELS = 400
"""Of an image. What smaller ones gain is lost in the additional operations."""


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, equal to rounding; few channels get their gradients by one product.

    That is the product of the matrix of all patches, which a convolution by unit vectors gathers,
    with the outputs' gradient. A column of ones gives the bias's gradient. It is so for float32,
    a bias, "same", no strides, and patches of fewer than 32 entries; else, and where there is a
    GPU, it is Keras's layer.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the activated convolution [batch, height, width, filters]."""
        if not self._multiplies(inputs):
            return super().call(inputs)
        outputs = _convolution(inputs, self.kernel.value, self.bias.value)
        return outputs if self.activation is None else self.activation(outputs)

    def _multiplies(self, inputs: tf.Tensor) -> bool:
        _, height, width, channels = inputs.shape
        rows, columns = self.kernel_size
        return (
            rows * columns * channels < _COLUMNS
            and None not in (height, width)
            and height * width >= _FEWEST_PIXELS
            and inputs.dtype == tf.float32
            and self.use_bias
            and self.padding == "same"
            and self.data_format == "channels_last"
            and self.strides == self.dilation_rate == (1, 1)
            and self.groups == 1
            and not tf.config.list_physical_devices("GPU")
        )


@tf.custom_gradient
def _convolution(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[..., Any]]:
    """Returns the convolution of images [batch, height, width, channels] plus bias."""
    *size, filters = kernel.shape
    num_entries = kernel.shape.num_elements() // filters

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        units = tf.reshape(tf.eye(num_entries, _COLUMNS), (*size, _COLUMNS))
        ones = tf.one_hot(num_entries, _COLUMNS)
        patches = tf.nn.bias_add(tf.nn.conv2d(x, units, 1, "SAME"), ones)
        product = tf.matmul(
            tf.reshape(patches, (-1, _COLUMNS)),
            tf.reshape(upstream, (-1, filters)),
            transpose_a=True,
        )
        return (
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(x),
                filter=kernel,
                out_backprop=upstream,
                strides=[1, 1, 1, 1],
                padding="SAME",
            ),
            tf.reshape(product[:num_entries], kernel.shape),
            product[num_entries],
        )

    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias), gradient
