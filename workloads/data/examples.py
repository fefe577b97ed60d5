"""What users have as data, as arrays: (x, y) or (x, y, weights). Imports no TensorFlow."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def as_examples(data: Any, split: str) -> tuple[Any, ...]:
    """Returns (x, y) or (x, y, weights) of what a user has, as arrays.

    Args:
        data: As `train` of `own_workload`.
        split: Its name, for messages.

    Raises:
        ValueError: If it is not understood.
    """
    if isinstance(data, Mapping):
        raise ValueError(f"{split} must be (x, y) or (x, y, weights); got a dictionary")
    if not isinstance(data, tuple | list):
        if callable(data):
            raise ValueError(f"{split} must be data, not a function; got {data!r}")
        data = _read(data, split)
    if not 2 <= len(data) <= 3:
        raise ValueError(f"{split} must be (x, y) or (x, y, weights); got {len(data)} parts")
    y = _arrays(data[1], split)
    _check_lists(data, _num_rows(y), split)
    x, *weights = (_arrays(part, split) for part in (data[0], *data[2:]))
    return (x, y, *weights)


def _check_lists(data: Any, num: int, split: str) -> None:
    """Finds lists of inputs, of which NumPy makes one array."""
    for part in data[:2]:
        is_of_arrays = isinstance(part, list) and all(np.ndim(one) for one in part)
        if is_of_arrays and len(part) != num and {len(one) for one in part} == {num}:
            raise ValueError(
                f"{split} must have several inputs in a tuple or a dictionary; got a list of "
                f"{len(part)}"
            )


def _arrays(part: Any, split: str) -> Any:
    """Arrays of what is an array or may become one; floats in 32 bits."""
    if isinstance(part, Mapping):
        return {name: _arrays(value, split) for name, value in part.items()}
    if isinstance(part, tuple):
        return tuple(_arrays(value, split) for value in part)
    if hasattr(part, "toarray"):
        raise ValueError(
            f"{split} must be dense; got {type(part).__name__}: make an array, .toarray()"
        )
    array = np.asarray(part)
    if array.dtype.kind == "O" and hasattr(part, "dtypes"):  # a frame with columns of several types
        try:
            array = array.astype(np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{split} must be numbers; got a frame with {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{split} must be numbers; got an array of {array.dtype}")
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _read(data: Any, split: str) -> tuple[Any, ...]:
    """Reads batches into memory."""
    is_counted = hasattr(data, "__len__")
    try:
        length = len(data) if is_counted else None
    except TypeError as error:  # TensorFlow's, of infinite or unknown length
        if "infinite" in str(error):
            raise ValueError(f"{split} must end; got an infinite data set") from error
        length = None
    if not hasattr(data, "__iter__") and length is None:
        raise ValueError(f"{split} must be arrays or a data set; got {type(data).__name__}")
    is_indexed = hasattr(data, "__getitem__") and length is not None
    batches = [data[i] for i in range(length or 0)] if is_indexed else list(data)
    if not batches:
        raise ValueError(f"{split} must not be empty; got no batch")
    if not isinstance(batches[0], tuple | list):
        raise ValueError(
            f"{split} must have batches (x, y) or (x, y, weights); got {type(batches[0]).__name__}"
        )
    shapes = [np.shape(part) for whole in batches[0] for part in _leaves(whole)]
    if () in shapes or len({shape[0] for shape in shapes}) > 1:
        raise ValueError(
            f"{split} must have batches, which have as many rows in x as in y, see .batch(...) of "
            f"tf.data; got {', '.join(map(str, shapes))}"
        )
    columns = zip(*batches, strict=True)
    return tuple(_joined([_arrays(part, split) for part in column]) for column in columns)


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], dict):
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], tuple):
        return tuple(_joined(list(each)) for each in zip(*parts, strict=True))
    return np.concatenate(parts)


def weighted(train: Any, class_weight: Mapping[int, float]) -> tuple[Any, ...]:
    """Returns the training examples with the weights of their classes.

    Raises:
        ValueError: If they have no class numbers.
    """
    if callable(train) or not isinstance(train[1], np.ndarray) or train[1].dtype.kind not in "iub":
        raise ValueError("class_weight must be of class numbers in an array; got other labels")
    x, y, *weights = train
    classes = y.reshape(len(y), -1)
    if classes.shape[1] != 1:
        raise ValueError(f"class_weight must be of one class number an example; got {y.shape}")
    unknown = [c for c in class_weight if c not in set(np.unique(classes).tolist())]
    if unknown:
        raise ValueError(f"class_weight must be of the labels' classes; got {unknown}")
    of_classes = np.array([class_weight.get(int(c), 1.0) for c in classes[:, 0]], np.float32)
    for given in weights:  # one at most
        of_classes = given * of_classes.reshape((-1,) + (1,) * (given.ndim - 1))
    return x, y, of_classes


def held_out_of(train: Any, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the training examples that are left and those of other splits, at random.

    Args:
        train: The examples.
        sizes: Name of each other split to how many examples it takes, or what part of them.

    Raises:
        ValueError: If that is not possible.
    """
    if callable(train):
        raise ValueError(f"train must be data to hold out examples of it; got {train!r}")
    num = _num_rows(train)
    order = np.random.default_rng(0).permutation(num)
    found = {}
    for name, size in sizes.items():
        size = size.item() if isinstance(size, np.generic) else size
        count = round(size * num) if isinstance(size, float) and 0 < size < 1 else size
        is_count = isinstance(count, int) and not isinstance(count, bool)
        if not is_count or not 0 < count < len(order):
            raise ValueError(
                f"{name} must be data, or how many of the {num} training examples to hold out, or "
                f"what part of them; got {size!r}"
            )
        found[name], order = _rows_of(train, order[:count]), order[count:]
    return {"train": _rows_of(train, np.sort(order)), **found}


def with_large_numbers(examples: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the splits with floats in y where whole numbers in it need more than 32 bits."""
    of_data = [data[1] for data in examples.values() if not callable(data)]
    if not any(is_large(part) for y in of_data for part in _leaves(y)):
        return dict(examples)

    def floats(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {name: floats(value) for name, value in part.items()}
        return tuple(map(floats, part)) if isinstance(part, tuple) else part.astype(np.float32)

    return {
        split: data if callable(data) else (data[0], floats(data[1]), *data[2:])
        for split, data in examples.items()
    }


def is_large(array: Any) -> bool:
    """Returns whether whole numbers do not fit into int32."""
    if array.dtype.kind not in "iu" or not array.size:
        return False
    limits = np.iinfo(np.int32)
    return bool(int(array.min()) < limits.min or int(array.max()) > limits.max)


def _leaves(part: Any) -> list[Any]:
    if isinstance(part, Mapping):
        part = tuple(part.values())
    return [leaf for one in part for leaf in _leaves(one)] if isinstance(part, tuple) else [part]


def _num_rows(part: Any) -> int:
    """Returns how many rows an array has, or the arrays of a structure."""
    return len(_leaves(part)[0])


def _rows_of(part: Any, rows: Any) -> Any:
    if isinstance(part, Mapping):
        return {name: _rows_of(value, rows) for name, value in part.items()}
    if isinstance(part, tuple):
        return tuple(_rows_of(value, rows) for value in part)
    return part[rows]
