"""The order in which training examples are drawn: a function of (seed, step).

Examples are drawn without replacement, epoch after epoch: step s takes the positions
s * batch_size + i of an endless sequence, in which every n positions are one epoch in an order of
its own. So a batch may cross from one epoch into the next, none is partial, and a trial can start
at any step without replaying those before it. Memory holds the order of one epoch at a time.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf


def index_batches(
    num_examples: int, batch_size: int, *, seed: int, start: int, stop: int
) -> tf.data.Dataset:
    """Returns which examples the steps start, ..., stop - 1 take.

    Args:
        num_examples: n, examples in an epoch.
        batch_size: Examples a step.
        seed: Of the order, >= 0.
        start: First step.
        stop: One after the last step.

    Returns:
        Pairs (indices int32 [batch_size] in [0, n), step int64 []).
    """
    blocks = tf.data.Dataset.from_generator(
        lambda: _blocks(num_examples, batch_size, seed, start, stop),
        output_signature=tf.TensorSpec([None, batch_size], tf.int32),
    )
    # Python is asked once an epoch, not once a step.
    indices = blocks.flat_map(tf.data.Dataset.from_tensor_slices)
    return tf.data.Dataset.zip(indices, tf.data.Dataset.range(start, stop))


def pipeline_options(num_threads: int = 1) -> tf.data.Options:
    """Returns options for deterministic pipelines that leave the other cores to the model."""
    options = tf.data.Options()
    options.deterministic = True
    options.threading.private_threadpool_size = num_threads
    return options


def _blocks(
    num_examples: int, batch_size: int, seed: int, start: int, stop: int
) -> Iterator[np.ndarray]:
    """Yields the batches of whole steps, an epoch at a time, int32 [steps, batch_size]."""
    # Not tf.random.experimental.index_shuffle, which needs no memory but reads 8 bits of each
    # word of its seed: seeds 256 apart, and epochs 256 apart, would have the same order.
    epoch, skip = divmod(start * batch_size, num_examples)
    drawn = np.empty(0, np.int32)
    while start < stop:
        order = np.random.default_rng([seed, epoch]).permutation(
            np.arange(num_examples, dtype="i4")
        )
        drawn = np.concatenate([drawn, order[skip:]])
        steps = min(len(drawn) // batch_size, stop - start)
        yield drawn[: steps * batch_size].reshape(steps, batch_size)
        drawn = drawn[steps * batch_size :]
        start, epoch, skip = start + steps, epoch + 1, 0
