"""The order in which training examples are drawn: a function of (seed, step).

Examples are drawn without replacement, epoch after epoch: step s takes the positions
s * batch_size + i of an endless sequence, in which every n positions are one epoch in its own
order. So a batch may cross from one epoch into the next, none is partial, and a trial can start at
any step without replaying those before it. Memory holds the order of a whole trial, four bytes for
every example drawn.
"""

import numpy as np
import tensorflow as tf


def index_batches(
    num_examples: int, batch_size: int, *, seed: int, start: int, stop: int
) -> tf.data.Dataset:
    """Returns which examples the steps start, ..., stop - 1 take.

    Args:
        num_examples: n, examples in an epoch.
        batch_size: Examples per step.
        seed: Of the order, >= 0.
        start: First step.
        stop: One after the last step.

    Returns:
        Pairs (indices int32 [batch_size] in [0, n), step int64 []).
    """
    indices = _indices(num_examples, batch_size, seed=seed, start=start, stop=stop)
    return tf.data.Dataset.zip(
        tf.data.Dataset.from_tensor_slices(indices), tf.data.Dataset.range(start, stop)
    )


def pipeline_options(num_threads: int = 1) -> tf.data.Options:
    """Returns options for deterministic pipelines that leave the other cores to the model.

    Without autotuning: there is nothing to tune, and an iterator's end would wait for its next
    round, up to 0.2 s.
    """
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.private_threadpool_size = num_threads
    return options


def _indices(num_examples: int, batch_size: int, *, seed: int, start: int, stop: int) -> np.ndarray:
    """Returns the indices of all these steps, int32 [stop - start, batch_size]."""
    # Not tf.random.experimental.index_shuffle, which needs no memory but reads 8 bits of each
    # word of its seed: seeds 256 apart, and epochs 256 apart, would have the same order. Nor a
    # generator, an epoch at a time: a pipeline with Python in it loses all its parallel calls and
    # its prefetching where TensorFlow is deterministic.
    first, skip = divmod(start * batch_size, num_examples)
    size = (stop - start) * batch_size
    examples = np.arange(num_examples, dtype="i4")
    drawn = np.empty(skip + size, dtype="i4")
    for epoch, begin in enumerate(range(0, len(drawn), num_examples), start=first):
        order = np.random.default_rng([seed, epoch]).permutation(examples)
        drawn[begin : begin + num_examples] = order[: len(drawn) - begin]
    return drawn[skip:].reshape(-1, batch_size)
