"""Where faults happen, and what each ends with: the study goes on, to the undisturbed results."""

import functools
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.study.trial import Outcome, TrialTask
from tools.lab.faults import fake


def resumes(directory: Path, promised: Collection[int] = ()) -> None:
    """Goes on with a study, in which some trials must have ended; compares it to an undisturbed."""
    ended: set[int] = set()
    if (directory / "study.json").exists():
        trials = read_study(directory).trials
        ended = {t.index for t in trials if t.status in (Status.COMPLETE, Status.INFEASIBLE)}
    assert ended >= set(promised), "a finished trial is lost"
    run: list[int] = []

    def trial(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        run.append(task.index)
        return fake.run_trial(task, on_measurement)

    fake.study(directory, trial)
    expected = undisturbed()
    num_trials = len({name.split("/")[1] for name in expected})
    assert sorted([*run, *ended]) == list(range(num_trials)), "each trial must end once"
    assert fake.contents(directory) == expected


@functools.cache
def undisturbed() -> dict[str, Any]:
    """Returns the contents of a study that nothing happened to."""
    with scratch() as directory:
        fake.study(directory)
        return fake.contents(directory)


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is not there yet, and is gone afterwards; fsync takes no time meanwhile.

    Of what dies here, only the power would lose what is not synchronised, and that is but imitated.
    """
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as parent,
        mock.patch.object(os, "fsync", lambda descriptor: None),
    ):
        yield Path(parent) / "study"


def in_child(function: Callable[..., object], *arguments: Any, method: str = "fork") -> int:
    """Runs a function in a process of its own.

    Args:
        function: For "spawn" to be picklable, as the arguments.
        *arguments: Of the function.
        method: "fork", for all that needs no Ray: the imports are there; "spawn" starts anew.

    Returns:
        The exit code: 0 if it returned, 1 if it raised, -9 if it was killed.
    """
    context: Any = multiprocessing.get_context(method)
    child = context.Process(target=function, args=arguments)
    child.start()
    child.join()
    return int(child.exitcode)
