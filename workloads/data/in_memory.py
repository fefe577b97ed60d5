"""Labelled examples that fit in memory, as batches that are a function of (seeds, step).

Arrays stay as they are stored (uint8 images); `prepare` turns a gathered batch into the model's
input, `augment` varies it for training. Where arrays come from is the workload's business.
"""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.data.order import index_batches, pipeline_options

from tfoptcmp.workload import Splits

Examples = tuple[np.ndarray, np.ndarray]
"""(x [n, ...], y [n]): inputs as stored, and class numbers."""

Batch = tuple[tf.Tensor, tf.Tensor]
"""(x [batch, ...], y int32 [batch]): what a model takes and what it should give."""

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
    """A `TrainingSource` that draws from arrays, in the order of `order.py`."""

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
        x, y = examples
        self._num_examples = len(y)
        self._batch_size = batch_size
        self._is_small = x[:batch_size].nbytes <= _MOST_BYTES_AT_ONCE
        with tf.device("CPU:0"):  # Where tf.data runs.
            x, y = tf.constant(x), tf.constant(y, tf.int32)

        def gather(index: tf.Tensor, seed: tf.Tensor) -> Batch:
            inputs = prepare(tf.gather(x, index))
            return augment(inputs, seed) if augment else inputs, tf.gather(y, index)

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
            Batches (x float32 [batch_size, ...], y int32 [batch_size]).
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
    x, y = examples
    return [
        (prepare(tf.constant(x[start:stop])), tf.constant(y[start:stop], tf.int32))
        for start in range(0, len(y), EVALUATION_BATCH_SIZE)
        for stop in [start + EVALUATION_BATCH_SIZE]
    ]


def splits_of_arrays(
    examples: Mapping[str, Examples],
    *,
    num_classes: int,
    batch_size: int,
    prepare: Prepare,
    augment: Augment | None = None,
    partial: str = "",
) -> Splits:
    """Makes a workload's splits of arrays.

    Args:
        examples: Split name to examples; "train", "validation" and any others.
        num_classes: Number of different labels.
        batch_size: Examples per training batch.
        prepare: What to do with each batch's inputs.
        augment: What to do with those of training batches afterwards; None if nothing.
        partial: What the data lack; "" if complete.

    Returns:
        Splits that evaluate "train" on its first examples, as many as validation has.
    """
    train_x, train_y = examples["train"]
    num_validation = len(examples["validation"][1])
    evaluated = {**examples, "train": (train_x[:num_validation], train_y[:num_validation])}
    return Splits(
        train=ArrayBatches(
            examples["train"], batch_size=batch_size, prepare=prepare, augment=augment
        ),
        evaluation={
            name: evaluation_batches(split, prepare=prepare) for name, split in evaluated.items()
        },
        num_classes=num_classes,
        num_examples={name: len(y) for name, (_, y) in examples.items()},
        partial=partial,
    )
