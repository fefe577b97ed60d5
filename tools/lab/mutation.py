"""Do the tests notice a wrong sign? Runs them on copies of the code with one small fault each.

    python -m tools.lab.mutation --only=schedules,spaces --num_mutants=100 --seed=0
    python -m tools.lab.mutation --output=mutants.jsonl --retry_survivors

Draws mutants (`tools.lab.mutants`) of the files whose arithmetic decides what a study finds, and
runs the tests that belong to each file in a copy of the tree. What passes has survived: either a
test is missing, or the mutant means the same (a person has to say which). A mutant takes as long as
its tests: on two cores 10 s where they need no TensorFlow, up to a minute where they train, so 100
mutants take about 45 minutes. One after the other, as the tests use all cores.

What is drawn is a function of the seed and the files; a larger --num_mutants draws the same and
more. With --output the outcomes are kept, and the same command goes on after a stop. Exit code: 3
if any survived.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags

from tools.common import cli, terminal
from tools.common.cli import UserError
from tools.lab.mutants import Mutant, mutants


@dataclass(frozen=True, kw_only=True)
class Target:
    """A file and what is to notice its faults.

    Attributes:
        path: The file, from the root of the tree.
        tests: Arguments of pytest; the fastest first, as the first failure ends the run.
    """

    path: str
    tests: tuple[str, ...]


TARGETS = {
    "model": Target(
        path="tfoptcmp/training/model.py",
        tests=(
            "tests/training/test_stateful.py",
            "tests/training/test_engine.py",
            "--deselect=tests/training/test_engine.py::"
            "test_equal_trials_measure_equal_bits_in_a_new_process",
        ),
    ),
    "callbacks": Target(
        path="tfoptcmp/training/callbacks.py",
        tests=("tests/training/test_checkpoint.py", "tests/training/test_engine.py"),
    ),
    "augmentation": Target(
        path="workloads/data/augmentation.py", tests=("tests/workloads/test_cifar.py",)
    ),
    "in_memory": Target(
        path="workloads/data/in_memory.py",
        tests=("tests/workloads/test_in_memory.py", "tests/workloads/test_cifar.py"),
    ),
    "best_of_k": Target(
        path="tfoptcmp/analysis/statistics/best_of_k.py", tests=("tests/analysis/test_bootstrap.py",)
    ),
    "schedules": Target(path="tfoptcmp/schedules.py", tests=("tests/test_schedules.py",)),
    "spaces": Target(path="tfoptcmp/spaces.py", tests=("tests/test_spaces.py",)),
}

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("tfoptcmp", "workloads", "tuners", "tools", "tests")
_SETTINGS = ("setup.cfg", "pyproject.toml")

# A mutant may wait for ever; one that is only slow has passed.
_TIMES_AS_LONG, _SECONDS_MORE = 3, 30
_SURVIVORS = 3

_ONLY = flags.DEFINE_list("only", None, f"Of {', '.join(TARGETS)}; default: all.")
_NUM_MUTANTS = flags.DEFINE_integer("num_mutants", 100, "How many to draw.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the draw.", lower_bound=0)
_OUTPUT = flags.DEFINE_string("output", None, "JSON lines to keep outcomes in and to go on from.")
_RETRY_SURVIVORS = flags.DEFINE_bool(
    "retry_survivors", False, "Run those again that --output says survived: the tests are others."
)

_GROUPS = {"What": (_ONLY, _NUM_MUTANTS, _SEED), "Outcomes": (_OUTPUT, _RETRY_SURVIVORS)}


def draw(names: Sequence[str], num: int, seed: int) -> list[tuple[str, Mutant]]:
    """Returns (target, mutant), without repetition, each mutant of all files as likely."""
    every = [(name, m) for name in names for m in mutants((_ROOT / TARGETS[name].path).read_text())]
    random.Random(seed).shuffle(every)
    return every[:num]


def run_tests(tests: Sequence[str], path: str, source: str, limit_seconds: float) -> str:
    """Runs tests on a copy of the tree in which one file is another.

    Args:
        tests: Arguments of pytest.
        path: The file, from the root of the tree.
        source: What stands in it.
        limit_seconds: After which the run is killed.

    Returns:
        "survived" if all passed, "killed" or "timed out".

    Raises:
        RuntimeError: If pytest could not use its arguments.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as copy:
        for package in _PACKAGES:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(_ROOT / package, Path(copy, package), ignore=ignored)
        for name in _SETTINGS:
            shutil.copy(_ROOT / name, copy)
        Path(copy, path).write_text(source, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": copy},  # before what is installed
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            return "timed out"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # tests start processes too
                process.communicate()
    if process.returncode in (4, 5):  # pytest's: wrong arguments, no tests
        raise RuntimeError(output)
    return "killed" if process.returncode else "survived"


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    names = list(TARGETS) if _ONLY.value is None else _ONLY.value
    if not names or not set(names) <= set(TARGETS):
        raise UserError(f"--only must be of {list(TARGETS)}; got {names}")
    if _RETRY_SURVIVORS.value and not _OUTPUT.value:
        raise UserError("--retry_survivors needs --output, which says what survived")
    drawn = draw(names, _NUM_MUTANTS.value, _SEED.value)
    outcomes = _kept()
    if _RETRY_SURVIVORS.value:
        outcomes = {key: outcome for key, outcome in outcomes.items() if outcome != "survived"}
    limits: dict[str, float] = {}
    for number, (name, mutant) in enumerate(drawn, start=1):
        key = _key(name, mutant)
        if key in outcomes:
            continue
        if name not in limits:
            limits[name] = _limit_seconds(name)
        start = time.monotonic()
        target = TARGETS[name]
        outcomes[key] = run_tests(target.tests, target.path, mutant.source, limits[name])
        took = terminal.duration(time.monotonic() - start)
        print(f"{number}/{len(drawn)} {outcomes[key]} ({took}): {key}", file=sys.stderr, flush=True)
        if _OUTPUT.value:
            with open(_OUTPUT.value, "a", encoding="utf-8") as file:
                file.write(json.dumps({"mutant": key, "outcome": outcomes[key]}) + "\n")
    keys = [_key(name, mutant) for name, mutant in drawn]
    for name in names:
        counts = Counter(outcomes[k] for k in keys if k.startswith(TARGETS[name].path))
        noticed = counts.total() - counts["survived"]
        print(f"{TARGETS[name].path:<44}{noticed:>4} of {counts.total():>3} noticed")
    survivors = [key for key in keys if outcomes[key] == "survived"]
    print(f"\n{len(survivors)} of {len(keys)} survived", *sorted(survivors), sep="\n  ")
    sys.exit(_SURVIVORS if survivors else 0)


def _limit_seconds(name: str) -> float:
    """Returns how long a mutant may take; the tests must pass on the file as it is."""
    target = TARGETS[name]
    start = time.monotonic()
    source = (_ROOT / target.path).read_text(encoding="utf-8")
    if run_tests(target.tests, target.path, source, limit_seconds=3600) != "survived":
        raise UserError(f"the tests of {target.path} must pass without a mutant; they fail")
    return _TIMES_AS_LONG * (time.monotonic() - start) + _SECONDS_MORE


def _key(name: str, mutant: Mutant) -> str:
    return f"{TARGETS[name].path}:{mutant.line}:{mutant.column} {' '.join(mutant.change.split())}"


def _kept() -> dict[str, str]:
    if not _OUTPUT.value or not Path(_OUTPUT.value).exists():
        return {}
    lines = Path(_OUTPUT.value).read_text(encoding="utf-8").splitlines()
    return {row["mutant"]: row["outcome"] for row in map(json.loads, lines)}


def main() -> None:
    """Entry point of `python -m tools.lab.mutation`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
