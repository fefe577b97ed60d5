"""The process that workers are forked from: it does their imports, and nothing else.

It imports while the program does, if it is started first. Imports nothing heavy itself.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver

from tfoptcmp.tools.common import temporary
from tfoptcmp.tools.common.cli import UserError

TRAINING = ("tfoptcmp.training.trainers", "tfoptcmp.tuners.process_pool")
"""What workers that train import."""


def start(imports: Sequence[str] = TRAINING) -> None:
    """Starts the server; does nothing if it runs.

    It must not start threads, so its numerical libraries get one. What it and its workers print,
    such as TensorFlow's words about CUDA, is dropped; exceptions come with the answers.

    Args:
        imports: Modules that every worker will need.

    Raises:
        UserError: If there cannot be one.
    """
    temporary.use_own_directory()
    forkserver.set_forkserver_preload(list(imports))
    try:
        with _one_thread(), _no_output():
            forkserver.ensure_running()
    except OSError as error:
        raise UserError(
            f"--num_workers: no process for workers can be started: {error}; --num_workers=1 needs "
            "none"
        ) from error


@contextmanager
def _one_thread() -> Iterator[None]:
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


@contextmanager
def _no_output() -> Iterator[None]:
    kept = [os.dup(number) for number in (1, 2)]
    with open(os.devnull, "wb") as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
    try:
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
