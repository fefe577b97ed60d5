"""Writing a study directory: one process at a time, durably, with errors that say how to continue.

A trial takes six fsyncs: one for its directory, two for metadata.json as it begins; one for its
measurements, two for metadata.json as it ends. Nothing takes longer because there are more trials.
`tfoptcmp.study.schema` describes the files, `tfoptcmp.study.read` reads them.
"""

import csv
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TextIO

from tfoptcmp.study.durable import make_directory, plain, sync, write_json
from tfoptcmp.study.files import exists, find
from tfoptcmp.study.lock import locked
from tfoptcmp.study.pack import check_unpacked
from tfoptcmp.study.read import read_config, read_study
from tfoptcmp.study.same_study import differences
from tfoptcmp.study.schema import (
    COLUMNS,
    STANDARD_ERRORS,
    EarlierVersions,
    Measurement,
    StudyConfig,
    StudyError,
    Trial,
    trial_directory,
)
from tfoptcmp.study.validate import to_config


def check_study(
    directory: Path, config: StudyConfig, *, accept_version_changes: bool = False
) -> None:
    """Checks, without writing anything, that `open_study` will probably work.

    For the studies that a command begins only after hours.

    Args:
        directory: `<study_dir>/<signature>`; need not exist.
        config: What is to be studied.
        accept_version_changes: As in `open_study`.

    Raises:
        StudyError: As `open_study`, except for a lock.
    """
    try:
        to_config(plain(asdict(config)))
    except ValueError as error:
        raise StudyError(f"{directory} cannot hold this study: {error}") from error
    existing = next(path for path in (directory, *directory.parents) if exists(path))
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        reason = "permission denied" if existing.is_dir() else "not a directory"
        raise StudyError(f"cannot write study directory {directory}: {existing}: {reason}")
    if existing != directory:
        return
    found = {path.name for path in find(directory, "*")}
    check_unpacked(directory, directory)
    if "study.json" in found:
        old = read_config(directory / "study.json")
        _check_same(directory, old, config, accept_version_changes)
    elif not found <= {"lock", "study.json.tmp"}:
        raise StudyError(
            f"{directory} is not empty and holds no study.json; name another --study_dir"
        )


@contextmanager
def open_study(
    directory: Path, config: StudyConfig, *, accept_version_changes: bool = False
) -> Iterator["StudyWriter"]:
    """Creates a study directory or resumes it, and locks it for this process.

    A resumed study keeps the provenance of its first run.

    Args:
        directory: `<study_dir>/<signature>`.
        config: What is to be studied.
        accept_version_changes: Whether to resume a study of other versions, whose results may
            differ from those of the present ones; study.json then says which trials are older.

    Raises:
        StudyError: If another process writes there, if the directory holds something else or
            another study, or if it cannot be written.
    """
    check_study(directory, config, accept_version_changes=accept_version_changes)
    with _writing_study(directory):
        make_directory(directory)
    with _locked(directory):
        path = directory / "study.json"
        if exists(path):
            old = read_config(path)
            # Checked again, now that no other process writes.
            _check_same(directory, old, config, accept_version_changes)
            config = replace(
                config, provenance=old.provenance, earlier_versions=_earlier(directory, old, config)
            )
        if not exists(path) or plain(asdict(old)) != plain(asdict(config)):
            with _writing_study(directory):
                write_json(path, asdict(config))
        yield StudyWriter(directory, config)


class StudyWriter:
    """The one writer of a study directory; use `open_study` to get it."""

    def __init__(self, directory: Path, config: StudyConfig) -> None:
        self.directory = directory
        self.config = config

    def write_trial(self, trial: Trial, rerun: int | None = None) -> None:
        """Writes the metadata of a trial or a re-run durably; makes its directory if needed.

        Raises:
            StudyError: If that cannot be done, because the disk is full for instance.
        """
        directory = trial_directory(self.directory, trial.index, rerun)
        _refuse_link(directory)
        with _writing(directory):
            make_directory(directory)
            write_json(directory / "metadata.json", asdict(trial))

    @contextmanager
    def measurements(self, index: int, rerun: int | None = None) -> Iterator["MeasurementWriter"]:
        """Opens the measurements.csv of a trial or a re-run anew, for one after the other.

        On leaving they are made durable.

        Raises:
            StudyError: If that cannot be done, because the disk is full for instance.
        """
        path = trial_directory(self.directory, index, rerun) / "measurements.csv"
        _refuse_link(path)
        with _writing(path), open(path, "w", newline="", encoding="utf-8") as file:
            yield MeasurementWriter(file)
            sync(file.fileno())


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise StudyError(
            f"{path} is a link, and trials are written into the study's own files and folders; "
            "put what it leads to there"
        )


class MeasurementWriter:
    """Appends measurements to an open measurements.csv."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        self._writer.writeheader()
        file.flush()

    def write(self, measurement: Measurement) -> None:
        """Appends one row; floats keep all their digits.

        Raises:
            StudyError: If it cannot be written.
        """
        with _writing(self._file.name):
            written = {n: c for n, c in measurement.items() if n not in STANDARD_ERRORS}
            self._writer.writerow(written)
            self._file.flush()


@contextmanager
def _writing(path: Path | str) -> Iterator[None]:
    """Says what an error of the file system means for the study."""
    try:
        yield
    except OSError as error:
        raise StudyError(
            f"cannot write {path}: {error.strerror}; finished trials are kept, and the same "
            "command resumes once this is fixed"
        ) from error


@contextmanager
def _writing_study(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StudyError(f"cannot write study directory {directory}: {error.strerror}") from error


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(directory / "lock"))
        except BlockingIOError as error:
            raise StudyError(
                f"{directory} is being written by another process ({error}); "
                "wait for it or name another --study_dir"
            ) from error
        except OSError as error:
            raise StudyError(
                f"cannot write study directory {directory}: {error.strerror}"
            ) from error
        yield


def _earlier(directory: Path, old: StudyConfig, new: StudyConfig) -> list[EarlierVersions]:
    if old.versions == new.versions:
        return list(old.earlier_versions)
    # Those that have not ended begin again, with the new versions.
    num_trials = sum(trial.status.has_ended for trial in read_study(directory).trials)
    return [*old.earlier_versions, {"versions": old.versions, "num_trials": num_trials}]


def _check_same(
    directory: Path, old: StudyConfig, new: StudyConfig, accept_version_changes: bool
) -> None:
    found = differences(asdict(old), asdict(new), accept_version_changes=accept_version_changes)
    if found:
        mend = "Name another --study_dir, or repeat the settings of the first run."
        if all(difference.startswith("threads_per_trial:") for difference in found):
            mend = (
                "Results differ in the last bits between numbers of threads: resume with "
                f"--threads_per_trial={old.threads_per_trial}."
            )
        if all(difference.startswith("versions.") for difference in found):
            mend = (
                "Name another --study_dir, install the versions of the first run, or resume "
                "anyway with --accept_version_changes, which study.json records."
            )
        raise StudyError(
            f"{directory} holds another study, which cannot be resumed with these settings:\n"
            + "".join(f"  {difference}\n" for difference in found)
            + mend
        )
    if new.num_feasible < old.num_feasible:
        raise StudyError(
            f"{directory} was started with num_feasible={old.num_feasible}, which cannot be "
            f"lowered; got {new.num_feasible}"
        )
