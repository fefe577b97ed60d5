"""The clocks that a study needs; programs pass real ones, tests their own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What time it is.

    Attributes:
        now: Returns seconds since 1970 (UTC); may be set back meanwhile. For the record.
        monotonic: Returns seconds since any fixed time; never goes back. For durations.
    """

    now: Callable[[], float]
    monotonic: Callable[[], float]
