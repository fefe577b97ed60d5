"""A study whose trials need no training, a directory to damage it in, and its expected results.

What a trial measures is a function of its task alone, so an undisturbed study is the standard.
"""

import functools
import json
import math
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.observers import Observer
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp.metrics import CLASSIFICATION_ERROR, TRAINING_LOSS
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.study.clock import Clock
from tfoptcmp.study.read import Study, read_study
from tfoptcmp.study.schema import Measurement, Status, StudyConfig
from tfoptcmp.study.trial import Outcome, RunTrial, TrialTask

STEPS = (5, 10)


def signature(low: float = 1e-4) -> Signature:
    """Returns a signature of momentum."""
    space = SearchSpace(
        source="test",
        dimensions={
            "eta0": LogUniform(low=low, high=1.0),
            "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
            "decay_steps_fraction": Uniform(low=0.5, high=1.0),
            "decay_factor": Fixed(fixed=0.1),
        },
    )
    return Signature(name="momentum", rule=RULES["momentum"], space=space)


def config(**changes: Any) -> StudyConfig:
    """Returns the record of a study of five feasible trials, with these changes."""
    settings: dict[str, Any] = {
        "signature": signature().to_json(),
        "workload": "none",
        "metric": CLASSIFICATION_ERROR.with_classes(10),
        "loss": TRAINING_LOSS.with_classes(10),
        "budget": {
            **{"scale": "custom", "batch_size": 1, "steps": 100, "eval_every_steps": 5},
            **{"num_feasible": 5, "target": None, "options": {}},
        },
        "num_examples": {"train": 10, "validation": 5},
        "partial": "",
        "seed": 0,
        "search": "quasirandom",
        "num_feasible": 5,
        "max_trials": 50,
        "tuning_budget": 2,
        "threads_per_trial": 1,
        "versions": {"tfoptcmp": "0"},
        "provenance": {},
    }
    return StudyConfig(**(settings | changes))


def is_feasible(task: TrialTask) -> bool:
    """Says how a trial ends: about three in five are feasible."""
    return task.arguments["learning_rate"] < 0.03


def measurement(task: TrialTask, step: int) -> Measurement:
    """Returns what a trial measures, with NaN where it diverges."""
    diverged = step == STEPS[-1] and not is_feasible(task)
    loss = math.nan if diverged else task.seeds["weights"] / step
    return {
        "step": step,
        "learning_rate": task.arguments["learning_rate"],
        "train_loss": loss,
        "train_metric": 0.5,
        "validation_loss": loss,
        "validation_metric": task.arguments["momentum"],
        "gradient_rms": 1 / 3,
    }


def run_trial(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
    """Runs a trial: a `RunTrial`."""
    for step in STEPS:
        on_measurement(measurement(task, step))
    return Outcome(status=Status.COMPLETE, steps=STEPS[-1])


def study(
    directory: Path,
    trial: RunTrial = run_trial,
    observers: Sequence[Observer] = (),
    max_retries: int = 0,
    clock: Clock = CLOCK,
    **changes: Any,
) -> Study:
    """Runs or resumes a study in this process."""
    return run_study(
        directory=directory,
        config=config(**changes),
        signature=signature(),
        executor=InProcess(trial),
        clock=clock,
        observers=observers,
        max_retries=max_retries,
    )


def contents(directory: Path) -> dict[str, Any]:
    """Returns path to contents of every file of the trials, without the times."""
    found: dict[str, Any] = {}
    for path in sorted(directory.glob("trials/*/*")):
        name = str(path.relative_to(directory))
        found[name] = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            data = json.loads(found[name])
            found[name] = {k: v for k, v in data.items() if k not in ("started", "seconds")}
    return found


def resumes(directory: Path, promised: Collection[int] = ()) -> None:
    """Resumes a study, in which some trials must have ended; compares it to an undisturbed one."""
    ended: set[int] = set()
    if (directory / "study.json").exists():
        trials = read_study(directory).trials
        ended = {t.index for t in trials if t.status.has_ended}
    assert ended >= set(promised), "a finished trial is lost"
    run: list[int] = []

    def trial(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        run.append(task.index)
        return run_trial(task, on_measurement)

    study(directory, trial)
    expected = undisturbed()
    num_trials = len({name.split("/")[1] for name in expected})
    assert sorted([*run, *ended]) == list(range(num_trials)), "each trial must end once"
    assert contents(directory) == expected


@functools.cache
def undisturbed() -> dict[str, Any]:
    """Returns the contents of an undisturbed study."""
    with scratch() as directory:
        study(directory)
        return contents(directory)


@contextmanager
def scratch() -> Iterator[Path]:
    """A path for a directory, which is removed afterwards; fsync takes no time meanwhile.

    Only a power cut would lose what is not synchronised, and here it is only simulated.
    """
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as parent,
        mock.patch.object(os, "fsync", lambda descriptor: None),
    ):
        yield Path(parent) / "study"


def in_child(function: Callable[..., object], *arguments: Any, method: str = "fork") -> int:
    """Runs a function in its own process.

    Args:
        function: For "spawn" to be picklable, as the arguments.
        *arguments: Of the function.
        method: "fork", for all that starts no workers: the imports are there; "spawn" starts anew.

    Returns:
        The exit code: 0 if it returned, 1 if it raised, -9 if it was killed.
    """
    context: Any = multiprocessing.get_context(method)
    child = context.Process(target=function, args=arguments)
    child.start()
    child.join()
    return int(child.exitcode)
