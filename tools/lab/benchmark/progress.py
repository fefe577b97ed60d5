"""What a benchmark says while it runs."""

import sys
import time

_START = time.monotonic()


def say(text: str) -> None:
    """Prints a line with the seconds since the start, on stderr."""
    print(f"[{time.monotonic() - _START:5.0f} s] {text}", file=sys.stderr, flush=True)
