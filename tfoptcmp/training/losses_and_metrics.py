"""The one loss of all workloads, and their metrics: of class numbers, with padding left out.

The loss is softmax cross entropy.

Sums and counts rather than means, so that batches of unequal size add up exactly. In nats.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfoptcmp.metrics import CLASSIFICATION_ERROR, CROSS_ENTROPY, Metric


def cross_entropy(
    y: tf.Tensor,
    logits: tf.Tensor,
    label_smoothing: tf.Tensor | None,
    total: Callable[[tf.Tensor], tf.Tensor] = lambda count: count,
) -> tf.Tensor:
    """Mean cross entropy over the entries of `y` that are not padding.

    Args:
        y: Integer class numbers [...]; negative ones are padding.
        logits: [..., classes].
        label_smoothing: Scalar s in [0, 1]: the label's distribution is 1 - s on the class plus
            s / classes on each (Szegedy et al. 2016); None leaves it out of the graph.
        total: From the number of entries here to that of the whole batch, where y is a part of it.

    Returns:
        Scalar, float32; for a part, its share of the whole batch's mean.
    """
    losses, weights = _losses(y, logits)
    if label_smoothing is not None:
        logits = tf.cast(logits, tf.float32)
        uniform = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
        losses += label_smoothing * (uniform - losses)
    return tf.reduce_sum(losses * weights) / total(tf.reduce_sum(weights))


def sums(y: tf.Tensor, logits: tf.Tensor, metric: Metric) -> tf.Tensor:
    """Sums over the entries of `y` that are not padding.

    Args:
        y: As in `cross_entropy`.
        logits: Likewise.
        metric: One of those that are computed here.

    Returns:
        float64 [3]: sums of the cross entropies and of the metric, number of entries.

    Raises:
        ValueError: If the metric is not one of them.
    """
    if metric not in _METRICS:
        raise ValueError(f"metric must be one of {[m.name for m in _METRICS]}; got {metric!r}")
    losses, weights = _losses(y, logits)
    values = _METRICS[metric](y, logits, losses)
    return tf.stack(
        [tf.reduce_sum(tf.cast(s * weights, tf.float64)) for s in (losses, values, weights)]
    )


def _is_wrong(y: tf.Tensor, logits: tf.Tensor, losses: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.not_equal(tf.argmax(logits, axis=-1, output_type=y.dtype), y), tf.float32)


# From y, logits and cross entropies to the value of each entry; a new metric needs a line here.
_METRICS: dict[Metric, Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]] = {
    CLASSIFICATION_ERROR: _is_wrong,
    CROSS_ENTROPY: lambda y, logits, losses: losses,
}


def _losses(y: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    losses = _cross_entropies(tf.cast(logits, tf.float32), tf.maximum(y, 0))
    return losses, tf.cast(y >= 0, tf.float32)


@tf.custom_gradient
def _cross_entropies(logits: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    """Equals `tf.nn.sparse_softmax_cross_entropy_with_logits`, up to rounding.

    Under op determinism that one is put together of log softmax, its exponential and sums, each of
    which goes through the memory of all logits. Here the softmax serves values and gradient. Only
    the highest probability needs a logarithm: it is at least 1 / classes, and the others' are as
    much lower as their logits.
    """
    probabilities = tf.nn.softmax(logits)
    below_highest = tf.reduce_max(logits, -1) - tf.gather(logits, y, batch_dims=y.shape.rank)
    losses = below_highest - tf.math.log(tf.reduce_max(probabilities, -1))

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        num_classes = logits.shape[-1]
        scaled = tf.reshape(probabilities * upstream[..., None], (-1, num_classes))
        rows = tf.range(tf.size(y, y.dtype))
        of_labels = tf.stack([rows, tf.reshape(y, (-1,))], axis=-1)
        scaled = tf.tensor_scatter_nd_sub(scaled, of_labels, tf.reshape(upstream, (-1,)))
        return tf.reshape(scaled, tf.shape(logits)), None

    return losses, gradient
