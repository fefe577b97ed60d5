"""Damaged and unreadable files, a second process, a wrong clock, crashes, very many trials."""

import errno
import itertools
import os
import shutil
import time
from collections.abc import Callable
from unittest import mock

from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tools.lab.faults.fake import in_child, resumes, scratch, undisturbed

from tfoptcmp.study.clock import Clock
from tfoptcmp.study.durable import synchronise
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Measurement, Status, StudyError, trial_directory
from tfoptcmp.study.trial import Outcome, TrialTask

_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "noise": lambda data: bytes(i * 37 % 256 for i in range(len(data))),
    "other JSON": lambda data: b'{"index": 1, "status": "COMPLETE"}\n',
    "too deep": lambda data: b"[" * 100_000,
}


def damaged_files() -> str:
    """Damages each metadata.json in several ways, and the measurements of a finished trial."""
    num_damaged = 0
    with scratch() as whole:
        num_trials = len(fake.study(whole).trials)
        for index, damage in itertools.product(range(num_trials), _DAMAGES.values()):
            with scratch() as directory:
                shutil.copytree(whole, directory)
                path = trial_directory(directory, index) / "metadata.json"
                path.write_bytes(damage(path.read_bytes()))
                assert str(path) in _error(lambda: fake.study(directory))
                shutil.rmtree(path.parent)
                resumes(directory, promised=set(range(num_trials)) - {index})
                num_damaged += 1
        for name in ("empty", "cut off"):
            path = trial_directory(whole, 0) / "measurements.csv"
            kept = path.read_bytes()
            path.write_bytes(_DAMAGES[name](kept))
            assert str(path) in _error(lambda: read_study(whole).measurements(0))
            path.write_bytes(kept)
            num_damaged += 1
    return f"{num_damaged} damaged files named; without their folders the other trials are kept"


def unreadable() -> str:
    """Makes files and folders of a study unreadable, even for root, one after the other."""
    with scratch() as directory:
        fake.study(directory)
        trials = sorted(directory.glob("trials/*"))
        paths = [directory / "study.json", directory / "trials", *trials]
        paths += [path / "metadata.json" for path in trials]
        for path in paths:
            path.rename(directory.parent / "kept")
            path.symlink_to(path.name)
            error = _error(lambda: read_study(directory))
            assert error.startswith(f"{path}") and "damaged" not in error, error
            path.unlink()
            (directory.parent / "kept").rename(path)
        assert fake.contents(directory) == undisturbed()
    return f"{len(paths)} files and folders that could not be read: each named, none left out"


def no_fsync() -> str:
    """Uses a file system that refuses fsync, as some network file systems do."""

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    with scratch() as directory, mock.patch.object(os, "fsync", refuse):
        assert "--nodurable" in _error(lambda: fake.study(directory))
        synchronise(False)
        try:
            fake.study(directory)
        finally:
            synchronise(True)
        assert fake.contents(directory) == undisturbed()
    return "refused, with the flag that does without; with it equal results"


def two_on_one() -> str:
    """Starts a second process on a running study."""
    with scratch() as directory:

        def refused() -> None:
            assert "is being written by another process" in _error(lambda: fake.study(directory))

        def trial(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
            assert in_child(refused) == 0
            return fake.run_trial(task, on_measurement)

        num_trials = len(fake.study(directory, trial).trials)
        assert fake.contents(directory) == undisturbed()
    return f"{num_trials} second processes refused, one in each trial; the first was not disturbed"


def clock_back() -> str:
    """Sets the clock back by an hour whenever it is read."""
    now = itertools.count(time.time(), -3600)
    clock = Clock(now=lambda: next(now), monotonic=time.monotonic)
    with scratch() as directory:
        trials = fake.study(directory, clock=clock).trials
        assert all(trial.seconds is not None and trial.seconds >= 0 for trial in trials)
        assert trials[0].started > trials[-1].started
        assert fake.contents(directory) == undisturbed()
    return f"{len(trials)} trials, an hour back at each reading: equal results, durations >= 0"


def raising() -> str:
    """Lets each trial raise once, so that a second try succeeds, and then one of them always."""
    errors = (RuntimeError("bug"), MemoryError(), OSError(28, os.strerror(28)), KeyError("x"))
    crashed: set[int] = set()

    def once(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        if task.index in crashed:
            return fake.run_trial(task, on_measurement)
        crashed.add(task.index)
        on_measurement(fake.measurement(task, fake.STEPS[0]))
        raise errors[task.index % len(errors)]

    def always(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        if task.index != 2:
            return fake.run_trial(task, on_measurement)
        raise RuntimeError("bug")

    with scratch() as directory:
        fake.study(directory, once, max_retries=1)
        assert fake.contents(directory) == undisturbed()
    with scratch() as directory:
        message = _error(lambda: fake.study(directory, always, max_retries=3))
        assert "trial 2" in message and "bug" in message
        assert read_study(directory).trials[2].status == Status.FAILED
        resumes(directory, promised={0, 1})
    return f"{len(crashed)} crashes cured by a second try; a repeating one named, then resumed"


def bookkeeping(num_trials: int = 10_000) -> str:
    """Measures what a study costs besides its trials, without fsync."""
    synced: list[int] = []
    begun: list[tuple[float, int]] = []  # of each trial: when, and how many fsyncs before it

    def trial(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        begun.append((time.perf_counter(), len(synced)))
        on_measurement({"step": 1, "train_loss": 1.0, "validation_metric": 0.5})
        return Outcome(status=Status.COMPLETE, steps=1)

    with scratch() as directory, mock.patch.object(os, "fsync", synced.append):
        fake.study(directory, trial, num_feasible=num_trials, max_trials=num_trials)
        last = begun[-max(2, num_trials // 10) :]
        (begin, fsyncs_before), (end, fsyncs_until) = last[0], last[-1]
        seconds = (end - begin) / (len(last) - 1)
        fsyncs = (fsyncs_until - fsyncs_before) / (len(last) - 1)
        begun.clear()
        start = time.perf_counter()
        fake.study(directory, trial, num_feasible=num_trials + 1, max_trials=num_trials + 1)
        assert len(begun) == 1
        resume = begun[0][0] - start
    return (
        f"{1e3 * seconds:.1f} ms per trial at {num_trials} trials, beside its {fsyncs:g} fsyncs; "
        f"{resume:.1f} s to resume them"
    )


def _error(function: Callable[[], object]) -> str:
    try:
        function()
    except StudyError as error:
        return str(error)
    raise AssertionError("no error")
