"""The process that workers are forked from."""

import os
import subprocess
import sys

PROGRAM = """
import multiprocessing, os
from tfoptcmp.tools.common import worker_server

worker_server.start(["numpy"])
ours, theirs = multiprocessing.Pipe()
context = multiprocessing.get_context("forkserver")
worker = context.Process(target=theirs.send, args=({"OMP_NUM_THREADS": "sent"},))
worker.start()
worker.join(60)
print("sent", ours.poll(0), "exit code", worker.exitcode, os.environ.get("OMP_NUM_THREADS"))
"""


def run(**environment):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "3", **environment},
    )


def test_workers_start_where_the_temporary_directory_has_a_long_path(tmp_path):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    done = run(TMPDIR=str(long))
    assert done.stdout == "sent True exit code 0 3\n", done.stderr
    assert not list(long.iterdir())
