"""A long study of real training, of which something is killed every minute; nothing may grow."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tfoptcmp.tools.lab.faults import fake, processes

_NUM_WORKERS = 2
_PATIENCE_SECONDS = 20.0  # until orphans have ended


def soak(num_trials: int = 2000, seconds_between_kills: float = 60.0) -> str:
    """Kills the driver of a study, or a process below it, at random times until the study ends.

    Args:
        num_trials: Feasible ones.
        seconds_between_kills: On average; exponentially distributed.

    Raises:
        AssertionError: If a trial differs from that of an undisturbed study, or if processes, or
            files in the study or the directory of temporary files are left.
    """
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        parent = Path(scratch)
        start = time.monotonic()
        assert _start(parent, "undisturbed", num_trials).wait() == 0, _log(parent)
        undisturbed = time.monotonic() - start
        num_drivers, num_others = _kill_until_it_ends(
            parent, num_trials, seconds_between_kills, 10 * undisturbed + _PATIENCE_SECONDS
        )
        disturbed = time.monotonic() - start - undisturbed
        directories = [parent / name for name in ("undisturbed", "killed")]
        names, others = [{str(p.relative_to(one)) for p in one.rglob("*")} for one in directories]
        assert names == others, f"files only in one of both: {sorted(names ^ others)[:10]}"
        expected, found = [
            fake.contents(next(one.glob("*/study.json")).parent) for one in directories
        ]
        assert expected == found
        left = list(_temporary(parent).rglob("*"))
        assert not left, f"temporary files are left: {left}"
        total = len({Path(name).parts[1] for name in expected})
    return (
        f"{total} trials in {undisturbed / 60:.0f} minutes, and in {disturbed / 60:.0f} with "
        f"{num_drivers} kills of the driver and {num_others} of processes below it: equal records, "
        "no file and no process left"
    )


def _kill_until_it_ends(
    parent: Path, num_trials: int, mean_seconds: float, most_seconds: float
) -> tuple[int, int]:
    """Returns how often the driver was killed, and how often another process."""
    chance = random.Random(7)
    num_drivers = num_others = 0
    end = time.monotonic() + most_seconds
    driver = _start(parent, "killed", num_trials)
    seen: set[_Process] = set()
    while True:
        assert time.monotonic() < end, (
            f"it goes on for ever, with {num_drivers} kills of the driver"
        )
        try:
            code = driver.wait(chance.expovariate(1 / mean_seconds))
        except subprocess.TimeoutExpired:
            below = _below(driver.pid)
            seen |= below
            if below and chance.random() < 0.5:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(chance.choice(sorted(below)).pid, signal.SIGKILL)
                num_others += 1
            else:
                driver.kill()
                driver.wait()
                num_drivers += 1
                _check_end(seen)
                seen.clear()
                driver = _start(parent, "killed", num_trials)
            print(f"\r{num_drivers + num_others} kills", end="", file=sys.stderr, flush=True)
        else:
            print(file=sys.stderr)
            assert code == 0, _log(parent)
            _check_end(seen)
            return num_drivers, num_others


def _start(parent: Path, name: str, num_trials: int) -> "subprocess.Popen[bytes]":
    """Runs or resumes a study, whose temporary files are in a directory of their own."""
    temporary = _temporary(parent)
    temporary.mkdir(exist_ok=True)
    module = processes.digits_study.__module__
    code = (
        f"from pathlib import Path; from {module} import digits_study; "
        f"digits_study(Path({str(parent / name)!r}), {_NUM_WORKERS}, {num_trials})"
    )
    environment = os.environ | {"TMPDIR": str(temporary)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


def _temporary(parent: Path) -> Path:
    return parent / "t"  # sockets are in it, whose paths must be short


def _log(parent: Path) -> str:
    return (parent / "log").read_text(encoding="utf-8")[-10_000:]


class _Process(NamedTuple):
    """A process; its number alone may be another's later."""

    pid: int
    started: str  # clock ticks after the machine

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return (found := _status(self.pid)) is not None and found == ("runs", self.started)


def _status(pid: int) -> tuple[str, str] | None:
    """Whether a process runs or is only left in the table, and its start; None without one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return "left" if fields[0] in "ZX" else "runs", fields[19]


def _below(pid: int) -> set[_Process]:
    """Returns the processes that a process has started, and those that these have, and so on."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            for child in map(int, task.read_text(encoding="ascii").split()):
                if status := _status(child):
                    found |= {_Process(child, status[1])} | _below(child)
    return found


def _check_end(processes: Iterable[_Process]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while left := [process for process in processes if process.is_alive]:
        assert time.monotonic() < end, f"processes are left: {left}"
        time.sleep(0.1)
