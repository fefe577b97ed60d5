"""Packs studies for publishing, and unpacks them: three files instead of two for each trial.

    tfoptcmp-pack runs/mine
    tfoptcmp-pack --unpack runs/mine
    tfoptcmp-pack --unpack --tensorboard runs/mine

Every program can still read a packed study. To resume or extend it, unpack it. Of a refinement all
rounds are packed. TensorBoard events are not packed; --tensorboard writes them, also for studies
that ran without. Checkpoints are not restored. Every file is read back and compared before the
trials' files are removed.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common import cli
from tfoptcmp.tools.common.cli import UserError

if TYPE_CHECKING:
    from tfoptcmp.study.read import Study

_UNPACK = flags.DEFINE_bool("unpack", False, "Unpack studies that are packed.")

_TENSORBOARD = flags.DEFINE_bool(
    "tensorboard", False, "With --unpack: write the TensorBoard events of all trials."
)

_GROUPS = {"What to do": (_UNPACK, _TENSORBOARD)}


def _run(argv: list[str]) -> None:
    if not argv:
        raise UserError("name studies or directories of studies as arguments")
    if _TENSORBOARD.value and not _UNPACK.value:
        raise UserError("--tensorboard goes with --unpack only")
    if _TENSORBOARD.value:
        cli.import_tensorflow()

    from tfoptcmp.study.lock import locked
    from tfoptcmp.study.pack import is_packed, pack, unpack
    from tfoptcmp.study.read import find_all_studies, read_reruns, read_study

    change, done = (unpack, "unpacked") if _UNPACK.value else (pack, "packed")
    for directory in (found for name in argv for found in find_all_studies(Path(name))):
        as_wanted = is_packed(directory) != _UNPACK.value
        if as_wanted and not _TENSORBOARD.value:
            print(f"{directory}: is {done} already")
            continue
        try:
            with locked(directory / "lock"):
                study = read_study(directory)  # whole, before anything is changed
                for trial in study.trials:
                    study.measurements(trial.index)
                read_reruns(directory)
                if not as_wanted:
                    change(directory)
                if _TENSORBOARD.value:
                    _write_events(read_study(directory))
        except BlockingIOError as error:
            raise UserError(f"{directory} is being written by another process ({error})") from error
        except OSError as error:
            raise UserError(f"{directory} cannot be {done}: {error}") from error
        print(f"{directory}: {done}", flush=True)


def _write_events(study: "Study") -> None:
    from tfoptcmp.tuners.observers import replay

    from tfoptcmp.training.tensorboard import TensorBoard, describe

    metric = study.config.metric.name
    replay(
        study,
        TensorBoard(
            study.signature, lambda: describe(study.directory.parent, [study.signature], metric)
        ),
    )


def main() -> None:
    """Entry point of `tfoptcmp-pack`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
