"""Temporary files do not outlive the program, or not the next one if it is killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from tfoptcmp.tools.common import temporary
from tfoptcmp.tools.common.cli import UserError

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
    assert len(list(parent.rglob("*"))) == 3  # a directory, with a file and a directory
    end(program)
    assert not names(parent)


def test_those_of_a_killed_program_are_removed_by_the_next_and_others_are_not(parent):
    (parent / "tfoptcmp-foreign-1").mkdir()
    killed = begin(parent)
    of_killed = names(parent) - {"tfoptcmp-foreign-1"}
    killed.kill()
    killed.communicate()
    running = begin(parent)
    of_running = names(parent) - of_killed - {"tfoptcmp-foreign-1"}
    assert len(of_running) == 1
    end(begin(parent))
    assert names(parent) == of_running | {"tfoptcmp-foreign-1"}
    end(running)
    assert names(parent) == {"tfoptcmp-foreign-1"}


def test_links_are_not_followed(parent):
    running = begin(parent)
    [directory] = parent.iterdir()
    prefix = directory.name.rpartition("-")[0]
    mine = parent / "mine"
    mine.mkdir()
    (mine / "file").touch()
    (parent / f"{prefix}-evil").symlink_to(mine)
    end(running)
    end(begin(parent))
    assert names(mine) == {"file"}


def test_a_program_that_another_starts_has_a_directory_beside_its_own(parent):
    outer = begin(parent)
    [directory] = parent.iterdir()
    inner = begin(directory)
    assert len(names(parent)) == 2
    end(outer)
    assert len(names(parent)) == 1
    end(inner)
    assert not names(parent)


def test_no_place_is_told(monkeypatch):
    monkeypatch.setattr(tempfile, "mkdtemp", mock.Mock(side_effect=OSError(28, "No space left")))
    with pytest.raises(UserError, match=r"TMPDIR: no directory for temporary files: .*No space"):
        temporary.use_own_directory.__wrapped__()
