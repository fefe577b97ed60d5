"""Dropout with a cheaper mask than Keras's. TensorFlow only.

Keras draws a float32 for every activation, and most of a dropout's time goes into drawing it.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, with masks from 16 random bits per activation rather than 32.

    The rate is rounded to a multiple of 2^-16, and the kept activations are scaled by the rounded
    rate. Masks differ from Keras's, but are also a function of the layer's seed generator. The
    inputs are multiplied by the mask, so that an infinite activation becomes NaN where Keras drops
    it. Keras's layer is used if `noise_shape` is given.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the inputs, some of them zeroed and the rest scaled up if training."""
        threshold = round(self.rate * 2**16)
        if not training or threshold == 0 or self.noise_shape is not None:
            return super().call(inputs, training=training)
        if threshold == 2**16:
            return tf.zeros_like(inputs)  # Keras 3.10 does not take a rate of 1 here.
        size = tf.size(inputs)
        words = tf.random.stateless_uniform(
            [(size + 1) // 2], self.seed_generator.next(), None, None, tf.int32
        )
        bits = tf.reshape(tf.bitcast(words, tf.uint16), (-1,))[:size]
        kept = tf.cast(tf.reshape(bits, tf.shape(inputs)) >= threshold, inputs.dtype)
        return inputs * (kept * (2**16 / (2**16 - threshold)))
