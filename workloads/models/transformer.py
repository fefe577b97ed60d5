"""Transformer decoder without an encoder (Vaswani et al. 2017): a language model.

Choi et al. 2019 train the "base" one without dropout and with separate matrices for the input
embedding and the softmax (reconstructed from memory of appendix B). Ours, where that says nothing:

- Layer normalisation comes before attention and feed-forward, and once at the end, rather than
  after each sum as in Vaswani et al.: the latter needs a learning rate that warms up (Xiong et al.
  2020), and the schedules of the comparison start at their highest rate.
- Projections of the attention and the softmax matrix have no biases, as in Vaswani et al.'s
  equations. A bias of the keys would have a gradient of zero except for rounding, which an adaptive
  rule with a small epsilon turns into steps of full size.
- Initial weights are Glorot uniform, those of the embedding normal with variance 1 / width.
"""

import keras
from keras import ops
from tfoptcmp.workloads.layers.positions import SinusoidalPositions

from tfoptcmp.workload import Budget, Splits


def transformer(
    *,
    vocabulary_size: int,
    num_layers: int = 6,
    width: int = 512,
    feed_forward_width: int = 2048,
    num_heads: int = 8,
) -> keras.Model:
    """Builds the network: tokens to logits of the next ones.

    Position t sees the tokens 0, ..., t that are not 0, which is padding. Its output at padding
    means nothing, and the loss must leave it out.

    Args:
        vocabulary_size: Number of different tokens, with padding.
        num_layers: Decoder layers.
        width: Of the embedding and of every layer, even and a multiple of `num_heads`.
        feed_forward_width: Hidden units of the feed-forward part of a layer.
        num_heads: Attention heads.

    Returns:
        An uncompiled model from int32 [batch, length] to float32 logits [batch, length,
        vocabulary_size]. The defaults and 32,000 tokens give 51,671,040 parameters.
    """
    tokens = keras.Input((None,), dtype="int32")
    visible = ops.not_equal(tokens, 0)[:, None, :]  # [batch, 1, length], for every query alike
    x = keras.layers.Embedding(
        vocabulary_size,
        width,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
    )(tokens)
    x = SinusoidalPositions()(x)
    for _ in range(num_layers):
        normalised = _layer_norm(x)
        attended = keras.layers.MultiHeadAttention(
            num_heads, width // num_heads, use_bias=False, kernel_initializer=_glorot_uniform(width)
        )(normalised, normalised, attention_mask=visible, use_causal_mask=True)
        x = keras.layers.Add()([x, attended])
        hidden = keras.layers.Dense(feed_forward_width, activation="relu")(_layer_norm(x))
        x = keras.layers.Add()([x, keras.layers.Dense(width)(hidden)])
    # float32 whatever the dtype policy: the softmax of the loss needs the digits.
    logits = keras.layers.Dense(vocabulary_size, use_bias=False, dtype="float32")(_layer_norm(x))
    return keras.Model(tokens, logits, name="transformer")


def _glorot_uniform(width: int) -> keras.initializers.Initializer:
    """Glorot uniform of a [width, width] matrix, in whatever shape a projection has it.

    By its name, Keras before 3.15 takes heads for pixels: weights are up to 6 times smaller.
    """
    limit = (3 / width) ** 0.5
    return keras.initializers.RandomUniform(-limit, limit)


def _layer_norm(x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.LayerNormalization(epsilon=1e-6)(x)


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds the network for a workload's vocabulary and its budget's "num_layers" and "width".

    The other sizes follow the width as in Vaswani et al.'s "base" one. See `Workload.build`.
    """
    width = int(budget.options["width"])
    return transformer(
        vocabulary_size=splits.num_classes,
        num_layers=int(budget.options["num_layers"]),
        width=width,
        feed_forward_width=4 * width,
        num_heads=width // 64,
    )
