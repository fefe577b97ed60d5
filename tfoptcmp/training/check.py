"""Whether a workload's data, model, loss and metric fit together, told in seconds before training.

Whatever is wrong is one ValueError of one line.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfoptcmp.training.initial import undisturbed
from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.training.model import build_network, unpacked
from tfoptcmp.workload import Budget, Splits, Workload

_MOST_BATCHES = 10  # of a split that is not in memory
_FIRST = "the first training batch"


def check_problem(workload: Workload, budget: Budget, splits: Splits) -> None:
    """Checks the first training batch, the splits and the model, of which it builds two.

    Of splits that are not in memory, the first batches.

    Raises:
        ValueError: If something does not fit.
    """
    with _in_one_line():
        _check(workload, budget, splits)


def _check(workload: Workload, budget: Budget, splits: Splits) -> None:
    problem = Problem(workload.loss_function, workload.metric, workload.measure)
    seeds = {"seed": 0, "augmentation_seed": 0}
    first = next(iter(splits.train.batches(**seeds, start=0, stop=1)), None)
    if first is None:
        raise ValueError("the training data must have a batch for each step; got none at step 1")
    _check_batch(first, _FIRST)
    _check_labels(first, _FIRST, problem, splits.num_classes)
    with undisturbed():
        network, again = (build_network(workload, budget, splits) for _ in range(2))
    if network is again:
        raise ValueError("build must return a new model every time; got the same one again")
    num_outputs = _check_model(network, first, problem, splits.num_classes)
    for name, batches in splits.evaluation.items():
        most = len(batches) if isinstance(batches, list) else _MOST_BATCHES
        num = 0
        for num, batch in enumerate(itertools.islice(batches, most), start=1):
            where = f"split {name!r}, batch {num}"
            _check_batch(batch, where)
            _check_like(batch, first, where)
            _check_labels(batch, where, problem, num_outputs)
        if not num:
            raise ValueError(f"split {name!r} must not be empty; got no batch")
    if problem.is_of_whole_splits:
        _check_whole(network, next(iter(splits.evaluation["validation"])), problem)


def _check_batch(batch: Any, where: str) -> None:
    """Whether a batch is one, of finite numbers."""
    if not isinstance(batch, tuple | list) or not 2 <= len(batch) <= 3:
        got = f"{len(batch)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
        raise ValueError(f"{where} must be (x, y) or (x, y, weights); got {got}")
    numbers = list(_numbers(batch))
    rows = {len(array) if array.ndim else None for _, array in numbers}
    if len(rows) > 1 or None in rows:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in numbers)
        raise ValueError(f"{where}: x, y and weights must have as many rows each; got {shapes}")
    for name, array in numbers:
        is_float = np.issubdtype(array.dtype, np.floating)
        if is_float and not (finite := np.isfinite(array)).all():
            row, got = int(np.argwhere(~finite)[0, 0]), array[~finite][0]
            raise ValueError(f"{where}: {name} must be finite; got {got} in row {row}")
        if name == "weights" and ((array < 0).any() or not array.any()):
            raise ValueError(f"{where}: weights must be >= 0, and not all 0; got {array.min()}")


def _numbers(batch: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of a batch, and of which part each is."""
    for name, part in zip(("x", "y", "weights"), unpacked(batch), strict=True):
        for array in keras.tree.flatten(part) if part is not None else ():
            yield name, keras.ops.convert_to_numpy(array)


def _check_like(batch: Any, first: Any, where: str) -> None:
    """Whether the examples have the shapes of those that are trained on."""
    shapes, expected = (
        [(name, array.shape[1:]) for name, array in _numbers(one) if name != "weights"]
        for one in (batch, first)
    )
    for (name, shape), wanted in itertools.zip_longest(shapes, expected, fillvalue=("", ())):
        if (name, shape) != wanted:
            raise ValueError(
                f"{where}: each {wanted[0] or name} must have the shape {wanted[1]} as in "
                f"{_FIRST}; got {shape}"
            )


def _check_labels(batch: Any, where: str, problem: Problem, num_classes: int) -> None:
    """Whether class numbers are some, where the loss or the metric needs them."""
    _, y, _ = unpacked(batch)
    if not (problem.is_softmax or problem.loss_is_sparse or problem.is_of_classes):
        return
    if len(arrays := keras.tree.flatten(y)) != 1:
        raise ValueError(f"{where}: y must be one array of class numbers; got {len(arrays)}")
    y = keras.ops.convert_to_numpy(arrays[0])
    if problem.is_softmax and not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            f"{where}: y must be class numbers, integers, for the softmax cross entropy; got "
            f"{y.dtype}. For other targets name the workload's loss"
        )
    if np.issubdtype(y.dtype, np.floating) and (y != np.round(y)).any():
        raise ValueError(f"{where}: y must be class numbers; got {y[y != np.round(y)][0]}")
    if problem.is_softmax and y.max(initial=0) < 0:
        raise ValueError(f"{where}: y must have a class; got numbers below 0, padding, only")
    most = 2 if num_classes == 1 else num_classes  # one output tells two classes apart
    if most and y.max(initial=0) >= most:
        raise ValueError(f"{where}: y must be < {most}, the classes; got {y.max()}")
    is_one_hot = y.ndim > 1 and y.shape[-1] == num_classes > 1
    is_of_numbers = problem.is_softmax or problem.loss_is_sparse
    if is_one_hot and not is_of_numbers and (y.sum(axis=-1) != 1).any():
        raise ValueError(
            f"{where}: y must have one class an example; got several. For labels that do not "
            "exclude each other give your own metric"
        )
    if not problem.is_softmax and y.min(initial=0) < 0:
        raise ValueError(f"{where}: y must be class numbers >= 0; got {y.min()}")


def _check_model(network: keras.Model, batch: Any, problem: Problem, num_classes: int) -> int:
    """Traces a training step, without computing anything; returns the number of logits, or 0."""
    kept: list[int] = []

    def step(x: Any, y: Any, weights: Any) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = network(x, training=True)
        _check_outputs(y, outputs, problem, num_classes)
        if isinstance(outputs, tf.Tensor):
            kept.append(int(outputs.shape[-1] or 0) if outputs.shape.rank > 1 else 1)
        return problem.objective(y, outputs, weights), problem.sums(y, outputs, weights)

    specs = keras.tree.map_structure(
        lambda part: None if part is None else tf.TensorSpec(part.shape, part.dtype),
        unpacked(keras.tree.map_structure(tf.convert_to_tensor, tuple(batch))),
        none_is_leaf=True,
    )
    try:
        tf.function(step, autograph=False).get_concrete_function(*specs)
    except Exception as error:
        if isinstance(error, ValueError) and "\n" not in str(error):
            raise
        raise ValueError(f"the model cannot be run on {_FIRST}: {_said(error)}") from None
    return kept[0] if kept else 0


def _check_whole(network: keras.Model, batch: Any, problem: Problem) -> None:
    """Computes a metric of whole splits of one batch."""
    x, y, weights = (
        None if part is None else keras.tree.map_structure(keras.ops.convert_to_numpy, part)
        for part in unpacked(batch)
    )
    outputs = keras.tree.map_structure(
        keras.ops.convert_to_numpy, network(keras.tree.map_structure(tf.constant, x))
    )
    sums = np.ones(7)
    try:
        problem.result_of_whole(
            sums, [y], [outputs], None if weights is None else [weights], with_error=False
        )
    except Exception as error:
        raise ValueError(f"the metric cannot be computed: {_said(error)}") from None


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Leaves out where in Keras and TensorFlow it was noticed."""
    try:
        yield
    except ValueError as error:
        raise ValueError(_said(error)) from None


def _said(error: Exception) -> str:
    """What an error of Keras or TensorFlow says, without where and the arguments."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()]
    lines = [line for line in lines if line]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        del lines[0]
    return lines[0] if lines else type(error).__name__


def _check_outputs(y: Any, outputs: Any, problem: Problem, num_classes: int) -> None:
    is_one = isinstance(y, tf.Tensor) and isinstance(outputs, tf.Tensor)
    if problem.is_softmax:
        if not is_one or outputs.shape.rank != y.shape.rank + 1 or outputs.shape[:-1] != y.shape:
            raise ValueError(
                "the model's outputs must be logits, one for each class of each y; got outputs "
                f"{_shapes(outputs)} for y {_shapes(y)}"
            )
        if num_classes and outputs.shape[-1] != num_classes:
            raise ValueError(
                f"the model's outputs must be {num_classes} logits, one for each class; got "
                f"{outputs.shape[-1]}"
            )
    elif problem.loss_is_keras:
        if not is_one:
            raise ValueError(
                "a Keras loss is of one y and one output; for several give a function of both "
                f"that returns a value for each example; got outputs {_shapes(outputs)} for y "
                f"{_shapes(y)}"
            )
        of_y, of_outputs = map(_without_ones, (y.shape, outputs.shape))
        if of_y not in ([*of_outputs], of_outputs[:-1] if problem.loss_is_sparse else of_outputs):
            raise ValueError(
                f"the model's outputs must have the shape of y, {tuple(y.shape)}; got "
                f"{tuple(outputs.shape)}"
            )
    if problem.is_of_classes:
        _check_classes(y, outputs, problem)


def _check_classes(y: Any, outputs: Any, problem: Problem) -> None:
    """Whether it can be told which class the outputs name."""
    if not isinstance(outputs, tf.Tensor) or outputs.shape.rank < 2:
        raise ValueError(
            "a metric of classes needs outputs (..., classes), or (..., 1) for two classes; got "
            f"{_shapes(outputs)}"
        )
    if outputs.shape[-1] == 1 and not problem.loss_is_keras:
        raise ValueError(
            "a metric of classes of one output needs a Keras loss, which says whether that is a "
            "logit or a probability; with a loss of your own give your own metric"
        )


def _without_ones(shape: Iterable[int | None]) -> list[int | None]:
    kept = [*shape]
    while kept[-1:] == [1]:
        kept.pop()
    return kept


def _shapes(parts: Any) -> Any:
    shapes = keras.tree.map_structure(lambda part: tuple(part.shape), parts)
    return str(shapes)
