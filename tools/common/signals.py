"""SIGTERM and Ctrl-C: trials are asked to stop cleanly; a second signal stops at once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tfoptcmp.study.trial import Interrupted

_NOTE = b"\nstopping at the next checkpoint; repeat to stop at once\n"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which is to end a program as Ctrl-C does, but with its own exit code."""


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Returns what shells expect of a program that a signal ended, 128 + its number."""
    return 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)


def raise_on_sigterm() -> None:
    """Makes SIGTERM raise `Terminated`, so that what is open is closed."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, handler)


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Turns the first SIGTERM or Ctrl-C into a request to stop, which trials answer.

    Yields: A function that says whether to stop.

    Raises:
        Terminated: In place of the trials' `Interrupted`, where the signal was SIGTERM.
        KeyboardInterrupt: At once, at a second signal.
    """
    received: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        os.write(2, _NOTE)  # print may be in the middle of a line

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield lambda: bool(received)
    except Interrupted as interrupt:
        if signal.SIGTERM in received[:1]:  # another worker may have had it
            raise Terminated(*interrupt.args) from interrupt
        raise
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)
