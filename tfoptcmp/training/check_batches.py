"""Whether batches are of finite numbers, of one shape, and their labels class numbers."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from tfoptcmp.training.losses_and_metrics import OF_BOTH, Problem
from tfoptcmp.training.model import unpacked

FIRST = "the first training batch"

_WEIGHTS = "weights must be >= 0, and not all 0"


def check_batch(batch: Any, where: str) -> None:
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
        # The least and the largest take no memory; NaN is both.
        is_float = np.issubdtype(array.dtype, np.floating) and array.size
        if is_float and not np.isfinite([array.min(), array.max()]).all():
            finite = np.isfinite(array)
            row, got = int(np.argwhere(~finite)[0, 0]), array[~finite][0]
            raise ValueError(f"{where}: {name} must be finite; got {got} in row {row}")
        if name == "weights" and array.min(initial=0) < 0:
            raise ValueError(f"{where}: {_WEIGHTS}; got {array.min()}")


def _numbers(batch: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of a batch, and of which part each is."""
    for name, part in zip(("x", "y", "weights"), unpacked(batch), strict=True):
        for array in keras.tree.flatten(part) if part is not None else ():
            yield name, np.asarray(array)  # no copy


def check_counted(batches: Iterable[Any], where: str, problem: Problem) -> None:
    """Whether something counts in all batches together: one alone may be of padding only."""
    parts = [unpacked(batch) for batch in batches]
    if not any(w is None or np.any(w) for _, _, w in parts):
        raise ValueError(f"{where}: {_WEIGHTS}; got 0 only")
    if problem.is_softmax and not any(np.max(y, initial=-1) >= 0 for _, y, _ in parts):
        raise ValueError(f"{where}: y must have a class; got numbers below 0, padding, only")


def check_like(batch: Any, first: Any, where: str) -> None:
    """Whether the examples have the shapes of those that are trained on."""
    shapes, expected = (
        [(name, array.shape[1:]) for name, array in _numbers(one) if name != "weights"]
        for one in (batch, first)
    )
    for (name, shape), wanted in itertools.zip_longest(shapes, expected, fillvalue=("", ())):
        if (name, shape) != wanted:
            raise ValueError(
                f"{where}: each {wanted[0] or name} must have the shape {wanted[1]} as in "
                f"{FIRST}; got {shape}"
            )


def check_labels(batch: Any, where: str, problem: Problem, num_classes: int) -> None:
    """Whether class numbers are some, where the loss or the metric needs them."""
    _, y, _ = unpacked(batch)
    if not (problem.is_softmax or problem.loss_is_sparse or problem.is_of_classes):
        return
    if len(arrays := keras.tree.flatten(y)) != 1:
        raise ValueError(
            f"{where}: y must be one array of class numbers; got {len(arrays)} arrays. For several "
            f"{OF_BOTH}"
        )
    y = np.asarray(arrays[0])
    if problem.is_softmax and not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            f"{where}: y must be class numbers, integers, for the softmax cross entropy; got "
            f"{y.dtype}. For other targets name the workload's loss"
        )
    if np.issubdtype(y.dtype, np.floating) and (y != np.round(y)).any():
        raise ValueError(f"{where}: y must be class numbers; got {y[y != np.round(y)][0]}")
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
