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
        num_drivers, num_others = _kill_until_it_ends(parent, num_trials, seconds_between_kills)
        disturbed = time.monotonic() - start - undisturbed
        directories = [parent / name for name in ("undisturbed", "killed")]
        names, others = [{str(p.relative_to(one)) for p in one.rglob("*")} for one in directories]
        assert names == others, f"files only in one of both: {sorted(names ^ others)[:10]}"
        expected, found = [
            fake.contents(next(one.glob("*/study.json")).parent) for one in directories
        ]
        assert expected == found
        left = list((parent / "temporary").rglob("*"))
        assert not left, f"temporary files are left: {left}"
        total = len({Path(name).parts[1] for name in expected})
    return (
        f"{total} trials in {undisturbed / 60:.0f} minutes, and in {disturbed / 60:.0f} with "
        f"{num_drivers} kills of the driver and {num_others} of processes below it: equal bytes, "
        "no file and no process left"
    )


def _kill_until_it_ends(parent: Path, num_trials: int, mean_seconds: float) -> tuple[int, int]:
    """Returns how often the driver was killed, and how often another process."""
    chance = random.Random(7)
    num_drivers = num_others = 0
    driver = _start(parent, "killed", num_trials)
    below: set[int] = set()
    while True:
        try:
            code = driver.wait(chance.expovariate(1 / mean_seconds))
        except subprocess.TimeoutExpired:
            below |= _below(driver.pid)
            running = sorted(_alive(below))
            if running and chance.random() < 0.5:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(chance.choice(running), signal.SIGKILL)
                num_others += 1
            else:
                driver.kill()
                driver.wait()
                num_drivers += 1
                _check_end(below)
                driver = _start(parent, "killed", num_trials)
            print(f"\r{num_drivers + num_others} kills", end="", file=sys.stderr, flush=True)
        else:
            print(file=sys.stderr)
            assert code == 0, _log(parent)
            _check_end(below)
            return num_drivers, num_others


def _start(parent: Path, name: str, num_trials: int) -> "subprocess.Popen[bytes]":
    """Runs or resumes a study, whose temporary files are in a directory of their own."""
    temporary = parent / "temporary"
    temporary.mkdir(exist_ok=True)
    module = processes.digits_study.__module__
    code = (
        f"from pathlib import Path; from {module} import digits_study; "
        f"digits_study(Path({str(parent / name)!r}), {_NUM_WORKERS}, {num_trials})"
    )
    environment = os.environ | {"TMPDIR": str(temporary)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


def _log(parent: Path) -> str:
    return (parent / "log").read_text(encoding="utf-8")[-10_000:]


def _below(pid: int) -> set[int]:
    """Returns the processes that a process has started, and those that these have, and so on."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text(encoding="ascii").split()):
            found |= {child} | _below(child)
    return found


def _alive(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _check_end(pids: Iterable[int]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while left := _alive(pids):
        assert time.monotonic() < end, f"processes are left: {left}"
        time.sleep(0.1)
