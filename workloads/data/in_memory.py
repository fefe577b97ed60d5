"""Labelled examples that fit in memory, as batches that are a function of (seed, step).

Arrays stay as they are stored (uint8 images); `prepare` turns a gathered batch into the model's
input. Where arrays come from is the workload's business.
"""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfoptcmp.workload import Splits

Examples = tuple[np.ndarray, np.ndarray]
"""(x [n, ...], y [n]): inputs as stored, and class numbers."""

Batch = tuple[tf.Tensor, tf.Tensor]
"""(x [batch, ...], y int32 [batch]): what a model takes and what it should give."""

Prepare = Callable[[tf.Tensor], tf.Tensor]
"""Inputs as stored [batch, ...] to the model's input, float32 [batch, ...]."""

# Measured on 5,000 Fashion-MNIST images: 0.75 s in batches of 256, 1.3 s of 1,000 (cache).
EVALUATION_BATCH_SIZE = 250


class ArrayBatches:
    """A `TrainingSource` that draws from arrays without replacement, epoch after epoch.

    Batch `step` holds the positions step * batch_size + i of an endless sequence, in which every n
    positions are one epoch in an order of its own. So a batch may cross from one epoch into the
    next, and none is partial.
    """

    steps_per_epoch: int | None = None  # The models carry no state from batch to batch.

    def __init__(self, examples: Examples, *, batch_size: int, prepare: Prepare) -> None:
        """Puts the examples into memory.

        Args:
            examples: The training split.
            batch_size: Examples a batch.
            prepare: What to do with each batch's inputs.
        """
        x, y = examples
        self._num_examples = len(y)
        self._batch_size = batch_size
        with tf.device("CPU:0"):  # Where tf.data runs.
            x, y = tf.constant(x), tf.constant(y, tf.int32)

        # Traced once; a trial's dataset only wraps it.
        self._gather = tf.function(
            lambda index: (prepare(tf.gather(x, index)), tf.gather(y, index)), autograph=False
        ).get_concrete_function(tf.TensorSpec([batch_size], tf.int32))

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns the batches of the steps start, ..., stop - 1.

        Args:
            seed: Of the order of the examples, >= 0.
            augmentation_seed: Has no effect, these examples are not augmented.
            start: First step.
            stop: One after the last step.

        Returns:
            Batches (x float32 [batch_size, ...], y int32 [batch_size]).
        """
        del augmentation_seed
        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = 1  # Leaves the cores to the model.
        indices = tf.data.Dataset.from_tensor_slices(self._indices(seed, start, stop))
        return indices.map(self._gather).prefetch(2).with_options(options)

    def _indices(self, seed: int, start: int, stop: int) -> np.ndarray:
        """Returns which examples the steps take, int32 [stop - start, batch_size]."""
        # Not tf.random.experimental.index_shuffle, which needs no memory but reads 8 bits of each
        # word of its seed: seeds 256 apart, and epochs 256 apart, would have the same order.
        first, last = start * self._batch_size, stop * self._batch_size
        first_epoch = first // self._num_examples
        epochs = [
            np.random.default_rng([seed, epoch]).permutation(self._num_examples)
            for epoch in range(first_epoch, -(-last // self._num_examples))
        ]
        offset = first_epoch * self._num_examples
        positions = np.concatenate(epochs)[first - offset : last - offset]
        return positions.astype(np.int32).reshape(stop - start, self._batch_size)


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
    partial: str = "",
) -> Splits:
    """Makes a workload's splits of arrays.

    Args:
        examples: Split name to examples; "train", "validation" and any others.
        num_classes: Number of different labels.
        batch_size: Examples a training batch.
        prepare: What to do with each batch's inputs.
        partial: What the data lack; "" if complete.

    Returns:
        Splits that evaluate "train" on its first examples, as many as validation has.
    """
    train_x, train_y = examples["train"]
    num_validation = len(examples["validation"][1])
    evaluated = {**examples, "train": (train_x[:num_validation], train_y[:num_validation])}
    return Splits(
        train=ArrayBatches(examples["train"], batch_size=batch_size, prepare=prepare),
        evaluation={
            name: evaluation_batches(split, prepare=prepare) for name, split in evaluated.items()
        },
        num_classes=num_classes,
        num_examples={name: len(y) for name, (_, y) in examples.items()},
        partial=partial,
    )
