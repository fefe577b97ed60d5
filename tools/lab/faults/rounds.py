"""A refinement that is killed: at random times of real training, and while it writes its plan."""

import os
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from tfoptcmp.tools.common.refine import run_rounds
from tfoptcmp.tools.common.run_studies import Studies
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tools.lab.faults.processes import kill_at_random, run_for
from tfoptcmp.tools.lab.faults.writes import Operations, kill_at

from tfoptcmp import workloads
from tfoptcmp.study.read import find_all_studies, read_study
from tfoptcmp.study.rounds import FILE_NAME, Plan, begin, round_directory
from tfoptcmp.training import runtime
from tfoptcmp.training.options import Options

_RULES = ("sgd", "momentum")
_PLAN = Plan(num_rounds=3, trials_per_round=15)
_NUM_FEASIBLE = 15


def kills(num_kills: int = 50) -> str:
    """Kills a refinement at each write of its plan, and at random times of real training.

    Args:
        num_kills: Kills of training in total; when a refinement ends, a new one begins.
    """
    num_writes = _kills_of_the_plan()
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        parent = Path(temporary)
        start = time.monotonic()
        assert run_for(_refine, parent / "undisturbed") == 0, (parent / "log").read_text()
        longest = time.monotonic() - start
        expected = _contents(parent / "undisturbed")
        num_refinements = kill_at_random(
            *(_refine, parent / "killed"),
            num_kills=num_kills,
            longest=longest / 2,  # so that one refinement meets several kills
            chance=random.Random(6),
            contents=_contents,
            expected=expected,
        )
    return (
        f"{num_writes} kills while the plan is written; {num_kills} in {num_refinements} "
        f"refinements of {_PLAN.num_rounds} rounds; no trial lost or redone, equal spaces and "
        "measurements"
    )


def _kills_of_the_plan() -> int:
    """Kills at each operation and in the middle of each write; the plan is whole or not there."""
    kinds: list[str] = []
    with fake.scratch() as directory, Operations(lambda number, kind: kinds.append(kind)):
        begin(directory, _PLAN)
    points: list[tuple[int, int | None]] = [(number, None) for number in range(len(kinds))]
    points += [(number, number) for number, kind in enumerate(kinds) if kind == "write"]
    for number, torn in points:
        with fake.scratch() as directory:

            def write(directory: Path = directory, number: int = number, torn: Any = torn) -> None:
                with Operations(kill_at(number), torn=torn):
                    begin(directory, _PLAN)

            assert fake.in_child(write) == -signal.SIGKILL, (number, torn)
            begin(directory, _PLAN)
            assert [path.name for path in directory.iterdir()] == [FILE_NAME]
    return len(points)


def _refine(study_dir: Path) -> None:
    """Runs or resumes the refinement, in a process that has not used TensorFlow yet."""
    log = os.open(study_dir.parent / "log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    workload = workloads.get("digits_simple_cnn")
    budget = workload.budget("smoke", num_feasible=_NUM_FEASIBLE, steps=4, eval_every_steps=4)
    runtime.configure(1)
    studies = Studies(
        study_dir=round_directory(study_dir, 0),
        workload=workload,
        splits=workload.load(budget, None),
        signatures=[workload.signature(rule) for rule in _RULES],
        seed=0,
        search="quasirandom",
        max_trials=150,
        options=Options(threads_per_trial=1, checkpoint_every_steps=2),
    )
    with studies.opened(budget):
        run_rounds(studies, study_dir, _PLAN, lambda _: budget, _NUM_FEASIBLE, max_rounds=3)


def _contents(study_dir: Path) -> dict[str, Any]:
    """The spaces, and the trials without their times."""
    found: dict[str, Any] = {}
    for path in find_all_studies(study_dir):
        name = str(path.relative_to(study_dir))
        found[name] = read_study(path).signature.to_json(), fake.contents(path)
    return found
