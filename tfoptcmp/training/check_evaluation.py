"""Whether a model can be evaluated, told from one that is not trained yet: sizes, masks, metric."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfoptcmp.metrics import AUC, F1, R2, SHARE, Metric
from tfoptcmp.training.check_batches import FIRST
from tfoptcmp.training.losses_and_metrics import PADDING, Problem, columns
from tfoptcmp.training.messages import said
from tfoptcmp.training.model import specs_of, unpacked
from tfoptcmp.workload import DoesNotFit, Splits

_MASKED = f"outputs have a Keras mask, which no loss and no metric here follows: {PADDING}"


def check_evaluation(
    network: keras.Model, first: Any, problem: Problem, metric: Metric, splits: Splits
) -> None:
    """Runs the network on batches of each size, and on whole splits where that tells more.

    Args:
        network: Its states are changed.
        first: The first training batch.
        problem: What is measured.
        metric: Its description.
        splits: The data.

    Raises:
        ValueError: If it cannot be run, has a mask that nothing follows, or a metric is undefined.
    """

    def run(x: Any, y: Any, weights: Any) -> Any:
        outputs = network(x, training=False)
        masks = [getattr(one, "_keras_mask", None) for one in keras.tree.flatten(outputs)]
        return problem.sums(y, outputs, weights), outputs, masks

    compiled = _Compiled(run)
    with_whole = problem.is_own or problem.is_of_whole_splits
    masks = _ran(compiled, first, FIRST)[2]
    marked = _padding_marked(masks, first, FIRST, problem)
    for name, batches in splits.evaluation.items():
        is_whole = with_whole and isinstance(batches, list) and name != "train"
        ran = []
        for num, batch in _chosen(batches, is_whole):
            where = f"split {name!r}, batch {num}"
            sums, outputs, masks = _ran(compiled, batch, where)
            marked += _padding_marked(masks, batch, where, problem)
            ran.append((sums, outputs, batch))
        if is_whole or (with_whole and name == "validation"):
            _check_metric(ran, problem, metric, name, is_whole=is_whole)
    if marked and not any(marked):
        raise ValueError(f"the model's {_MASKED}")


def check_share(metric: Metric, value: float, split: str) -> None:
    """Checks that what is measured as a share is one.

    Raises:
        DoesNotFit: If it is not.
    """
    if metric.unit == SHARE and (value < 0 or value > 1):
        raise DoesNotFit(
            f"split {split!r}: the metric {metric.name!r} must be in [0, 1], as its unit is "
            f"{SHARE!r}; got {value:.6g}. Give it another unit, or unit=''"
        )


def _chosen(batches: Any, is_whole: bool) -> Iterator[tuple[int, Any]]:
    """All batches, or the first and the last, which may be smaller; only the first of a stream."""
    if not isinstance(batches, list):
        batches = [next(iter(batches))]
    for num, batch in enumerate(batches, start=1):
        if is_whole or num in (1, len(batches)):
            yield num, batch


class _Compiled:
    """A function of batches, traced for each size: TensorFlow warns if that is left to it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = tf.function(function, autograph=False)
        self._traced: dict[str, Any] = {}

    def __call__(self, *parts: Any) -> Any:
        specs = specs_of(parts)
        key = str(specs)
        if key not in self._traced:
            self._traced[key] = self._function.get_concrete_function(*specs)
        return self._traced[key](*parts)


def _ran(run: _Compiled, batch: Any, where: str) -> Any:
    parts = unpacked(keras.tree.map_structure(tf.convert_to_tensor, tuple(batch)))
    try:
        return run(*parts)
    except Exception as error:
        num = len(keras.tree.flatten(parts[1])[0])
        raise ValueError(
            f"{where}: the model cannot be run on its {num} examples; it must take any number of "
            f"them: {said(error)}"
        ) from None


def _padding_marked(masks: Sequence[Any], batch: Any, where: str, problem: Problem) -> list[bool]:
    """Of each mask of the outputs, whether labels or weights mark padding.

    Raises:
        ValueError: If an entry counts that a mask leaves out.
    """
    _, y, weights = unpacked(batch)
    marked = []
    for mask in (one.numpy() for one in masks if one is not None):
        counts = np.ones(mask.shape, bool)
        if problem.is_softmax:
            counts &= keras.ops.convert_to_numpy(y) >= 0
        if weights is not None:
            counts &= columns(keras.ops.convert_to_numpy(weights), mask.ndim) != 0
        if (counts & ~mask).any():
            raise ValueError(f"{where}: the model's {_MASKED}")
        marked.append(weights is not None or not counts.all())
    return marked


def _check_metric(
    ran: Sequence[Any], problem: Problem, metric: Metric, name: str, *, is_whole: bool
) -> None:
    """Whether it can be computed; of a whole split, whether it is defined."""
    total = sum(_arrays([sums for sums, _, _ in ran]))
    outputs = _arrays([of_batch for _, of_batch, _ in ran])
    batches = [unpacked(batch) for _, _, batch in ran]
    y = _arrays([labels for _, labels, _ in batches])
    is_weighted = batches[0][2] is not None
    try:
        if problem.is_of_whole_splits:
            weights = _arrays([w for _, _, w in batches]) if is_weighted else None
            result = problem.result_of_whole(total, y, outputs, weights, with_error=False)
        else:
            result = problem.result(total)
    except Exception as error:
        raise ValueError(f"the metric cannot be computed: {said(error)}") from None
    if not is_whole or not all(np.isfinite(one).all() for one in keras.tree.flatten(outputs)):
        return
    if not problem.is_own:
        _check_defined(y, outputs, problem, metric, name)
    if not math.isfinite(result.metric):
        raise ValueError(
            f"split {name!r}: the metric {metric.name!r} must be finite where outputs are; got "
            f"{result.metric} of the untrained model. Its measure must give a value there, too"
        )
    check_share(metric, result.metric, name)


def _check_defined(
    y: Sequence[Any], outputs: Sequence[Any], problem: Problem, metric: Metric, name: str
) -> None:
    """Whether what is to be learnt has what the metric needs."""
    where = f"split {name!r}: {metric.name} needs"
    if metric.name == R2.name:
        targets = np.concatenate(y).reshape(sum(map(len, y)), -1)
        if (targets == targets[0]).all(axis=0).any():
            raise ValueError(f"{where} a y that varies; got {targets[0].min()} in all examples")
        return
    of_batches = [np.ravel(problem.classes(*pair)[0]) for pair in zip(y, outputs, strict=True)]
    found = np.unique(np.concatenate(of_batches))
    found = found[found >= 0]
    if metric.name == AUC.name and len(found) < 2:
        raise ValueError(f"{where} examples of both classes; got only {found.tolist()}")
    if metric.name == F1.name and outputs[0].shape[-1] <= 2 and 1 not in found:
        raise ValueError(f"{where} examples of class 1; got only {found.tolist()}")


def _arrays(parts: Sequence[Any]) -> list[Any]:
    return [keras.tree.map_structure(keras.ops.convert_to_numpy, part) for part in parts]
