"""Dropout with a cheaper mask than Keras's. TensorFlow only.

Keras draws a float32 for every activation, and most of a dropout's time goes into drawing it.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfoptcmp")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, with masks from 16 random bits an activation rather than 32.

    The rate is rounded to a multiple of 2^-16, by which what is kept is scaled too. Masks are
    others than Keras's, and like those a function of the layer's seed generator. They are
    multiplied with, so that an infinite activation becomes NaN where Keras drops it. Keras's layer
    does the work where `noise_shape` is given.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the inputs, some of them zeroed and the rest scaled up if training."""
        threshold = round(self.rate * 2**16)
        if not training or threshold in (0, 2**16) or self.noise_shape is not None:
            return super().call(inputs, training=training)
        size = tf.size(inputs)
        words = tf.random.stateless_uniform(
            [(size + 1) // 2], self.seed_generator.next(), None, None, tf.int32
        )
        bits = tf.reshape(tf.bitcast(words, tf.uint16), (-1,))[:size]
        kept = tf.cast(tf.reshape(bits, tf.shape(inputs)) >= threshold, inputs.dtype)
        return inputs * (kept * (2**16 / (2**16 - threshold)))
