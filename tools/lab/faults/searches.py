"""keras-tuner's own searches with our oracle, killed; and several processes at one dashboard."""

import contextlib
import itertools
import json
import math
import multiprocessing
import os
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import keras_tuner
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tools.lab.faults.fake import in_child
from tfoptcmp.tuners import QuasiRandomOracle

from tfoptcmp.training.tensorboard import describe

_NUM_FEASIBLE = 3
_NUM_DESCRIPTIONS = 100


def killed_searches(every: int = 1) -> str:
    """Kills a search before and after each write of a file, and resumes it.

    Args:
        every: Take only each n-th place.

    Raises:
        AssertionError: If a trial is lost, or one whose end is on record is run again.
    """
    with tempfile.TemporaryDirectory(prefix="faults-") as parent:
        whole = Path(parent) / "whole"
        assert in_child(_search, whole) == 0
        expected = _results(whole)
        num_killed = 0
        for place in itertools.count(0, every):
            directory = Path(parent) / str(place)
            if in_child(_search, directory, place) == 0:  # there were no more writes
                break
            assert in_child(_search, directory) == 0
            assert _results(directory) == expected, f"killed at {place}"
            runs = Counter((directory / "runs").read_text(encoding="ascii").split())
            assert runs.keys() == expected.keys()
            assert sum(runs.values()) <= len(expected) + 1, f"killed at {place}: {runs}"
            num_killed += 1
    return f"{num_killed} kills of a search of {len(expected)} trials: resumed, none lost"


def _search(directory: Path, killed_at: int | None = None) -> None:
    """Runs or resumes a search, perhaps until SIGKILL before (even) or after (odd) a write."""
    writes = itertools.count()

    def replace(source: str, target: str) -> None:
        number = next(writes)
        if killed_at == 2 * number:
            os.kill(os.getpid(), signal.SIGKILL)
        os.rename(source, target)
        if killed_at == 2 * number + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    space = keras_tuner.HyperParameters()
    space.Float("x", 1e-3, 1.0, sampling="log")
    space.Float("y", 0.0, 1.0)
    directory.mkdir(exist_ok=True)
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        mock.patch("tfoptcmp.tuners.oracle.os.replace", replace),
    ):
        oracle = QuasiRandomOracle(
            objective=keras_tuner.Objective("loss", "min"),
            num_feasible=_NUM_FEASIBLE,
            seed=0,
            hyperparameters=space,
        )
        _Search(oracle=oracle, directory=str(directory), project_name="project").search(verbose=0)


class _Search(keras_tuner.Tuner):  # type: ignore[misc]  # it has no types
    """Its trials take no time; two in five are infeasible."""

    def run_trial(self, trial: Any, **kwargs: Any) -> dict[str, float]:
        with open(Path(self.project_dir).parent / "runs", "a", encoding="ascii") as file:
            print(trial.trial_id, file=file)
        values = trial.hyperparameters.values
        return {"loss": math.inf if values["y"] < 0.4 else values["x"]}


def _results(directory: Path) -> dict[str, Any]:
    """Trial to its values, status and score."""
    found = {}
    for path in sorted(directory.glob("project/trial_*/trial.json")):
        trial = json.loads(path.read_text(encoding="utf-8"))
        found[trial["trial_id"]] = (
            trial["hyperparameters"]["values"],
            trial["status"],
            trial["score"],
        )
    return found


def dashboard() -> str:
    """Lets two processes describe their studies in one directory again and again."""
    with tempfile.TemporaryDirectory(prefix="faults-") as parent:
        context = multiprocessing.get_context("fork")
        both = [context.Process(target=_describe, args=(Path(parent),)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
        assert [process.exitcode for process in both] == [0, 0]
        assert len(list(Path(parent).glob("events.*"))) == 1
    return f"{2 * _NUM_DESCRIPTIONS} descriptions by two processes at once: no error, one is left"


def _describe(directory: Path) -> None:
    for _ in range(_NUM_DESCRIPTIONS):
        describe(directory, [fake.signature()], "error")
