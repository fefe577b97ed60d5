"""Loss and metric of every split, in evaluation mode. TensorFlow only."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfoptcmp.training.losses_and_metrics import Result
from tfoptcmp.training.model import TrialModel, unpacked


class Evaluation:
    """Evaluates a model on fixed splits, without leaving a trace in it.

    Args:
        model: The model. Its stateful layers are evaluated on separate states, zeroed at the start
            of each split, and get their training states back.
        splits: Split name to batches, iterated anew at each evaluation.
        batch_sums: Gives `Problem.sums` of a batch (x, y, weights); None computes them here, on one
            device.
    """

    def __init__(
        self,
        model: TrialModel,
        splits: Mapping[str, Iterable[Any]],
        batch_sums: Callable[[Any, Any, Any], tf.Tensor] | None = None,
    ) -> None:
        self._model = model
        self._splits = dict(splits)
        self._problem = problem = model.problem

        def sums(x: Any, y: Any, weights: Any) -> tf.Tensor:
            return problem.sums(y, model(x, training=False), weights)

        def sums_and_outputs(x: Any, y: Any, weights: Any) -> tuple[tf.Tensor, Any]:
            outputs = model(x, training=False)
            return problem.sums(y, outputs, weights), outputs

        # A partial last batch makes it trace once more, for any batch size.
        self._batch_sums = batch_sums or tf.function(sums, reduce_retracing=True)
        self._sums_and_outputs = tf.function(sums_and_outputs, reduce_retracing=True)

    def __call__(
        self, names: Collection[str] | None = None, *, with_errors: bool = False
    ) -> dict[str, Result]:
        """Returns split name to what was measured.

        Args:
            names: Of the splits; None for all.
            with_errors: Whether standard errors are wanted that take time.
        """
        states = self._model.states
        kept = [tf.identity(state.value) for state in states]
        results = {}
        for name in self._splits if names is None else names:
            self._model.zero_states()
            batches = (unpacked(batch) for batch in self._splits[name])
            if self._problem.is_of_whole_splits:
                results[name] = self._of_whole(batches, with_errors)
            else:
                total = sum(self._batch_sums(*batch) for batch in batches)
                results[name] = self._problem.result(total.numpy())
        for state, value in zip(states, kept, strict=True):
            state.assign(value)
        return results

    def _of_whole(self, batches: Iterable[Any], with_error: bool) -> Result:
        total: Any = 0.0
        kept = []
        for x, y, weights in batches:
            sums, outputs = self._sums_and_outputs(x, y, weights)
            total += sums.numpy()
            kept.append(keras.tree.map_structure(_array, (y, outputs, weights)))
        y, outputs, weights = zip(*kept, strict=True)
        return self._problem.result_of_whole(
            total, y, outputs, None if weights[0] is None else weights, with_error=with_error
        )


def _array(part: Any) -> Any:
    return None if part is None else keras.ops.convert_to_numpy(part)
