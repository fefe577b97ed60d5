"""Temporary files do not outlive the program, or not the next one if it is killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROGRAM = """
import sys, tempfile
from multiprocessing import util
from tfoptcmp.tools.common import temporary

temporary.use_own_directory()
temporary.use_own_directory()
util.get_temp_dir()  # removes itself
tempfile.NamedTemporaryFile(delete=False)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def parent():
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        yield Path(short)


def begin(directory):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(directory)},
    )
    assert program.stdout.readline() == b"ready\n"
    return program


def end(program):
    _, stderr = program.communicate()
    assert program.returncode == 0
    assert not stderr


def names(directory):
    return {path.name for path in directory.iterdir()}


def test_a_program_removes_its_own_files(parent):
    program = begin(parent)
    assert len(list(parent.rglob("*"))) == 4  # a directory; the lock, a file and a directory in it
    end(program)
    assert not names(parent)


def test_those_of_a_killed_program_are_removed_by_the_next_and_others_are_not(parent):
    (parent / "tfoptcmp-foreign").mkdir()
    killed = begin(parent)
    of_killed = names(parent) - {"tfoptcmp-foreign"}
    killed.kill()
    killed.communicate()
    running = begin(parent)
    of_running = names(parent) - of_killed - {"tfoptcmp-foreign"}
    assert len(of_running) == 1
    end(begin(parent))
    assert names(parent) == of_running | {"tfoptcmp-foreign"}
    end(running)
    assert names(parent) == {"tfoptcmp-foreign"}
