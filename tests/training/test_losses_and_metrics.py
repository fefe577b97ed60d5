"""The cross entropy against TensorFlow's own, and at the ends of float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp import metrics
from tfoptcmp.metrics import CLASSIFICATION_ERROR, Metric
from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.workload import WholeSplit


def by_tensorflow(y, logits, weights):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(y, 0), logits)
        mean = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
    return mean, tape.gradient(mean, logits)


def ours(y, logits):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        mean = Problem().objective(y, logits)
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
    sums = Problem().sums(y, logits).numpy()
    assert sums[0] == np.sum(y.numpy() >= 0)
    result = Problem().result(sums)
    assert result.loss == result.metric == pytest.approx(float(expected), rel=1e-6)


def test_small_losses_keep_their_digits():
    # theory: log(1 + exp(-d)) for two logits d apart; a float32 near 1 has 7 digits.
    for d in (0.0, 5.0, 10.0):
        loss = Problem().objective(tf.constant([0]), tf.constant([[d, 0.0]]))
        assert float(loss) == pytest.approx(np.log1p(np.exp(-d)), abs=2e-7 * max(d, 1))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_shows(bad):
    loss = Problem().objective(tf.constant([0]), tf.constant([[1.0, bad]]))
    assert not np.isfinite(loss)


def test_padding_does_not_count():
    y, logits = tf.constant([0, 1, 1, -1]), tf.constant([[2.0, 1], [2, 1], [1, 2], [1, 2]])
    problem = Problem(metric=CLASSIFICATION_ERROR)
    result = problem.result(problem.sums(y, logits).numpy())
    assert result.metric == pytest.approx(1 / 3)  # by hand
    assert result.loss == pytest.approx((2 * np.log1p(np.exp(-1)) + np.log1p(np.exp(1))) / 3)
    assert result.standard_error == pytest.approx(CLASSIFICATION_ERROR.standard_error(1 / 3, 3))


def test_a_batch_of_padding_only_has_no_loss_and_no_gradient():
    loss, gradient = ours(tf.constant([-1, -1]), tf.constant([[2.0, 1], [2, 1]]))
    assert float(loss) == 0
    np.testing.assert_array_equal(gradient, np.zeros((2, 2)))


def test_a_metric_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match=r"metric must be one of .*classification error"):
        Problem(metric=Metric(name="bleu", unit=""))


@pytest.mark.parametrize("loss", ["mse", "mae", None])
@pytest.mark.parametrize("metric", [metrics.CROSS_ENTROPY, metrics.PERPLEXITY])
def test_a_cross_entropy_is_of_a_loss_that_is_one(loss, metric):
    if loss is None:
        Problem(loss, metric)
    else:
        with pytest.raises(ValueError, match="needs a loss that is a cross entropy; got 'm"):
            Problem(loss, metric)


def measured(problem, y, outputs, weights=None, num_batches=3):
    """What a split in so many batches gives."""
    parts = [np.array_split(p, num_batches) if p is not None else None for p in (y, outputs)]
    of_weights = None if weights is None else np.array_split(weights, num_batches)
    batches = list(zip(*parts, of_weights or [None] * num_batches, strict=True))
    sums = sum(problem.sums(*map(_tensor, batch)).numpy() for batch in batches)
    if not problem.is_of_whole_splits:
        return problem.result(sums)
    return problem.result_of_whole(sums, *parts, of_weights, with_error=True)


def _tensor(part):
    return None if part is None else tf.constant(part)


RNG = np.random.default_rng(1)
CLASSES = RNG.integers(0, 7, 90).astype(np.int32)
LOGITS = RNG.normal(size=(90, 7)).astype(np.float32)
TRUTH = RNG.normal(size=(90, 2)).astype(np.float32)
PREDICTED = (TRUTH + 0.3 * RNG.normal(size=(90, 2))).astype(np.float32)
BINARY = RNG.integers(0, 2, 90).astype(np.int32)
SCORES = (BINARY[:, None] + RNG.normal(size=(90, 1))).astype(np.float32)
WEIGHTS = RNG.uniform(0.0, 3.0, 90).astype(np.float32)
FROM_LOGITS = keras.losses.BinaryCrossentropy(from_logits=True)

# Loss, metric, what is learnt, outputs, and Keras's metric on the same.
AGAINST_KERAS = {
    "accuracy": (None, metrics.ACCURACY, CLASSES, LOGITS, keras.metrics.SparseCategoricalAccuracy),
    "top 5": (
        *(None, metrics.TOP_5_ERROR, CLASSES, LOGITS),
        lambda: keras.metrics.SparseTopKCategoricalAccuracy(5),
    ),
    "one-hot": (
        keras.losses.CategoricalCrossentropy(from_logits=True),
        *(metrics.ACCURACY, np.eye(7, dtype=np.float32)[CLASSES], LOGITS),
        keras.metrics.CategoricalAccuracy,
    ),
    "binary": (
        *(FROM_LOGITS, metrics.ACCURACY, BINARY[:, None], SCORES),
        lambda: keras.metrics.BinaryAccuracy(threshold=0.0),
    ),
    "binary, flat": (
        *(FROM_LOGITS, metrics.ACCURACY, BINARY, SCORES),
        lambda: keras.metrics.BinaryAccuracy(threshold=0.0),
    ),
    "mse": ("mse", metrics.MEAN_SQUARED_ERROR, TRUTH, PREDICTED, keras.metrics.MeanSquaredError),
    "mae": (
        "huber",
        metrics.MEAN_ABSOLUTE_ERROR,
        TRUTH,
        PREDICTED,
        keras.metrics.MeanAbsoluteError,
    ),
    "R2": (
        *("mse", metrics.R2, TRUTH, PREDICTED),
        lambda: keras.metrics.R2Score(class_aggregation="uniform_average"),
    ),
    "AUC": (
        *(FROM_LOGITS, metrics.AUC, BINARY[:, None], SCORES),
        lambda: keras.metrics.AUC(num_thresholds=20_000, from_logits=True),
    ),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", AGAINST_KERAS)
def test_equals_keras(case, weights):
    loss, metric, y, outputs, reference = AGAINST_KERAS[case]
    found = measured(Problem(loss, metric), y, outputs, weights)
    keras_metric = reference()
    labels = y[:, None] if case == "binary, flat" else y
    keras_metric.update_state(labels, outputs, sample_weight=weights)
    expected = float(keras_metric.result())
    expected = 1 - expected if metric is metrics.TOP_5_ERROR else expected
    assert found.metric == pytest.approx(expected, abs=3e-4 if case == "AUC" else 1e-6)
    # Keras's own mean: weights count in the sum and not in the number.
    keras_loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    keras_loss = keras.losses.get(keras_loss) if isinstance(keras_loss, str) else keras_loss
    if not isinstance(keras_loss, keras.losses.Loss):
        values = keras.ops.convert_to_numpy(keras_loss(y, outputs))
        mean = np.mean(values * (1 if weights is None else weights))
    else:
        mean = float(keras_loss(labels, outputs, sample_weight=weights))
    assert found.loss == pytest.approx(float(mean), rel=1e-5)
    objective = Problem(loss, metric).objective(
        tf.constant(y), tf.constant(outputs), _tensor(weights)
    )
    assert float(objective) == pytest.approx(float(mean), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "metric", "y", "outputs"),
    [
        (None, metrics.PERPLEXITY, CLASSES, LOGITS),
        ("mse", metrics.MEAN_ABSOLUTE_ERROR, TRUTH, PREDICTED),
        ("mse", metrics.R2, TRUTH, PREDICTED),
        (FROM_LOGITS, metrics.F1, BINARY, SCORES),
        (FROM_LOGITS, metrics.AUC, BINARY, SCORES),
    ],
    ids=["perplexity", "mae", "R2", "F1", "AUC"],
)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_standard_errors_are_those_of_resampled_examples(loss, metric, y, outputs, weights):
    """Against a bootstrap of our own over everything, 1,000 times; each is known to 5 % or so."""
    problem = Problem(loss, metric)
    found = measured(problem, y, outputs, weights)
    rng = np.random.default_rng(5)
    again = []
    for _ in range(1000):
        rows = rng.integers(90, size=90)
        drawn = None if weights is None else weights[rows]
        if problem.is_of_whole_splits:
            again.append(problem._of_whole(y[rows], outputs[rows], drawn))
        else:
            sums = problem.sums(*map(_tensor, (y[rows], outputs[rows], drawn)))
            again.append(problem.result(sums.numpy()).metric)
    assert found.standard_error == pytest.approx(np.std(again), rel=0.25)


def test_perplexity_is_that_of_the_mean():
    of_losses = measured(Problem(), CLASSES, LOGITS)
    found = measured(Problem(metric=metrics.PERPLEXITY), CLASSES, LOGITS)
    assert found.metric == pytest.approx(np.exp(of_losses.metric))


def test_metrics_of_ones_own():
    """Each as its own kind: a value an example, Keras's mean, Keras's other, a whole split."""
    mine = Metric(name="largest", unit="m")
    by_example = Problem("mse", mine, lambda y, outputs: tf.reduce_max(abs(y - outputs), axis=-1))
    largest = np.abs(TRUTH - PREDICTED).max(axis=1)
    found = measured(by_example, TRUTH, PREDICTED)
    assert found.metric == pytest.approx(largest.mean())
    assert found.standard_error == pytest.approx(largest.std() / 90**0.5)
    for kind in (keras.metrics.MeanAbsoluteError(), keras.metrics.RootMeanSquaredError()):
        kind.update_state(TRUTH, PREDICTED)
        expected = float(kind.result())
        assert measured(Problem("mse", mine, kind), TRUTH, PREDICTED).metric == pytest.approx(
            expected
        )
    whole = WholeSplit(lambda y, outputs, weights: float(np.median(abs(y - outputs))))
    found = measured(Problem("mse", mine, whole), TRUTH, PREDICTED)
    assert found.metric == np.median(abs(TRUTH - PREDICTED))
    assert 0.005 < found.standard_error < 0.05


class RootOfMean(keras.metrics.MeanMetricWrapper):
    """Not the mean of its function, but a function of that."""

    def result(self):
        return keras.ops.sqrt(super().result())


class Doubled(keras.metrics.MeanSquaredError):
    """The mean of another function of the outputs."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(y_true, 2 * y_pred, sample_weight)


@pytest.mark.parametrize("kind", [RootOfMean(keras.losses.mean_squared_error, "rmse"), Doubled()])
def test_what_a_metric_of_keras_overrides_counts(kind):
    kind.update_state(TRUTH, PREDICTED)
    expected = float(kind.result())
    found = measured(Problem("mse", Metric(name="mine", unit=""), kind), TRUTH, PREDICTED)
    assert found.metric == pytest.approx(expected)


@pytest.mark.parametrize(
    "loss",
    ["hinge", "squared_hinge", "Hinge", keras.losses.Hinge(), keras.losses.SquaredHinge()],
    ids=("hinge", "squared_hinge", "Hinge", "an object", "a squared object"),
)
@pytest.mark.parametrize(
    ("metric", "expected"),
    [(CLASSIFICATION_ERROR, 0.0), (metrics.ACCURACY, 1.0), (metrics.F1, 1.0)],
    ids=["error", "accuracy", "F1"],
)
def test_hinge_losses_tell_two_classes_apart_at_0(loss, metric, expected):
    y, outputs = np.array([1, 1, 0]), np.array([[0.3], [0.2], [-0.3]], np.float32)
    assert measured(Problem(loss, metric), y, outputs).metric == expected


@pytest.mark.parametrize("metric", [metrics.F1, metrics.AUC], ids=["F1", "AUC"])
@pytest.mark.parametrize("lowest", [0, -1], ids=["plain", "padded"])
def test_weights_of_examples_may_be_a_column_and_are_those_of_their_tokens(metric, lowest):
    rng = np.random.default_rng(7)
    y, outputs = rng.integers(lowest, 2, (90, 4)), rng.normal(size=(90, 4, 2)).astype(np.float32)
    problem = Problem(None, metric)
    of_tokens = measured(problem, y, outputs, np.repeat(WEIGHTS[:, None], 4, axis=1))
    for weights in (WEIGHTS, WEIGHTS[:, None]):
        assert measured(problem, y, outputs, weights) == of_tokens
    flat = measured(problem, y[:, 0], outputs[:, 0], WEIGHTS)
    assert measured(problem, y[:, 0], outputs[:, 0], WEIGHTS[:, None]) == flat


def test_the_loss_itself_can_be_the_metric():
    found = measured(Problem("huber", Metric(name="loss", unit=""), "loss"), TRUTH, PREDICTED)
    assert found.metric == found.loss


@pytest.mark.parametrize(
    ("loss", "measure", "words"),
    [
        (lambda y, outputs: tf.reduce_mean(y - outputs), "loss", "loss must give one value for"),
        ("mse", lambda y, outputs: tf.reduce_mean(y), "WholeSplit; got a scalar"),
        (3, "loss", "loss must be a Keras loss, its name or a function; got 3"),
    ],
    ids=["loss", "metric", "number"],
)
def test_scalars_are_refused(loss, measure, words):
    with pytest.raises(ValueError, match=words):
        measured(Problem(loss, Metric(name="mine", unit=""), measure), TRUTH, PREDICTED)


def test_outputs_that_are_not_finite_have_no_metric_of_the_whole():
    outputs = PREDICTED.copy()
    outputs[3, 1] = np.nan
    found = measured(Problem("mse", metrics.R2), TRUTH, outputs)
    assert np.isnan(found.metric)
    assert np.isnan(found.standard_error)
    assert np.isnan(found.loss)
