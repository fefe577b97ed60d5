"""The rate of the machine's matrix products: what a floor is counted in."""

import time
from collections.abc import Callable

import numpy as np

from tools.lab.benchmark.order_of_rounds import Turns

_SIZE = 2048
_REPEATS = 10


def tensorflow(turns: Turns, *, threads: int) -> None:
    """Multiplies matrices of 2048 x 2048 in float32 in TensorFlow; measures seconds an operation.

    Args:
        turns: From the parent.
        threads: Intra-op threads.
    """
    import tensorflow as tf

    from tfoptcmp.training import runtime

    runtime.configure(threads)
    a = tf.constant(np.random.default_rng(0).standard_normal((_SIZE, _SIZE), np.float32))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)))
    _measure(turns, lambda: product().numpy())


def pytorch(turns: Turns, *, threads: int) -> None:
    """The same in PyTorch."""
    import torch

    torch.set_num_threads(threads)
    a = torch.randn(_SIZE, _SIZE)
    _measure(turns, lambda: torch.mm(a, a))


def _measure(turns: Turns, product: Callable[[], object]) -> None:
    product()
    turns.ready({})
    for _ in turns:
        start = time.perf_counter()
        for _ in range(_REPEATS):
            product()
        turns.done((time.perf_counter() - start) / (_REPEATS * 2 * _SIZE**3))
