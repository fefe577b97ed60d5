"""Do the tests notice a wrong sign? Runs them on copies of the code with one small fault each.

    python -m tools.lab.mutation --only=schedules,spaces --num_mutants=100 --seed=0
    python -m tools.lab.mutation --output=mutants.jsonl --retry_survivors

Draws mutants (`mutants.py`) of the files whose arithmetic decides what a study finds, and
runs the tests that belong to each file in a copy of the tree. A mutant that passes has survived:
either a test is missing, or the mutant means the same (a person has to decide which). On two cores
that others used too, a mutant took 3 to 8 s where its tests need no TensorFlow, half a minute to a
minute where they do, minutes if it passed all those of training; 100 mutants an hour. They run one
after the other, as the tests use all cores.

mutmut and cosmic-ray cannot draw samples. mutmut forks processes, which TensorFlow's threads do not
survive; cosmic-ray has one command for all files, changes the tree in place, and drops neither
calls nor statements.

The sample is a function of the seed and the files; a larger --num_mutants draws the same and more.
With --output the outcomes are kept, and the same command resumes after a stop; if the code has
changed since, use another file. Exit code: 3 if any survived.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import flags
from tfoptcmp.tools.common import cli, terminal
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import SEED
from tfoptcmp.tools.lab.mutants import Mutant, mutants


@dataclass(frozen=True, kw_only=True)
class Target:
    """A file and the tests that should notice its faults.

    Attributes:
        path: The file, from the root of the tree.
        tests: Arguments of pytest; the fastest first, as the first failure ends the run.
    """

    path: str
    tests: tuple[str, ...]


Drawn = tuple[Target, Mutant]

TARGETS = {
    "model": Target(
        path="tfoptcmp/training/model.py",
        tests=(
            "tests/training/test_model.py",
            "tests/training/test_stateful.py",
            "tests/training/test_engine.py",
            "--deselect=tests/training/test_engine.py::"
            "test_equal_trials_measure_equal_bits_in_a_new_process",
        ),
    ),
    "callbacks": Target(
        path="tfoptcmp/training/callbacks.py",
        tests=("tests/training/test_callbacks.py", "tests/training/test_checkpoint.py"),
    ),
    "augmentation": Target(
        path="workloads/data/augmentation.py", tests=("tests/workloads/test_augmentation.py",)
    ),
    "in_memory": Target(
        path="workloads/data/in_memory.py",
        tests=("tests/workloads/test_in_memory.py", "tests/workloads/test_augmentation.py"),
    ),
    "best_of_k": Target(
        path="tfoptcmp/analysis/statistics/best_of_k.py",
        tests=("tests/analysis/statistics/test_best_of_k.py",),
    ),
    "schedules": Target(path="tfoptcmp/schedules.py", tests=("tests/test_schedules.py",)),
    "spaces": Target(path="tfoptcmp/spaces.py", tests=("tests/test_spaces.py",)),
}

_ROOT = Path(__file__).parents[2]
_COPIED = ("tfoptcmp", "workloads", "tuners", "tools", "tests", "setup.cfg", "pyproject.toml")
# An installation has these inside tfoptcmp; the copy is not installed.
_INSTALLED_INSIDE = ("workloads", "tuners", "tools")

# A mutant may wait for ever; one that is only slow ends within this time.
_TIMES_AS_LONG, _SECONDS_MORE = 3, 30
_SURVIVORS = 3

_ONLY = flags.DEFINE_list("only", None, f"Of {', '.join(TARGETS)}; default: all.")
_NUM_MUTANTS = flags.DEFINE_integer("num_mutants", 100, "How many to draw.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", None, "JSON lines to keep outcomes in and to resume from.")
_RETRY_SURVIVORS = flags.DEFINE_bool(
    "retry_survivors", False, "Run the survivors in --output again, after the tests have changed."
)

_GROUPS = {"What": (_ONLY, _NUM_MUTANTS, SEED), "Outcomes": (_OUTPUT, _RETRY_SURVIVORS)}


def draw(root: Path, targets: Sequence[Target], num: int, seed: int) -> dict[str, Drawn]:
    """Returns mutants of all files, each as likely, by where they are and what they change."""
    every = [
        (f"{target.path}:{m.line}:{m.column} {' '.join(m.change.split())}", (target, m))
        for target in targets
        for m in mutants((root / target.path).read_text(encoding="utf-8"))
    ]
    random.Random(seed).shuffle(every)
    return dict(every[:num])


def outcomes(root: Path, drawn: Mapping[str, Drawn]) -> Iterator[tuple[str, str]]:
    """Runs mutants one after the other; yields names of `drawn` with what `run_tests` returns.

    Raises:
        UserError: If a file's tests fail without a mutant.
    """
    limits: dict[str, float] = {}
    for name, (target, mutant) in drawn.items():
        if target.path not in limits:
            start = time.monotonic()
            source = (root / target.path).read_text(encoding="utf-8")
            if run_tests(root, target, source, limit_seconds=3600) != "survived":
                raise UserError(f"the tests of {target.path} must pass without a mutant; they fail")
            limits[target.path] = _TIMES_AS_LONG * (time.monotonic() - start) + _SECONDS_MORE
        yield name, run_tests(root, target, mutant.source, limits[target.path])


def run_tests(root: Path, target: Target, source: str, limit_seconds: float) -> str:
    """Runs a file's tests on a copy of the tree in which the file has other contents.

    Args:
        root: The tree.
        target: The file and its tests.
        source: The new contents of the file.
        limit_seconds: After which the run is killed.

    Returns:
        "survived" if all passed, "killed" or "timed out".

    Raises:
        RuntimeError: If pytest could not use its arguments.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as copy:
        for name in _COPIED:
            if (root / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(root / name, Path(copy, name), ignore=ignored)
            else:
                shutil.copy(root / name, copy)
        for name in _INSTALLED_INSIDE:
            Path(copy, "tfoptcmp", name).symlink_to(Path("..", name))
        Path(copy, target.path).write_text(source, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *target.tests],
            cwd=copy,
            # The copy comes before installed packages; third-party pytest plugins take seconds to
            # load.
            env={**os.environ, "PYTHONPATH": copy, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
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
        raise UserError("--retry_survivors needs --output, which lists the survivors")
    targets = [TARGETS[name] for name in names]
    drawn = draw(_ROOT, targets, _NUM_MUTANTS.value, SEED.value)
    kept = _read_outcomes()
    if _RETRY_SURVIVORS.value:
        kept = {name: outcome for name, outcome in kept.items() if outcome != "survived"}
    left = {name: mutant for name, mutant in drawn.items() if name not in kept}
    start = time.monotonic()
    for number, (name, outcome) in enumerate(outcomes(_ROOT, left), start=1):
        kept[name] = outcome
        if _OUTPUT.value:
            with open(_OUTPUT.value, "a", encoding="utf-8") as file:
                file.write(json.dumps({"mutant": name, "outcome": outcome}) + "\n")
        to_go = terminal.duration((time.monotonic() - start) / number * (len(left) - number))
        print(f"{number}/{len(left)}, {to_go} to go: {outcome}: {name}", file=sys.stderr)
    for target in targets:
        of_file = [kept[name] for name, (its, _) in drawn.items() if its is target]
        noticed = len(of_file) - of_file.count("survived")
        print(f"{target.path:<44}{noticed:>4} of {len(of_file):>3} noticed")
    survivors = sorted(name for name in drawn if kept[name] == "survived")
    print(f"\n{len(survivors)} of {len(drawn)} survived", *survivors, sep="\n  ")
    sys.exit(_SURVIVORS if survivors else 0)


def _read_outcomes() -> dict[str, str]:
    if not _OUTPUT.value or not Path(_OUTPUT.value).exists():
        return {}
    lines = Path(_OUTPUT.value).read_text(encoding="utf-8").splitlines()
    return {row["mutant"]: row["outcome"] for row in map(json.loads, lines)}


def main() -> None:
    """Entry point of `python -m tools.lab.mutation`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
