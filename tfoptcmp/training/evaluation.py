"""Loss and metric of every split, in evaluation mode. TensorFlow only."""

from collections.abc import Callable, Collection, Iterable, Mapping

import tensorflow as tf

from tfoptcmp.metrics import Metric
from tfoptcmp.training.losses_and_metrics import sums
from tfoptcmp.training.model import TrialModel


class Evaluation:
    """Evaluates a model on fixed splits, without leaving a trace in it.

    Args:
        model: The model. Its stateful layers are evaluated on separate states, zeroed at the start
            of each split, and get their training states back.
        splits: Split name to batches (x, y), iterated anew at each evaluation.
        metric: Of the workload.
        batch_sums: Gives `losses_and_metrics.sums` of a batch (x, y); None computes them here, on
            one device.
    """

    def __init__(
        self,
        model: TrialModel,
        splits: Mapping[str, Iterable[tuple[tf.Tensor, tf.Tensor]]],
        metric: Metric,
        batch_sums: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
    ) -> None:
        self._model = model
        self._splits = dict(splits)
        # A partial last batch makes it trace once more, for any batch size.
        self._batch_sums = batch_sums or tf.function(
            lambda x, y: sums(y, model(x, training=False), metric), reduce_retracing=True
        )

    def __call__(self, names: Collection[str] | None = None) -> dict[str, tuple[float, float]]:
        """Returns split name to (loss in nats, metric).

        Args:
            names: Of the splits; None for all.
        """
        states = self._model.states
        kept = [tf.identity(state.value) for state in states]
        results = {}
        for name in self._splits if names is None else names:
            self._model.zero_states()
            loss, metric, count = sum(self._batch_sums(x, y) for x, y in self._splits[name]).numpy()
            results[name] = (float(loss / count), float(metric / count))
        for state, value in zip(states, kept, strict=True):
            state.assign(value)
        return results
