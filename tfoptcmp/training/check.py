"""Whether a workload's data, model, loss and metric fit together, told in seconds before training.

Whatever is wrong is one ValueError of one line.
"""

import itertools
import re
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfoptcmp.training.initial import undisturbed
from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.training.model import build_network, unpacked
from tfoptcmp.workload import Budget, Splits, Workload

_MOST_BATCHES = 10  # of a split that is not in memory


def check_problem(workload: Workload, budget: Budget, splits: Splits) -> None:
    """Checks the first training batch, the splits and the model, of which it builds one.

    Of splits that are not in memory, the first batches.

    Raises:
        ValueError: If something does not fit.
    """
    problem = Problem(workload.loss_function, workload.metric, workload.measure)
    seeds = {"seed": 0, "augmentation_seed": 0}
    first = next(iter(splits.train.batches(**seeds, start=0, stop=1)), None)
    if first is None:
        raise ValueError("the training data must have a batch for each step; got none at step 1")
    _check_batch(first, "the first training batch", problem, splits.num_classes)
    for name, batches in splits.evaluation.items():
        num = _check_split(name, batches, problem, splits.num_classes)
        if not num:
            raise ValueError(f"split {name!r} must not be empty; got no batch")
    with undisturbed():
        network = build_network(workload, budget, splits)
    _check_model(network, first, problem, splits.num_classes)


def _check_split(name: str, batches: Iterable[Any], problem: Problem, num_classes: int) -> int:
    """Returns how many batches were looked at."""
    most = len(batches) if isinstance(batches, list) else _MOST_BATCHES
    num = 0
    for num, batch in enumerate(itertools.islice(batches, most), start=1):
        _check_batch(batch, f"split {name!r}, batch {num}", problem, num_classes)
    return num


def _check_batch(batch: Any, where: str, problem: Problem, num_classes: int) -> None:
    if not isinstance(batch, tuple | list) or not 2 <= len(batch) <= 3:
        got = f"{len(batch)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
        raise ValueError(f"{where} must be (x, y) or (x, y, weights); got {got}")
    x, y, weights = unpacked(batch)
    parts = {"x": x, "y": y, "weights": weights}
    numbers = [
        (name, keras.ops.convert_to_numpy(array))
        for name, part in parts.items()
        if part is not None
        for array in keras.tree.flatten(part)
    ]
    rows = {len(array) if array.ndim else None for _, array in numbers}
    if len(rows) > 1 or None in rows:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in numbers)
        raise ValueError(f"{where}: x, y and weights must have as many rows each; got {shapes}")
    for name, array in numbers:
        is_float = np.issubdtype(array.dtype, np.floating)
        if is_float and not (finite := np.isfinite(array)).all():
            row, got = int(np.argwhere(~finite)[0, 0]), array[~finite][0]
            raise ValueError(f"{where}: {name} must be finite; got {got} in row {row}")
        if name == "weights" and (array < 0).any():
            raise ValueError(f"{where}: weights must be >= 0; got {array.min()}")
        if name == "y" and problem.is_softmax:
            _check_classes(array, where, num_classes)


def _check_classes(y: Any, where: str, num_classes: int) -> None:
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            f"{where}: y must be class numbers, integers, for the softmax cross entropy; got "
            f"{y.dtype}. For other targets name the workload's loss"
        )
    if num_classes and y.max(initial=0) >= num_classes:
        raise ValueError(f"{where}: y must be < {num_classes}, the classes; got {y.max()}")


def _check_model(network: keras.Model, batch: Any, problem: Problem, num_classes: int) -> None:
    """Traces a training step, without computing anything."""

    def step(x: Any, y: Any, weights: Any) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = network(x, training=True)
        _check_outputs(y, outputs, problem, num_classes)
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
        raise ValueError(
            f"the model cannot be run on the first training batch: {_in_one_line(error)}"
        ) from error


def _in_one_line(error: Exception) -> str:
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
        of_y, of_outputs = ([*shape, 1] for shape in (y.shape, outputs.shape))
        while of_y[-1:] == [1]:
            of_y.pop()
        while of_outputs[-1:] == [1]:
            of_outputs.pop()
        if of_y not in ([*of_outputs], of_outputs[:-1] if problem.loss_is_sparse else of_outputs):
            raise ValueError(
                f"the model's outputs must have the shape of y, {tuple(y.shape)}; got "
                f"{tuple(outputs.shape)}"
            )


def _shapes(parts: Any) -> Any:
    shapes = keras.tree.map_structure(lambda part: tuple(part.shape), parts)
    return str(shapes)
