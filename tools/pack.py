"""Packs studies for publishing, and unpacks them: three files instead of two for each trial.

    tfoptcmp-pack runs/mine
    tfoptcmp-pack --unpack runs/mine

Every program can still read a packed study. To resume or extend it, unpack it. Of a refinement all
rounds are packed. TensorBoard events and checkpoints are not restored. Every file is read back and
compared before the trials' files are removed.
"""

from pathlib import Path

from absl import flags
from tfoptcmp.tools.common import cli
from tfoptcmp.tools.common.cli import UserError

_UNPACK = flags.DEFINE_bool("unpack", False, "Unpack studies that are packed.")

_GROUPS = {"What to do": (_UNPACK,)}


def _run(argv: list[str]) -> None:
    if not argv:
        raise UserError("name studies or directories of studies as arguments")

    from tfoptcmp.study.lock import locked
    from tfoptcmp.study.pack import is_packed, pack, unpack
    from tfoptcmp.study.read import find_all_studies, read_reruns, read_study

    change, done = (unpack, "unpacked") if _UNPACK.value else (pack, "packed")
    for directory in (found for name in argv for found in find_all_studies(Path(name))):
        if is_packed(directory) != _UNPACK.value:
            print(f"{directory}: is {done} already")
            continue
        try:
            with locked(directory / "lock"):
                study = read_study(directory)  # whole, before anything is changed
                for trial in study.trials:
                    study.measurements(trial.index)
                read_reruns(directory)
                change(directory)
        except BlockingIOError as error:
            raise UserError(f"{directory} is being written by another process ({error})") from error
        except OSError as error:
            raise UserError(f"{directory} cannot be {done}: {error}") from error
        print(f"{directory}: {done}")


def main() -> None:
    """Entry point of `tfoptcmp-pack`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
