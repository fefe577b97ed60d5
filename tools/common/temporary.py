"""A directory for the temporary files of a program and of the workers that it starts here.

    <TMPDIR>/tfoptcmp-<machine>-<random>/      locked (flock) as long as the program lives

TensorFlow's generated code and the sockets of workers are there. Workers are ended at once, and
what is killed cleans nothing up: so a program removes the directory when it ends, and when it
begins those of programs of this machine and user that were killed.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing import util
from pathlib import Path

from tfoptcmp.tools.common.cli import UserError

_PREFIX = "tfoptcmp-"
# Bytes. A socket's path has at most 107, of which 25 are for the directory and 32 for what
# multiprocessing puts into it; TMPDIR may be longer on clusters.
_LONGEST = 50


@functools.cache
def use_own_directory() -> None:
    """Makes the directory, once, for this process and all that it starts from now on.

    It is in TMPDIR, or where that has a long path in /tmp.

    Raises:
        UserError: If there is no place for it.
    """
    until_exit = contextlib.ExitStack()
    # Others may have a machine's name, and TMPDIR may be on a disk that machines share.
    prefix = f"{_PREFIX}{hashlib.sha256(platform.node().encode()).hexdigest()[:6]}-"
    try:
        parent = Path(tempfile.gettempdir())
        while parent.name.startswith(_PREFIX):  # of a program that started this one
            parent = parent.parent
        if len(os.fsencode(parent)) > _LONGEST:
            parent = Path("/tmp")
        _remove_orphans(parent, prefix)
        directory = _make(parent, prefix, until_exit)
    except OSError as error:
        raise UserError(f"TMPDIR: no directory for temporary files: {error}") from error
    until_exit.callback(shutil.rmtree, directory, ignore_errors=True)
    # After multiprocessing has removed its own directory in there, which has priority -100.
    util.Finalize(None, until_exit.close, exitpriority=-200)
    tempfile.tempdir = os.environ["TMPDIR"] = str(directory)


def _make(parent: Path, prefix: str, until_exit: contextlib.ExitStack) -> Path:
    while True:
        directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            until_exit.enter_context(_locked(directory))
        except (BlockingIOError, FileNotFoundError):
            continue  # another program took it for that of a killed one
        except OSError:
            return directory  # a file system without locks, where nobody else removes it
        if directory.exists():
            return directory


def _remove_orphans(parent: Path, prefix: str) -> None:
    with contextlib.suppress(OSError):
        for path in parent.glob(f"{prefix}*"):
            with contextlib.suppress(OSError), _locked(path):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Holds the lock of a directory of this user's.

    Raises:
        OSError: If another process holds it, or it is a link, another user's, or no directory.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != os.getuid():
            raise PermissionError(f"{directory} is another user's")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
