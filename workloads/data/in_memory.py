"""Labelled examples that fit in memory, as batches that are a function of (seeds, step).

Arrays stay as they are stored (uint8 images); `prepare` turns a gathered batch into the model's
input, `augment` varies it for training. Where arrays come from is the workload's business.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.data.examples import is_large
from tfoptcmp.workloads.data.order import index_batches, pipeline_options

from tfoptcmp.workload import Splits

Examples = tuple[Any, ...]
"""(x, y) or (x, y, weights): inputs as stored, what is to be learnt, and perhaps weights.

Each is an array [n, ...], or a structure of such arrays; integers in y are class numbers.
"""

Batch = tuple[Any, ...]
"""The same of some examples: what a model takes and what it should give."""

Prepare = Callable[[tf.Tensor], tf.Tensor]
"""Inputs as stored [batch, ...] to the model's input, float32 [batch, ...]."""

Augment = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(Prepared inputs [batch, ...], seed int64 [2]) to varied ones of the same shape."""

# Measured on 5,000 Fashion-MNIST images: 0.75 s in batches of 256, 1.3 s of 1,000 (cache).
EVALUATION_BATCH_SIZE = 250

# Batches up to this size are made between two steps: threads that make them earlier take longer to
# hand them over. 1.97 instead of 2.11 ms per step on the digits, whose batches have 4 kB.
_MOST_BYTES_AT_ONCE = 2**14


class ArrayBatches:
    """A `TrainingSource` that draws from arrays, in the order of `order.py`.

    Attributes:
        examples: All of them, as stored.
    """

    steps_per_epoch: int | None = None  # The models carry no state from batch to batch.

    def __init__(
        self,
        examples: Examples,
        *,
        batch_size: int,
        prepare: Prepare,
        augment: Augment | None = None,
    ) -> None:
        """Puts the examples into memory.

        Args:
            examples: The training split.
            batch_size: Examples per batch.
            prepare: What to do with each batch's inputs.
            augment: What to do with them afterwards; None if nothing.
        """
        self._num_examples = num_rows(examples)
        self._batch_size = batch_size
        inputs = keras.tree.flatten(examples[0])
        self._is_small = sum(x[:batch_size].nbytes for x in inputs) <= _MOST_BYTES_AT_ONCE
        with tf.device("CPU:0"):  # Where tf.data runs.
            self.examples = x, *rest = tensors(examples)

        def gather(index: tf.Tensor, seed: tf.Tensor) -> Batch:
            def rows(part: Any) -> Any:
                return keras.tree.map_structure(lambda array: tf.gather(array, index), part)

            inputs = prepare(rows(x))
            return augment(inputs, seed) if augment else inputs, *map(rows, rest)

        # Traced once; a trial's dataset only wraps it.
        self._gather = tf.function(gather, autograph=False).get_concrete_function(
            tf.TensorSpec([batch_size], tf.int32), tf.TensorSpec([2], tf.int64)
        )

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns the batches of the steps start, ..., stop - 1.

        Args:
            seed: Of the order of the examples, >= 0.
            augmentation_seed: Of the augmentation of every step.
            start: First step.
            stop: One after the last step.

        Returns:
            Batches of batch_size examples, with prepared inputs.
        """
        indices = index_batches(
            self._num_examples, self._batch_size, seed=seed, start=start, stop=stop
        )

        def batch(index: tf.Tensor, step: tf.Tensor) -> Batch:
            return self._gather(index, [augmentation_seed, step])

        if self._is_small:
            return indices.map(batch).with_options(pipeline_options())
        # Cropping 256 images of 32x32 pixels takes 16 ms of one core, a step of ResNet-32 about a
        # second of two; the second call is for GPUs.
        batches = indices.map(batch, num_parallel_calls=2)
        return batches.prefetch(2).with_options(pipeline_options(num_threads=2))


def evaluation_batches(examples: Examples, *, prepare: Prepare) -> list[Batch]:
    """Returns all examples once, in their order and prepared; the last batch may be smaller."""
    batches = []
    for start in range(0, num_rows(examples), EVALUATION_BATCH_SIZE):
        x, *rest = tensors(first_rows(examples, start + EVALUATION_BATCH_SIZE, start))
        batches.append((prepare(x), *rest))
    return batches


def num_rows(examples: Examples) -> int:
    """Returns the number of examples."""
    return len(keras.tree.flatten(examples[1])[0])


def first_rows(examples: Examples, stop: int, start: int = 0) -> Examples:
    """Returns the examples from start to before stop."""
    return tuple(keras.tree.map_structure(lambda array: array[start:stop], examples))


def spread_rows(examples: Examples, count: int) -> Examples:
    """Returns so many of the examples, at most all, evenly spread over them."""
    num = num_rows(examples)
    count = min(count, num)
    rows = np.arange(count) * num // count
    return tuple(keras.tree.map_structure(lambda array: array[rows], examples))


def tensors(examples: Examples) -> Batch:
    """Returns examples as tensors; whole numbers to be learnt take half the memory.

    Raises:
        ValueError: If they need more than 32 bits.
    """

    def halved(array: Any) -> Any:
        if is_large(array):
            largest = max(array.max(), array.min(), key=abs)
            raise ValueError(f"y must be floats, or whole numbers of 32 bits; got {largest}")
        return array.astype(np.int32) if array.dtype.kind in "iub" else array

    x, y, *weights = examples
    y = keras.tree.map_structure(halved, y)
    return tuple(keras.tree.map_structure(tf.constant, (x, y, *weights)))


def splits_of_arrays(
    examples: Mapping[str, Examples],
    *,
    num_classes: int,
    batch_size: int,
    prepare: Prepare,
    augment: Augment | None = None,
    partial: str = "",
    measure_rows: Callable[[Examples, int], Examples] = first_rows,
) -> Splits:
    """Makes a workload's splits of arrays.

    Args:
        examples: Split name to examples; "train", "validation" and any others.
        num_classes: Number of different labels; 0 if they are no class numbers.
        batch_size: Examples per training batch.
        prepare: What to do with each batch's inputs.
        augment: What to do with those of training batches afterwards; None if nothing.
        partial: What the data lack; "" if complete.
        measure_rows: Which training examples to evaluate, given how many.

    Returns:
        Splits that evaluate "train" on as many of its examples as validation has, the first ones by
        default.
    """
    measured = measure_rows(examples["train"], num_rows(examples["validation"]))
    evaluated = {**examples, "train": measured}
    source = ArrayBatches(
        examples["train"], batch_size=batch_size, prepare=prepare, augment=augment
    )
    return Splits(
        train=source,
        evaluation={
            name: evaluation_batches(split, prepare=prepare) for name, split in evaluated.items()
        },
        num_classes=num_classes,
        num_examples={name: num_rows(split) for name, split in examples.items()},
        partial=partial,
        examples=source.examples,
    )
