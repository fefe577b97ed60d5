"""What this process may use of the machine that it runs on."""

from contextlib import suppress
from pathlib import Path

import joblib
import psutil
import tensorflow as tf
from tfoptcmp.tools.common.execution import Machine

_CGROUP = Path("/sys/fs/cgroup")


def machine() -> Machine:
    """Returns what there is, as far as affinity and a container's limits allow it."""
    return Machine(
        processors=joblib.cpu_count(),
        gpus=len(tf.config.list_physical_devices("GPU")),
        free_gb=_free_bytes() / 1e9,
    )


def _free_bytes() -> int:
    free = int(psutil.virtual_memory().available)
    try:
        limit, used, lines = (
            (_CGROUP / name).read_text(encoding="ascii").strip()
            for name in ("memory.max", "memory.current", "memory.stat")
        )
    except OSError:  # no container, or an older kind
        return free
    if limit == "max":
        return free
    of_files = dict(line.split() for line in lines.splitlines())["inactive_file"]  # can be dropped
    return min(free, int(limit) - int(used) + int(of_files))


def leave_gpus_to_workers() -> None:
    """Keeps this process from taking their memory."""
    tf.config.set_visible_devices([], "GPU")


def share_gpus() -> None:
    """Keeps this process from taking more of their memory than it uses, unless it uses them yet."""
    for gpu in tf.config.list_physical_devices("GPU"):
        with suppress(RuntimeError, ValueError):  # they are in use, or were divided
            tf.config.experimental.set_memory_growth(gpu, True)
