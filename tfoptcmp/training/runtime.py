"""Threads and determinism of TensorFlow, to be set before its first operation."""

import os

import tensorflow as tf


def configure(threads: int) -> int:
    """Makes equal trials give equal bits on one kind of CPU, at a fixed number of threads.

    One inter-op thread: with two, a step of ResNet-32 was not reproducible, whatever the other
    switches. Op determinism: without it the gradient of an embedding depends on the order in which
    threads scatter. Results differ between numbers of intra-op threads, so the number belongs to
    the study.

    Args:
        threads: Intra-op threads of a trial; 0 takes all processors that this process may use.

    Returns:
        The number of threads set.

    Raises:
        ValueError: If `threads` is negative.
        RuntimeError: If TensorFlow has already been used in this process.
    """
    if threads < 0:
        raise ValueError(f"threads must be >= 0; got {threads!r}")
    threads = threads or len(os.sched_getaffinity(0))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
    return threads
