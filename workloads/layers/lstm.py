"""An LSTM that does little work in its loops over time. TensorFlow only.

Keras's layer goes through a `tf.while_loop` whose steps multiply the inputs, as well as the state,
by their kernel; its gradient, derived from that, adds up the kernels' gradients step by step. Here
each of these is one product over all steps. What remains of a step is unrolled: a product by the
recurrent kernel and the arithmetic of the gates, which XLA merges into one loop.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

Gates = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
"""Input, forget, candidate and output, each [batch, units]."""

_LONGEST = 100
"""Most steps that are unrolled: the graph, and the time to trace it, grow with them."""


@keras.saving.register_keras_serializable(package="tfoptcmp")
class LSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, equal up to rounding, and faster on a CPU where possible.

    It is faster for float32 sequences of known length with Keras's default activations and a bias,
    without mask and without dropout inside the layer. Otherwise, and if there is a GPU, for which
    Keras has cuDNN's, it is Keras's layer.
    """

    def inner_loop(
        self,
        sequences: tf.Tensor,
        initial_state: Sequence[tf.Tensor],
        mask: tf.Tensor | None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Returns the last output, all outputs [batch, length, units], and the last states."""
        if mask is not None or not self._unrolls(sequences, training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        weights = (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        outputs, c = _lstm(sequences, *initial_state, *(weight.value for weight in weights))
        h = outputs[:, -1]
        return h, outputs, [h, c]

    def _unrolls(self, sequences: tf.Tensor, training: bool) -> bool:
        cell = self.cell
        length = sequences.shape[1]
        return (
            length is not None
            and length <= _LONGEST
            and sequences.dtype == tf.float32
            and cell.activation is keras.activations.tanh
            and cell.recurrent_activation is keras.activations.sigmoid
            and cell.use_bias
            and not (self.go_backwards or self.unroll or self.use_cudnn is True)
            and not (training and (cell.dropout or cell.recurrent_dropout))
            and not tf.config.list_physical_devices("GPU")
        )


@tf.custom_gradient
def _lstm(
    x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, b: tf.Tensor
) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., Any]]:
    """Goes through time.

    Args:
        x: Inputs [batch, length, features].
        h: Output before the first step [batch, units].
        c: Carry before the first step [batch, units].
        kernel: [features, 4 * units].
        recurrent: [units, 4 * units].
        b: [4 * units].

    Returns:
        Outputs [batch, length, units] and the last carry [batch, units].
    """
    batch_size, length, features = tf.shape(x)[0], x.shape[1], x.shape[2]
    # Time comes first, so that a step's part is contiguous in memory, and not copied.
    x = tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, features))
    projected = tf.reshape(
        tf.nn.bias_add(tf.matmul(x, kernel), b), (length, batch_size, b.shape[0])
    )
    hs, cs, gates = [h], [c], []
    for z in tf.unstack(projected):
        h, c, gate = _step(z, tf.matmul(h, recurrent), c)
        hs.append(h)
        cs.append(c)
        gates.append(gate)

    def gradient(d_outputs: tf.Tensor, dc: tf.Tensor) -> tuple[tf.Tensor, ...]:
        from_next, dzs, backwards = tf.zeros_like(dc), [], _transposed(recurrent)
        for s, dh in reversed(list(enumerate(tf.unstack(d_outputs, axis=1)))):
            dz, dc = _step_gradient(dh, from_next, dc, gates[s], cs[s], cs[s + 1])
            from_next = tf.matmul(dz, backwards)
            dzs.append(dz)
        dz = tf.concat(dzs[::-1], axis=0)  # [length * batch, 4 * units]
        dx = tf.reshape(tf.matmul(dz, kernel, transpose_b=True), (length, batch_size, features))
        return (
            tf.transpose(dx, (1, 0, 2)),
            from_next,
            dc,
            tf.matmul(x, dz, transpose_a=True),
            tf.matmul(tf.concat(hs[:-1], axis=0), dz, transpose_a=True),
            tf.raw_ops.BiasAddGrad(out_backprop=dz),
        )

    return (tf.stack(hs[1:], axis=1), c), gradient


@tf.function(jit_compile=True)  # TensorFlow would make the product transpose it at every step
def _transposed(matrix: tf.Tensor) -> tf.Tensor:
    """Returns the transposed matrix, by which few rows are multiplied in half the time."""
    return tf.transpose(matrix)


@tf.function(jit_compile=True)
def _step(
    from_input: tf.Tensor, from_output: tf.Tensor, c: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, Gates]:
    """Returns the output, the carry, and the gates."""
    i, f, g, o = tf.split(from_input + from_output, 4, axis=1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    c = f * c + i * g
    return o * tf.tanh(c), c, (i, f, g, o)


@tf.function(jit_compile=True)
def _step_gradient(
    dh: tf.Tensor,
    dh_from_next: tf.Tensor,
    dc: tf.Tensor,
    gates: Gates,
    c_before: tf.Tensor,
    c: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the gradients by what `_step` adds up and by the carry before the step."""
    i, f, g, o = gates
    t = tf.tanh(c)
    dh += dh_from_next
    dc += dh * o * (1.0 - t * t)
    dz = [
        dc * g * i * (1.0 - i),
        dc * c_before * f * (1.0 - f),
        dc * i * (1.0 - g * g),
        dh * t * o * (1.0 - o),
    ]
    return tf.concat(dz, axis=1), dc * f
