"""The cross entropy against TensorFlow's own, and at the ends of float32."""

import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.metrics import CLASSIFICATION_ERROR, CROSS_ENTROPY, Metric
from tfoptcmp.training.losses_and_metrics import cross_entropy, sums


def by_tensorflow(y, logits, weights):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(y, 0), logits)
        mean = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
    return mean, tape.gradient(mean, logits)


def ours(y, logits):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        mean = cross_entropy(y, logits, None)
    return mean, tape.gradient(mean, logits)


@pytest.mark.parametrize("shape", [(7,), (3, 4)], ids=["images", "text"])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4], ids=["near", "far", "beyond exp"])
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_equals_tensorflow(shape, scale, dtype):
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(size=(*shape, 11)) * scale, tf.float32)
    y = tf.constant(rng.integers(-1, 11, shape), dtype)
    (loss, gradient), (expected, expected_gradient) = (
        ours(y, logits),
        by_tensorflow(y, logits, tf.cast(y >= 0, tf.float32)),
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-7)
    total, metric, count = sums(y, logits, CROSS_ENTROPY).numpy()
    assert metric == total
    assert count == np.sum(y.numpy() >= 0)
    assert total / count == pytest.approx(float(expected), rel=1e-6)


def test_small_losses_keep_their_digits():
    # theory: log(1 + exp(-d)) for two logits d apart; a float32 near 1 has 7 digits.
    for d in (0.0, 5.0, 10.0):
        loss = cross_entropy(tf.constant([0]), tf.constant([[d, 0.0]]), None)
        assert float(loss) == pytest.approx(np.log1p(np.exp(-d)), abs=2e-7 * max(d, 1))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_shows(bad):
    loss = cross_entropy(tf.constant([0]), tf.constant([[1.0, bad]]), None)
    assert not np.isfinite(loss)


def test_each_metric_is_its_own():
    y, logits = tf.constant([0, 1, 1, -1]), tf.constant([[2.0, 1], [2, 1], [1, 2], [1, 2]])
    loss, wrong, count = sums(y, logits, CLASSIFICATION_ERROR).numpy()
    assert (wrong, count) == (1, 3)  # by hand; padding does not count
    assert loss == pytest.approx(2 * np.log1p(np.exp(-1)) + np.log1p(np.exp(1)))
    unknown = Metric(name="top-5 error", unit="share")
    with pytest.raises(ValueError, match=r"metric must be one of .*classification error"):
        sums(y, logits, unknown)
