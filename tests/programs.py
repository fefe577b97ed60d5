"""Runs the programs as a user does, each in a process of its own.

To start Python and import TensorFlow takes longer than most of what is tested. So these processes
are forked from one that has imported it, unless the environment or `fresh` asks for another start.
What is tested of imports and of their words needs a fresh start, and so does one of two runs that
are to be equal: forks have one hash seed.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tfoptcmp.tools.common.cli import import_tensorflow

_ROOT = Path(__file__).parent.parent
_AT_FIRST = dict(os.environ)  # before a test changes it
_IMPORTED = (
    *("tfoptcmp.training.trainers", "tfoptcmp.tuners.process_pool", "tensorboard.plugins.hparams"),
    *("tfoptcmp.analysis.report.files", "sklearn.ensemble", "matplotlib.pyplot"),
)

_READ_EARLY = (
    *("CUDA_", "KERAS_", "LANG", "LC_", "LD_", "MPL", "OMP_", "PYTHON", "TF_", "TF2_", "XLA_"),
)


def run(program, *arguments, cwd=None, timeout=240, fresh=False, **environment):
    """Runs a program to its end.

    Args:
        program: A module of `tools`, as `tune` and `lab.benchmark`; or the path of a script.
        arguments: Its command line; made strings.
        cwd: Where; by default here.
        timeout: In seconds.
        fresh: Whether it imports everything itself.
        environment: Beside the variables of this process.

    Returns:
        A `CompletedProcess` with what was printed as text.

    Raises:
        TimeoutExpired: If it does not end.
    """
    line = command(program, *arguments)
    wanted = {**os.environ, **environment}
    if fresh or _of_imports(wanted) != _of_imports(_AT_FIRST):
        return subprocess.run(
            line, capture_output=True, text=True, cwd=cwd, env=wanted, timeout=timeout
        )
    return _server().run(line, str(cwd or os.getcwd()), wanted, timeout)


def command(program, *arguments):
    """Returns the command line of a program, for those that are killed while they run."""
    named = [program] if isinstance(program, Path) else ["-m", f"tfoptcmp.tools.{program}"]
    return [sys.executable, *map(str, (*named, *arguments))]


class _Server:
    """The process from which programs are forked; it ends when its standard input does."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.programs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=_ROOT,
            env={**_AT_FIRST, "OMP_NUM_THREADS": "1"},  # a process with threads must not fork
        )

    def run(self, line, cwd, environment, timeout):
        with tempfile.TemporaryDirectory() as directory:
            output, errors = (Path(directory, name) for name in ("stdout", "stderr"))
            request = {
                "line": line,
                "cwd": cwd,
                "environment": environment,
                "timeout": timeout,
                "files": [os.devnull, str(output), str(errors)],
            }
            print(json.dumps(request), file=self._process.stdin, flush=True)
            code = int(self._process.stdout.readline())
            said = [path.read_text(encoding="utf-8") for path in (output, errors)]
        if code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(line, timeout, *said)
        return subprocess.CompletedProcess(line, code, *said)


_server = functools.cache(_Server)


def _of_imports(environment):
    """The variables that are read before a program begins, or by what it imports."""
    return {name: value for name, value in environment.items() if name.startswith(_READ_EARLY)}


def _serve():
    """Forks for every request; returns it in the new process, None at the end in this one."""
    for line in sys.stdin:
        if not (process := os.fork()):
            return json.loads(line)
        _, status = os.waitpid(process, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # whom it left behind
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def _become(request):
    """Makes this process what its command line is when it begins; returns what then runs."""
    os.setsid()
    signal.alarm(request["timeout"])
    for number, path in enumerate(request["files"]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # found anew
    np.random.seed()  # or all would draw the same
    sys.path[0] = request["cwd"]
    _, *sys.argv = request["line"]
    if sys.argv[0] != "-m":
        return functools.partial(runpy.run_path, sys.argv[0], run_name="__main__")
    del sys.argv[0]
    return functools.partial(runpy.run_module, sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    import_tensorflow()
    for name in _IMPORTED:
        importlib.import_module(name)
    sys.modules["tensorflow"].config.list_physical_devices()  # says that there is no GPU
    gc.freeze()  # or every process would copy what is there, to look it through
    if asked := _serve():
        _become(asked)()
