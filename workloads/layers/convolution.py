"""Convolution with cheaper gradients than TensorFlow's on a CPU. TensorFlow only.

TensorFlow has oneDNN compute the gradients by kernel and bias together, which takes a third longer
than one after the other: 14 and 10 ms for the Simple CNN's second convolution (batch 256). And
oneDNN's gradient by a kernel is made for multiples of 16 channels: for the first convolution it
takes four times as long as the convolution.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

_COLUMNS = 32
"""Columns of the matrix of patches: their entries and a one, padded to what oneDNN vectorises."""
_FEWEST_PIXELS = 400
"""Smallest image. What smaller ones gain is lost in the additional operations."""


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, equal up to rounding; separate gradients of kernel and bias.

    With few channels both come from one product, of the matrix of all patches, which a convolution
    by unit vectors gathers, and the outputs' gradient; a column of ones gives the bias's. This is
    used for "same", no strides, and patches of fewer than 32 entries.

    In other types than float32, without bias, with LoRA, and where there is a GPU it is Keras's
    layer.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the activated convolution [batch, height, width, filters]."""
        if not self._separates(inputs):
            return super().call(inputs)
        if self._multiplies(inputs):
            outputs = _convolution(inputs, self.kernel.value, self.bias.value)
        else:
            outputs = _add_bias(self.convolution_op(inputs, self.kernel), self.bias.value)
        return outputs if self.activation is None else self.activation(outputs)

    def _separates(self, inputs: tf.Tensor) -> bool:
        return (
            self.use_bias
            and not self.lora_enabled
            and inputs.dtype == tf.float32
            and self.data_format == "channels_last"
            and not tf.config.list_physical_devices("GPU")
        )

    def _multiplies(self, inputs: tf.Tensor) -> bool:
        _, height, width, channels = inputs.shape
        rows, columns = self.kernel_size
        return (
            rows * columns * channels < _COLUMNS
            and None not in (height, width)
            and height * width >= _FEWEST_PIXELS
            and self.padding == "same"
            and self.strides == self.dilation_rate == (1, 1)
            and self.groups == 1
        )


@tf.custom_gradient
def _add_bias(
    outputs: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    """Returns outputs [batch, height, width, filters] plus bias."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # By the reshape TensorFlow does not see that it could be one with the kernel's gradient.
        flat = tf.reshape(upstream, (-1, bias.shape[0]))
        return upstream, tf.raw_ops.BiasAddGrad(out_backprop=flat)

    return tf.nn.bias_add(outputs, bias), gradient


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
