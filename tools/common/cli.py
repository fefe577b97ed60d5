"""The start of every program: help in groups, one clear message for what the user can fix."""

import errno
import importlib
import importlib.util
import json
import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from absl import app, flags, logging
from tfoptcmp.tools.common import signals

from tfoptcmp.study.schema import StudyError
from tfoptcmp.workload import MissingData

Groups = Mapping[str, Sequence[flags.FlagHolder[Any]]]

# Exit codes: 1 is Python's own for a bug, and absl's for flags that cannot be parsed.
USER_ERROR = 2


def run(main: Callable[[list[str]], None], description: str, groups: Groups) -> None:
    """Parses the flags, calls `main` with the positional arguments, and exits.

    Errors that the user can fix (`UserError`, `StudyError`, `MissingData`, what the file system
    refuses) end in one message and exit code 2, Ctrl-C in 130 and SIGTERM in 143; anything else is
    a bug and keeps its traceback.

    Args:
        main: Imports heavy packages itself, so that `--help` answers at once.
        description: What `--help` prints first, usually the program's docstring.
        groups: Heading to flags, in the order to print them. Shared flags that are not in it do not
            exist for this program.
    """
    _open_standard_files()
    _forget_flags_of_others(groups)
    if any(argument in ("--help", "-help", "-h", "--h") for argument in sys.argv[1:]):
        try:
            print(_help(description, groups), flush=True)
        except OSError as error:
            _end_without_output(error)
        sys.exit(0)

    def guarded(argv: list[str]) -> None:
        try:
            main(argv[1:])
            sys.stdout.flush()
        except (UserError, StudyError, MissingData) as error:
            print(f"{_program()}: {error}", file=sys.stderr)
            sys.exit(USER_ERROR)
        except KeyboardInterrupt as interrupt:
            print(f"\n{_program()}: {str(interrupt) or 'interrupted'}", file=sys.stderr)
            sys.exit(signals.exit_code(interrupt))
        except OSError as error:
            if error.filename is None:
                _end_without_output(error)
            logging.debug("%s", error, exc_info=True)
            print(f"{_program()}: {error.filename}: {error.strerror}", file=sys.stderr)
            sys.exit(USER_ERROR)

    # TensorFlow reports the absence of a GPU as an error; what is wrong raises an exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signals.raise_on_sigterm()
    logging.set_verbosity(logging.WARNING)
    app.run(guarded)


def check_backend() -> None:
    """Checks on what Keras will run, before it is imported.

    Raises:
        UserError: If that is not TensorFlow.
    """
    backend, where = os.environ.get("KERAS_BACKEND"), "KERAS_BACKEND"
    if not backend:  # as Keras reads it
        home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
        where = os.path.join(home, "keras.json")
        try:
            with open(where, encoding="utf-8") as file:
                backend = json.load(file).get("backend")
        except (OSError, ValueError, AttributeError):
            backend = None
    if backend not in (None, "", "tensorflow"):
        raise UserError(
            f"Keras must run on TensorFlow here; got {backend!r} ({where}): set "
            "KERAS_BACKEND=tensorflow"
        )


def import_tensorflow() -> None:
    """Imports TensorFlow without what it writes to stderr at import, unless the import fails.

    The lines (no CUDA, oneDNN is on) come before any setting of the log level can take effect.

    Raises:
        UserError: If TensorFlow is not installed, or Keras is to run on another backend.
    """
    check_backend()
    if importlib.util.find_spec("tensorflow") is None:
        raise UserError(
            "this needs TensorFlow, which is not installed here, nor perhaps what goes with it: "
            "install tfoptcmp without --no-deps"
        )
    with tempfile.TemporaryFile() as kept:
        stderr = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except Exception:
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _open_standard_files() -> None:
    """Opens those that are closed (`>&-`) on nothing, before other files get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, this one
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115  # to the end
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115


class UserError(Exception):
    """A flag or argument cannot be used; the message names it, the value, and what is allowed."""


def _forget_flags_of_others(groups: Groups) -> None:
    """Makes the shared flags that a program does not list unknown, rather than ignored."""
    listed = {holder.name for holders in groups.values() for holder in holders}
    for module, defined in list(flags.FLAGS.flags_by_module_dict().items()):
        if module.rpartition(".")[0] == __package__:
            for flag in list(defined):
                if flag.name not in listed:
                    delattr(flags.FLAGS, flag.name)


def _end_without_output(error: OSError) -> NoReturn:
    """Ends if nobody takes the output: its reader, such as `head`, has ended, or the disk is full.

    Other errors are raised again.
    """
    if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EDQUOT):
        raise error
    if error.errno != errno.EPIPE:
        print(f"{_program()}: the output cannot be written: {error.strerror}", file=sys.stderr)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(USER_ERROR)


def _program() -> str:
    return sys.argv[0].rsplit("/", 1)[-1].removesuffix(".py")


def _help(description: str, groups: Groups) -> str:
    lines = [description.strip(), ""]
    for title, holders in groups.items():
        lines.append(f"{title}:")
        for holder in holders:
            flag = flags.FLAGS[holder.name]
            default = "" if flag.default in (None, []) else (flag.default_as_str or "").strip("'")
            if isinstance(flag.default, list):
                default = ",".join(map(str, flag.default))
            name = f"--{'[no]' if flag.boolean else ''}{flag.name}"
            # For a flag that may be repeated absl says so, after a semicolon and many blanks.
            help_text = re.sub(r"\.?;\s+repeat this option", "; repeat this option", flag.help)
            help_text += f" [{default}]" if default else ""
            lines += textwrap.wrap(
                f"{name:<21} {help_text}", 96, initial_indent="  ", subsequent_indent=" " * 24
            )
        lines.append("")
    lines.append("absl's own flags, such as --verbosity and --flagfile: --helpfull")
    return "\n".join(lines)
