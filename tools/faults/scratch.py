"""What every fault ends with: the study goes on and equals the undisturbed one."""

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfoptcmp.records import Status, read_study
from tools.faults import fake


def resumes(directory: Path, promised: Collection[int] = ()) -> None:
    """Goes on with a study, in which some trials must have ended; compares it to an undisturbed."""
    ended: set[int] = set()
    if (directory / "study.json").exists():
        trials = read_study(directory).trials
        ended = {t.index for t in trials if t.status in (Status.COMPLETE, Status.INFEASIBLE)}
    assert ended >= set(promised), "a finished trial is lost"
    run: list[int] = []

    def trial(task: Any, on_measurement: Callable[[Any], None]) -> Any:
        run.append(task.index)
        return fake.run_trial(task, on_measurement)

    fake.study(directory, trial)
    expected = undisturbed()
    num_trials = len({name.split("/")[1] for name in expected})
    assert sorted([*run, *ended]) == list(range(num_trials)), "each trial must end once"
    assert fake.contents(directory) == expected


def undisturbed() -> dict[str, Any]:
    """Returns the contents of a study that nothing happened to."""
    with scratch() as directory:
        fake.study(directory)
        return fake.contents(directory)


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is not there yet, and is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="faults-") as parent:
        yield Path(parent) / "study"
