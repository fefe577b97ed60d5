"""Short operations, repeated until they can be timed."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tools.lab.benchmark.order_of_rounds import Turns

_SECONDS = 0.1  # of a turn
_MAX_REPEATS = 5_000

Repeated = Callable[[int], None]
"""Does something so many times."""


def measure_all(turns: Turns, make: Callable[[str], Repeated], facts: Mapping[str, Any]) -> None:
    """Measures seconds a repeat of what `make` makes of each part.

    Args:
        turns: From the parent; each part is made, compiled and counted in the turn that does not
            count.
        make: From a part's name to what is repeated.
        facts: For the record.
    """
    repeated: dict[str, tuple[Repeated, int]] = {}
    turns.ready(facts)
    for part in turns:
        if part not in repeated:
            repeated[part] = _counted(make(part))
        function, count = repeated[part]
        turns.done(_seconds(function, count) / count)


def _counted(function: Repeated) -> tuple[Repeated, int]:
    """Returns it with the repeats of a turn, after a warm-up."""
    function(2)
    count = 2
    while (seconds := _seconds(function, count)) < _SECONDS / 8 and count < _MAX_REPEATS:
        count *= 4
    return function, max(1, min(_MAX_REPEATS, round(count * _SECONDS / seconds)))


def _seconds(function: Repeated, count: int) -> float:
    start = time.perf_counter()
    function(count)
    return time.perf_counter() - start
