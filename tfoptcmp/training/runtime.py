"""Threads and determinism of TensorFlow, to be set before its first operation; Keras's settings."""

import os
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf


def configure(threads: int) -> int:
    """Makes equal trials give equal bits on one kind of CPU, at a fixed number of threads.

    One inter-op thread: with two, a step of ResNet-32 was not reproducible, whatever the other
    switches. Op determinism: without it the gradient of an embedding depends on the order in which
    threads scatter. Results differ between numbers of intra-op threads, so the number belongs to
    the study.

    The cost was within the noise of a machine with other work (TensorFlow 2.21, 2 cores and 2
    intra-op threads; processor seconds per trial, medians of 20 to 30 trials in alternating
    processes): 100 steps of `digits_simple_cnn` took 1.11 with both measures and 1.12 with neither;
    48 steps of `pydocs_lstm` at scale cpu took 2.42 and 2.28, another time 2.37 and 2.60.

    Args:
        threads: Intra-op threads of a trial; 0 takes all processors that this process may use.

    Returns:
        The number of threads set.

    Raises:
        ValueError: If `threads` is negative.
        RuntimeError: If TensorFlow has already been used in this process, with other threads.
    """
    if threads < 0:
        raise ValueError(f"threads must be >= 0; got {threads!r}")
    threads = threads or len(os.sched_getaffinity(0))
    try:
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise RuntimeError(
            f"threads must be set ({threads} here) before TensorFlow's first operation, which this "
            "process has already run"
        ) from error
    tf.config.experimental.enable_op_determinism()
    # Optimizers of others are traced anew for every trial, which TensorFlow takes for a mistake.
    tf.get_logger().addFilter(lambda record: "tf.function retracing" not in record.getMessage())
    return threads


KERAS_DEFAULTS = {
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
}
"""What `keras_settings` returns if nobody changed anything."""


def keras_settings() -> dict[str, Any]:
    """Returns Keras's global settings on which a trial depends, for `set_keras`."""
    return {
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy().name,
    }


def set_keras(settings: Mapping[str, Any]) -> None:
    """Sets what `keras_settings` returned, in another process."""
    keras.config.set_epsilon(settings["epsilon"])
    keras.config.set_image_data_format(settings["image_data_format"])
    keras.config.set_dtype_policy(settings["dtype_policy"])
