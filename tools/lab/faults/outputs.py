"""Names that no file can have, and outputs that are full or closed: one line, no traceback."""

import shlex
import subprocess
import sys

from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tools.lab.faults.fake import scratch

_LONG = "n" * 300
_TUNE = "tune --workload=digits_simple_cnn --scale=smoke --optimizers=sgd --num_feasible=1"


def odd_outputs() -> str:
    """Gives programs directories with impossible names, and standard files that take nothing.

    Raises:
        AssertionError: If one says more than a line, or fails where it need not.
    """
    with scratch() as directory:
        fake.study(directory)
        study, impossible = (shlex.quote(str(p)) for p in (directory, directory / _LONG))
        refused = [
            *(f"report {impossible}", f"pack {impossible}", f"audit --csv={impossible}"),
            f"{_TUNE} --study_dir={impossible}",
            *("pack --help > /dev/full", "audit --columns > /dev/full"),
            f"report --json {study} > /dev/full",
        ]
        for command in refused:
            done = _run(command)
            last = done.stderr.strip().splitlines()[-1]
            assert done.returncode == 2, (command, done.returncode, done.stderr)
            assert "Traceback" not in done.stderr, (command, done.stderr)
            assert len(last) < 1000, (command, last)
        closed = [f"report --json {study} {which}" for which in (">&-", "2>&-", "<&-")]
        for command in closed:
            done = _run(command)
            assert done.returncode == 0, (command, done.returncode, done.stderr)
    return (
        f"{len(refused)} commands with names of 300 characters or a full output: refused in a "
        f"line; {len(closed)} with closed standard files: no error"
    )


def _run(command: str) -> "subprocess.CompletedProcess[str]":
    shell = f"{shlex.quote(sys.executable)} -m tfoptcmp.tools.{command}"
    return subprocess.run(
        ["sh", "-c", shell], capture_output=True, text=True, check=False, timeout=300
    )
