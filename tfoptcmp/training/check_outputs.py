"""Whether a model's outputs have the shapes that its loss and metric take."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from tfoptcmp.training.losses_and_metrics import OF_BOTH, Problem


def check_outputs(y: Any, outputs: Any, problem: Problem, num_classes: int) -> None:
    """Checks the outputs for a batch's y.

    Raises:
        ValueError: If loss or metric cannot take them.
    """
    is_one = isinstance(y, tf.Tensor) and isinstance(outputs, tf.Tensor)
    if problem.is_softmax:
        if not is_one or outputs.shape.rank != y.shape.rank + 1 or outputs.shape[:-1] != y.shape:
            raise ValueError(
                "the model's outputs must be logits, one for each class of each y; got outputs "
                f"{_shapes(outputs)} for y {_shapes(y)}"
            )
        if outputs.shape[-1] < num_classes:
            raise ValueError(
                f"the model's outputs must be at least {num_classes} logits, one for each class; "
                f"got {outputs.shape[-1]}"
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
    if problem.is_of_one and not is_one:
        raise ValueError(
            f"this metric is of one y and one output; for several {OF_BOTH}; got outputs "
            f"{_shapes(outputs)} for y {_shapes(y)}"
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


def _shapes(parts: Any) -> str:
    shapes = keras.tree.map_structure(lambda part: tuple(part.shape), parts)
    return str(shapes)
