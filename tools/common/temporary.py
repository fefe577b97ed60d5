"""A directory for the temporary files of a program and of the processes that it starts.

    <TMPDIR>/tfoptcmp-<random>/lock      held as long as the program lives

TensorFlow's generated code and the sockets of workers are there. Workers are ended at once, and
what is killed cleans nothing up: so a program removes the directory when it ends, and when it
begins those of programs that were killed.
"""

import contextlib
import functools
import os
import shutil
import tempfile
from multiprocessing import util
from pathlib import Path

from tfoptcmp.tools.common.cli import UserError

from tfoptcmp.study.lock import locked

_PREFIX = "tfoptcmp-"
_LONGEST = 40  # bytes: a socket's path has at most about 100, and TMPDIR may be longer on clusters


@functools.cache
def use_own_directory() -> None:
    """Makes the directory, once, for this process and all that it starts from now on.

    Raises:
        UserError: If there is no place for it.
    """
    parent = Path(tempfile.gettempdir())
    if len(os.fsencode(parent)) > _LONGEST:
        parent = Path("/tmp")
    _remove_orphans(parent)
    try:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        raise UserError(f"TMPDIR: no directory for temporary files: {error}") from error
    until_exit = contextlib.ExitStack()
    until_exit.callback(shutil.rmtree, directory, ignore_errors=True)
    # After multiprocessing has removed its own directory in there, which has priority -100.
    util.Finalize(None, until_exit.close, exitpriority=-200)
    with contextlib.suppress(OSError):  # a file system without locks: nobody else removes it
        until_exit.enter_context(locked(directory / "new"))
        os.rename(directory / "new", directory / "lock")  # never there without being held
    tempfile.tempdir = os.environ["TMPDIR"] = str(directory)


def _remove_orphans(parent: Path) -> None:
    for lock in parent.glob(f"{_PREFIX}*/lock"):
        with contextlib.suppress(OSError):  # in use, or another user's
            if lock.stat().st_uid == os.getuid():
                with locked(lock):
                    shutil.rmtree(lock.parent, ignore_errors=True)
