"""Runs programs side by side, each in a fork of one process that has imported what they draw with.

    echo report --study_dir=runs/mine | python -m tools.lab.together

A line of standard input is a program of `tools` with its arguments, quoted as for a shell. As many
run at a time as there are processors. All are run; the exit code is 1 if one of them failed.
"""

import importlib
import multiprocessing
import os
import runpy
import shlex
import sys
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess

_IMPORTED = ("tfoptcmp.analysis.report.files", "sklearn.ensemble", "matplotlib.pyplot")


def main() -> None:
    """Runs them."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a process with threads must not fork
    for name in _IMPORTED:
        importlib.import_module(name)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_run, args=shlex.split(line)) for line in sys.stdin]
    running: set[ForkProcess] = set()
    for process in processes:
        if len(running) == len(os.sched_getaffinity(0)):
            ended = wait([one.sentinel for one in running])
            running = {one for one in running if one.sentinel not in ended}
        process.start()
        running.add(process)
    for process in processes:
        process.join()
    sys.exit(int(any(process.exitcode for process in processes)))


def _run(program: str, *arguments: str) -> None:
    sys.argv = [program, *arguments]
    runpy.run_module(f"tfoptcmp.tools.{program}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
