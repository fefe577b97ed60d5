"""What a workload minimises and measures, on batches and on whole splits. TensorFlow only.

Sums rather than means, so that batches of unequal size add up exactly. The softmax cross entropy of
class numbers is our own; all other losses are Keras's or the user's, and metrics of whole splits
scikit-learn's, Keras's or the user's.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import sklearn.metrics
import tensorflow as tf
from numpy.typing import NDArray

from tfoptcmp import metrics
from tfoptcmp.metrics import Metric
from tfoptcmp.workload import Loss, Measure, WholeSplit, is_sparse, loss_name

PADDING = "mark padding by the label -1, for the default loss, or by weights of 0"
"""What to do with entries that are not to count."""

OF_BOTH = (
    "give your own metric, and as its measure a function (y, outputs) that returns a value for "
    "each example"
)
"""What to do with several outputs."""

_NUM_RESAMPLES = 200
_NUM_RESAMPLES_OF_KERAS = 50  # whose metrics take some 10 ms each
_MOST_RESAMPLED = 2 * 10**7  # examples, in all resamples together
_LEAST_RESAMPLES = 20

Array = NDArray[Any]


class Result(NamedTuple):
    """What was measured on a split.

    Attributes:
        loss: Mean over its entries.
        metric: Value of the workload's metric.
        standard_error: What the metric varies by because the split is finite; NaN if not known.
    """

    loss: float
    metric: float
    standard_error: float = math.nan


class Problem:
    """A loss and a metric.

    An entry is what has a loss of its own: an example, or a token of a sequence. Entries may have
    weights: as Keras has it, the loss is the sum of weight times loss over the number of entries,
    and a metric is the weighted mean. Class numbers below 0 are padding: no entries at all.

    Args:
        loss: As `Workload.loss_function`.
        metric: The workload's.
        measure: As `Workload.measure`.

    Attributes:
        is_of_classes: Whether the metric compares class numbers, or ranks two classes.
        is_of_one: Whether the metric is of one y and one output.
        is_own: Whether the metric is computed by what the user gave.
        is_softmax: Whether the loss is the cross entropy of class numbers.
        loss_is_keras: Whether it is one of Keras's, which take one tensor each.
        loss_is_sparse: Whether that takes class numbers.

    Raises:
        ValueError: If nothing is known of such a loss or metric.
    """

    def __init__(
        self, loss: Loss = None, metric: Metric = metrics.CROSS_ENTROPY, measure: Measure = None
    ) -> None:
        self.is_softmax = loss is None
        self.loss_is_keras = isinstance(loss, str | keras.losses.Loss)
        self.loss_is_sparse = is_sparse(loss)
        self._losses = _softmax_cross_entropies if loss is None else _unreduced(loss)
        self._from_logits = (
            loss is None or _is_hinge(loss) or bool(getattr(loss, "from_logits", False))
        )
        kind: Any = _KINDS.get(metric.name, metric.name) if measure is None else measure
        if metric.name in _OF_CROSS_ENTROPY and measure is None and not _is_cross_entropy(loss):
            raise ValueError(f"{metric.name} needs a loss that is a cross entropy; got {loss!r}")
        self.is_of_classes = kind in _OF_CLASSES
        self.is_of_one = kind in ("mean squared error", "mean absolute error", "R2")
        self.is_own = measure not in (None, "loss")
        self._shown: Callable[[float], float] = float
        self._slope: Callable[[float], float] = lambda value: 1.0
        self._whole: Callable[..., float] | None = None
        self._num_resamples = _NUM_RESAMPLES
        if kind == "loss":
            self._values: _PerEntry = lambda y, outputs, losses: losses
        elif kind in ("mean squared error", "mean absolute error"):
            function = getattr(keras.losses, kind.replace(" ", "_"))
            self._values = _of_keras(function)
        elif kind == "perplexity":
            self._values = lambda y, outputs, losses: losses
            self._shown = self._slope = _exp
        elif isinstance(kind, WholeSplit):
            self._whole = kind.function
        elif kind in ("R2", "AUC", "F1"):
            of_whole = {"R2": _r2, "AUC": self._auc, "F1": self._f1}
            self._whole = of_whole[kind]
        elif kind in ("error", "accuracy"):
            self._values = self._wrong if kind == "error" else self._right
        elif kind == "top-5 error":
            self._values = self._outside_top_5
        elif isinstance(kind, type):
            raise ValueError(f"what measures a metric must be no class; got {kind!r}")
        elif isinstance(kind, keras.metrics.Metric):
            function = getattr(kind, "_fn", None)
            if function is not None and _is_plain_mean(kind):
                self._values = _of_keras(lambda y, o: function(y, o, **kind._fn_kwargs))
            else:
                self._whole = _by_keras(kind)
                self._num_resamples = _NUM_RESAMPLES_OF_KERAS
        elif callable(kind):
            self._values = _of_function(kind)
        else:
            raise ValueError(
                f"metric must be one of {[*_KINDS]}, or come with `measure`, which computes it; "
                f"got {kind!r}"
            )

    @property
    def is_of_whole_splits(self) -> bool:
        """Whether the metric needs all outputs of a split together."""
        return self._whole is not None

    def objective(
        self,
        y: Any,
        outputs: Any,
        weights: tf.Tensor | None = None,
        label_smoothing: tf.Tensor | None = None,
        total: Callable[[tf.Tensor], tf.Tensor] = lambda count: count,
    ) -> tf.Tensor:
        """Returns the loss of a batch.

        Args:
            y: What is to be learnt; class numbers [...] for the softmax cross entropy.
            outputs: Of the network; logits [..., classes] for the softmax cross entropy.
            weights: Of the entries, [batch] or as the entries; None if all are 1.
            label_smoothing: Scalar s in [0, 1]: the label's distribution is 1 - s on the class
                plus s / classes on each (Szegedy et al. 2016); None leaves it out of the graph.
                For the softmax cross entropy only.
            total: From the number of entries here to that of the whole batch, where y is a part of
                it.

        Returns:
            Scalar, float32; for a part, its share of the whole batch's mean.
        """
        losses, counted = self._entries(y, outputs)
        if label_smoothing is not None:
            logits = tf.cast(outputs, tf.float32)
            uniform = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
            losses += label_smoothing * (uniform - losses)
        weighted = losses * _spread(weights, counted)
        # A batch of padding only has the loss 0.
        return tf.reduce_sum(weighted) / tf.maximum(total(tf.reduce_sum(counted)), 1.0)

    def sums(self, y: Any, outputs: Any, weights: tf.Tensor | None = None) -> tf.Tensor:
        """Returns what adds up over the batches of a split, for `result`.

        Args:
            y: As in `objective`.
            outputs: Likewise.
            weights: Likewise.

        Returns:
            float64 [7]: number of entries, sum of weight times loss; sums of w, w m, w^2, w^2 m and
            w^2 m^2, with w the weight and m the metric of an entry (0 for one of whole splits).
        """
        losses, counted = self._entries(y, outputs)
        values = losses if self._whole is not None else self._values(y, outputs, losses)
        # A metric may be of examples where the loss is of the tokens in them.
        measured = counted if values.shape.rank == losses.shape.rank else tf.ones_like(values)
        of_losses, w = (
            tf.cast(_spread(weights, entries), tf.float64) for entries in (counted, measured)
        )
        losses, m = (tf.cast(part, tf.float64) for part in (losses, values))
        terms = [counted, losses * of_losses, w, w * m, w * w, w * w * m, w * w * m * m]
        return tf.stack([tf.reduce_sum(tf.cast(term, tf.float64)) for term in terms])

    def result(self, sums: Array) -> Result:
        """Returns the result of a split from the total of `sums`; not of whole-split metrics."""
        count, loss, weight, value, squared, once, twice = map(float, sums)
        mean = value / weight if weight else math.nan
        variance = max(0.0, twice - 2 * mean * once + mean * mean * squared)
        error = math.sqrt(variance) / weight if weight and variance == variance else math.nan
        slope = abs(self._slope(mean))
        return Result(loss / count if count else math.nan, self._shown(mean), slope * error)

    def result_of_whole(
        self,
        sums: Array,
        y: Sequence[Any],
        outputs: Sequence[Any],
        weights: Sequence[Array] | None,
        *,
        with_error: bool,
    ) -> Result:
        """Returns the result of a split, of which all outputs are given batch by batch.

        Args:
            sums: Total of `sums`.
            y: Of each batch.
            outputs: Of each batch.
            weights: Of each batch, if entries have weights.
            with_error: Whether to find the standard error too, by a bootstrap over the examples.
        """
        assert self._whole is not None, "is_of_whole_splits"
        loss = self.result(sums).loss
        parts = {"y": _joined(y), "outputs": _joined(outputs)}
        parts["weights"] = None if weights is None else np.concatenate(weights)
        if weights is not None and not self.is_softmax:
            parts["weights"] = columns(parts["weights"], 1)
        value = self._of_whole(**parts)
        num = len(keras.tree.flatten(parts["y"])[0])
        if not with_error or num < 2 or not math.isfinite(value):
            return Result(loss, value)
        rng = np.random.default_rng(num)
        again = []
        most = max(_LEAST_RESAMPLES, _MOST_RESAMPLED // num)
        for _ in range(min(self._num_resamples, most)):
            rows = rng.integers(num, size=num)
            drawn = {name: _rows(part, rows) for name, part in parts.items()}
            again.append(self._of_whole(**drawn))
        finite = [one for one in again if math.isfinite(one)]  # not all: one class alone was drawn
        return Result(loss, value, float(np.std(finite, ddof=1)) if len(finite) > 1 else math.nan)

    def _of_whole(self, y: Any, outputs: Any, weights: Array | None) -> float:
        assert self._whole is not None, "is_of_whole_splits"
        if not all(np.isfinite(part).all() for part in keras.tree.flatten(outputs)):
            return math.nan  # diverged
        if self.is_softmax:
            weights = None if weights is None else _like(weights, y)
            if np.min(y) < 0:  # without the padding
                kept = y >= 0
                y, outputs = y[kept], outputs[kept]
                weights = None if weights is None else weights[kept]
        return float(self._whole(y, outputs, weights))

    def _entries(self, y: Any, outputs: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Losses of the entries, and 1 for each that counts, 0 for padding; float32."""
        losses = self._losses(y, outputs)
        if self.is_softmax:
            return losses, tf.cast(y >= 0, tf.float32)
        return losses, tf.ones_like(losses)

    def classes(self, y: Any, outputs: Any) -> tuple[Any, Any]:
        """Class numbers that are right and those that the outputs name; of arrays or tensors."""
        if outputs.shape[-1] == 1:  # one output tells two classes apart
            named = outputs[..., 0] > (0.0 if self._from_logits else 0.5)
            right = y if len(y.shape) < len(outputs.shape) else y[..., 0]
            return tf.cast(right, tf.int64), tf.cast(named, tf.int64)
        is_one_hot = len(y.shape) == len(outputs.shape) and y.shape[-1] == outputs.shape[-1]
        if not is_one_hot and len(y.shape) == len(outputs.shape):  # Keras allows [..., 1]
            y = y[..., 0]
        right = tf.argmax(y, axis=-1) if is_one_hot else tf.cast(y, tf.int64)
        return right, tf.argmax(outputs, axis=-1)

    def _wrong(self, y: Any, outputs: Any, losses: tf.Tensor) -> tf.Tensor:
        right, named = self.classes(y, outputs)
        return tf.cast(tf.not_equal(named, right), tf.float32)

    def _right(self, y: Any, outputs: Any, losses: tf.Tensor) -> tf.Tensor:
        return 1.0 - self._wrong(y, outputs, losses)

    def _outside_top_5(self, y: Any, outputs: Any, losses: tf.Tensor) -> tf.Tensor:
        right, _ = self.classes(y, outputs)
        rows = tf.reshape(outputs, (-1, outputs.shape[-1]))
        best = tf.math.in_top_k(
            tf.reshape(tf.maximum(right, 0), (-1,)), rows, min(5, rows.shape[-1])
        )
        return tf.reshape(1.0 - tf.cast(best, tf.float32), tf.shape(right))

    def _f1(self, y: Array, outputs: Array, weights: Array | None) -> float:
        right, named = (np.asarray(part) for part in self.classes(y, outputs))
        average = "binary" if outputs.shape[-1] <= 2 else "macro"
        return float(
            sklearn.metrics.f1_score(
                right.ravel(),
                named.ravel(),
                sample_weight=_flat(weights, right),
                average=average,
                zero_division=0.0,
            )
        )

    def _auc(self, y: Array, outputs: Array, weights: Array | None) -> float:
        num_classes = outputs.shape[-1]
        if num_classes > 2:
            raise ValueError(f"AUC must be of two classes; got outputs for {num_classes}")
        scores = outputs[..., -1] - (outputs[..., 0] if num_classes == 2 else 0.0)
        right, _ = self.classes(y, outputs)
        if len(np.unique(right)) < 2:
            return math.nan
        return float(
            sklearn.metrics.roc_auc_score(
                np.ravel(right), scores.ravel(), sample_weight=_flat(weights, right)
            )
        )


_PerEntry = Callable[[Any, Any, tf.Tensor], tf.Tensor]

# Name of a metric to how it is measured.
_KINDS: dict[str, str] = {
    metrics.CLASSIFICATION_ERROR.name: "error",
    metrics.ACCURACY.name: "accuracy",
    metrics.TOP_5_ERROR.name: "top-5 error",
    metrics.CROSS_ENTROPY.name: "loss",
    metrics.PERPLEXITY.name: "perplexity",
    metrics.MEAN_SQUARED_ERROR.name: "mean squared error",
    metrics.MEAN_ABSOLUTE_ERROR.name: "mean absolute error",
    metrics.R2.name: "R2",
    metrics.AUC.name: "AUC",
    metrics.F1.name: "F1",
}


_OF_CLASSES = ("error", "accuracy", "top-5 error", "AUC", "F1")
_OF_CROSS_ENTROPY = (metrics.CROSS_ENTROPY.name, metrics.PERPLEXITY.name)


def _is_cross_entropy(loss: Loss) -> bool:
    return loss is None or "crossentropy" in loss_name(loss).replace("_", "").lower()


def _is_hinge(loss: Loss) -> bool:
    """Whether it is one of -1 and 1, whose outputs are on both sides of 0."""
    found = keras.losses.get(loss) if isinstance(loss, str) else loss
    return found in (keras.losses.hinge, keras.losses.squared_hinge) or isinstance(
        found, keras.losses.Hinge | keras.losses.SquaredHinge
    )


def _is_plain_mean(kind: keras.metrics.Metric) -> bool:
    """Whether a metric is the mean of its function, and nothing of a subclass's own."""
    mean = keras.metrics.MeanMetricWrapper
    return isinstance(kind, mean) and all(
        getattr(type(kind), name) is getattr(mean, name) for name in ("update_state", "result")
    )


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _r2(y: Array, outputs: Array, weights: Array | None) -> float:
    if y.size != outputs.size:
        raise ValueError(f"R2 must be of equal shapes; got {y.shape} and outputs {outputs.shape}")
    shape = (len(y), -1)
    return float(
        sklearn.metrics.r2_score(y.reshape(shape), outputs.reshape(shape), sample_weight=weights)
    )


def _by_keras(metric: keras.metrics.Metric) -> Callable[[Any, Any, Array | None], float]:
    def measured(y: Any, outputs: Any, weights: Array | None) -> float:
        metric.reset_state()
        metric.update_state(y, outputs, sample_weight=weights)
        return float(metric.result())

    return measured


def _of_function(function: Callable[[Any, Any], Any]) -> _PerEntry:
    def values(y: Any, outputs: Any, losses: tf.Tensor) -> tf.Tensor:
        found = tf.cast(function(y, outputs), tf.float32)
        if found.shape.rank == 0:
            raise ValueError(
                "what measures a metric must give one value for each example; for a metric of all "
                "examples of a split together use tfoptcmp.workload.WholeSplit; got a scalar"
            )
        _check_entries("what measures a metric", found, y, outputs)
        return found

    return values


def _of_keras(function: Callable[[Any, Any], Any]) -> _PerEntry:
    """Of one of Keras's, which take the mean over the last axis, examples' where it is the only."""

    def values(y: Any, outputs: Any) -> Any:
        if isinstance(outputs, tf.Tensor) and outputs.shape.rank == 1:
            y, outputs = _as_keras_takes(y, outputs)
        return function(y, outputs)

    return _of_function(values)


def _unreduced(loss: Any) -> Callable[[Any, Any], tf.Tensor]:
    """A Keras loss or a function as one that gives a value for each entry."""
    found = keras.losses.get(loss) if isinstance(loss, str) else loss
    function = found.call if isinstance(found, keras.losses.Loss) else found
    if not callable(function) or isinstance(function, type):
        raise ValueError(f"loss must be a Keras loss, its name or a function; got {loss!r}")
    reduction = getattr(loss, "reduction", "sum_over_batch_size")
    if reduction not in ("sum_over_batch_size", "mean"):
        raise ValueError(
            f"loss must have the reduction 'sum_over_batch_size', the mean; got {reduction!r}"
        )
    if (ignored := getattr(loss, "ignore_class", None)) is not None:
        raise ValueError(
            f"loss must have no ignore_class, whose entries would count as losses of 0; got "
            f"{ignored!r}: {PADDING}"
        )

    def losses(y: Any, outputs: Any) -> tf.Tensor:
        if isinstance(loss, str | keras.losses.Loss) and not is_sparse(loss):
            y, outputs = _as_keras_takes(y, outputs)
        values = tf.cast(function(y, outputs), tf.float32)
        if values.shape.rank == 0:
            raise ValueError(f"loss must give one value for each example; got a scalar of {loss!r}")
        _check_entries("loss", values, y, outputs)
        return values

    return losses


def _as_keras_takes(y: Any, outputs: Any) -> tuple[Any, Any]:
    """One output or target an example as [batch, 1]; Keras does so in `fit`."""
    if not isinstance(y, tf.Tensor) or not isinstance(outputs, tf.Tensor):
        return y, outputs
    if outputs.shape.rank == 1:
        outputs = outputs[:, None]
    if y.shape.rank == outputs.shape.rank - 1 and outputs.shape[-1] == 1:
        y = y[..., None]
    return y, outputs


def _check_entries(name: str, values: tf.Tensor, y: Any, outputs: Any) -> None:
    """Finds values of [batch] minus [batch, 1], which are [batch, batch]."""
    shapes = [part.shape for part in keras.tree.flatten((y, outputs))]
    rank = values.shape.rank
    if not any(shape.rank >= rank and shape[:rank] == values.shape for shape in shapes):
        raise ValueError(
            f"{name} must give one value for each example or token; got {tuple(values.shape)} for "
            f"y and outputs of {', '.join(str(tuple(shape)) for shape in shapes)}"
        )


def _spread(weights: tf.Tensor | None, entries: tf.Tensor) -> tf.Tensor:
    """The weights of entries, those of padding 0."""
    if weights is None:
        return entries
    weights = tf.cast(weights, entries.dtype)
    return entries * columns(weights, entries.shape.rank)


def columns(weights: Any, rank: int) -> Any:
    """Returns weights with so many dimensions, of [batch] or [batch, 1] or as the entries."""
    while len(weights.shape) > rank and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if len(weights.shape) > rank:
        raise ValueError(
            f"weights must be one for each example, [batch], or each token; got {weights.shape}"
        )
    return weights[(...,) + (None,) * (rank - len(weights.shape))]


def _like(weights: Array, entries: Array) -> Array:
    """The weight of each entry."""
    return np.broadcast_to(columns(weights, entries.ndim), entries.shape)


def _flat(weights: Array | None, entries: Array) -> Array | None:
    return None if weights is None else np.ravel(_like(weights, entries))


def _joined(parts: Sequence[Any]) -> Any:
    return keras.tree.map_structure(lambda *each: np.concatenate(each), *parts)


def _rows(part: Any, rows: Array) -> Any:
    return None if part is None else keras.tree.map_structure(lambda one: one[rows], part)


def _softmax_cross_entropies(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return _cross_entropies(tf.cast(logits, tf.float32), tf.maximum(y, 0))


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
