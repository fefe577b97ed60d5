"""Memory of this process, as Linux counts it."""

import gc
from pathlib import Path


def resident_mb() -> float:
    """Returns the megabytes that are in memory now, after a collection."""
    gc.collect()
    return _status("VmRSS")


def peak_mb() -> float:
    """Returns the most megabytes that ever were."""
    return _status("VmHWM")


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status must have {name}")
