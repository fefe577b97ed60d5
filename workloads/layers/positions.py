"""Sinusoidal positions (Vaswani et al. 2017, section 3.5)."""

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfoptcmp")
class SinusoidalPositions(keras.layers.Layer):
    """Scales embeddings by the root of their width and adds the code of each one's position.

    Position p = 0, 1, ... has the code sin(p / 10000^(2i / width)) in dimension 2i and the cosine
    of the same in 2i + 1. The scale (section 3.4) makes embeddings of variance 1 / width as large
    as their codes.
    """

    def call(self, embeddings: Any) -> Any:
        """Returns [batch, length, width] of the embeddings' dtype; the width is even."""
        length, width = ops.shape(embeddings)[1], embeddings.shape[-1]
        # In float32, where angles keep 7 digits, whatever the dtype policy.
        position = ops.arange(length, dtype="float32")[:, None]
        angles = position * ops.exp(
            ops.arange(0, width, 2, dtype="float32") * (-math.log(10_000.0) / width)
        )
        codes = ops.reshape(ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1), (length, width))
        return embeddings * width**0.5 + ops.cast(codes, embeddings.dtype)
