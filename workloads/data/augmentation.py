"""Random crops and flips of image batches, as a function of a seed. Vectorised, TensorFlow only."""

import tensorflow as tf


def crop_and_flip(images: tf.Tensor, seed: tf.Tensor, *, padding: int) -> tf.Tensor:
    """Pads with zeros on all sides, crops at random to the old size, and mirrors at random.

    Zeros are the mean pixel where images are standardised, as in He et al. (2016a).

    Args:
        images: float32 [batch, height, width, channels].
        seed: int64 [2]; equal seeds give equal crops.
        padding: Pixels on each side, >= 0; 0 leaves only the mirroring.

    Returns:
        float32 [batch, height, width, channels].
    """
    batch, height, width, _ = images.shape
    draws = tf.random.stateless_uniform([3, batch, 1], seed)
    top, left = tf.unstack(tf.cast(draws[:2] * (2 * padding + 1), tf.int32))
    columns = tf.range(width)[tf.newaxis]
    columns = tf.where(draws[2] < 0.5, columns, width - 1 - columns)
    if padding:
        border = [padding, padding]
        images = tf.pad(images, [[0, 0], border, border, [0, 0]])
        images = tf.gather(images, top + tf.range(height), axis=1, batch_dims=1)
    return tf.gather(images, left + columns, axis=2, batch_dims=1)
