"""How good is the rule that narrows search spaces? Refines spaces whose optimum is known.

    python -m tools.lab.narrowing
    python -m tools.lab.narrowing --only=rmsprop,two_basins --plans=tenth,process --num_runs=20
    python -m tools.lab.narrowing --outcomes=build/narrowing.jsonl

Each run draws a surface, made (`made.py`) or a forest of published trials (`real.py`), and refines
its space by each plan (`plans.py`): rounds of quasi-random trials with the noise of seeds and of a
validation set, in spaces that come from the code which reports use. docs/narrowing.md says what the
columns of the table mean.

With --outcomes each run is written to a file as it ends, and what is there is not run again: delete
the file when the rule has changed. The same flags give the same numbers.
"""

import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common import cli, terminal
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import SEED

if TYPE_CHECKING:  # `--help` answers at once
    from tfoptcmp.tools.lab.narrowing.refinement import Outcome

_ONLY = flags.DEFINE_list("only", None, "Surfaces; default: all.")
_PLANS = flags.DEFINE_list("plans", None, "Plans; default: all.")
_NUM_RUNS = flags.DEFINE_integer("num_runs", 200, "Of each surface.", lower_bound=2)
_PROCESSES = flags.DEFINE_integer("processes", 2, "At a time.", lower_bound=1)
_OUTCOMES = flags.DEFINE_string("outcomes", None, "File with a line of JSON for each run.")

_GROUPS = {
    "What": (_ONLY, _PLANS),
    "How": (_NUM_RUNS, SEED, _PROCESSES),
    "Output": (_OUTCOMES,),
}

_EVERY_SECONDS = 10.0


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")

    from tfoptcmp.tools.lab.narrowing import table
    from tfoptcmp.tools.lab.narrowing.plans import PLANS
    from tfoptcmp.tools.lab.narrowing.refinement import NAMES

    surfaces = _chosen("only", _ONLY.value, NAMES)
    plans = _chosen("plans", _PLANS.value, PLANS)
    wanted = list(itertools.product(range(_NUM_RUNS.value), surfaces, plans))
    found = _found(wanted)
    print(table.text(found))


def _chosen(flag: str, given: Sequence[str] | None, known: Collection[str]) -> list[str]:
    names = list(known if given is None else given)
    if not names or not set(names) <= set(known):
        raise UserError(f"--{flag} must be of {list(known)}; got {names}")
    return names


def _found(wanted: "Sequence[tuple[int, str, str]]") -> "list[Outcome]":
    """Returns the outcome of each run, surface and plan; says how far it is."""
    from tfoptcmp.tools.lab.narrowing.refinement import Outcome

    path = Path(_OUTCOMES.value) if _OUTCOMES.value else None
    done: dict[tuple[int, str, str], Outcome] = {}
    if path is not None and path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            seed, one = json.loads(line)
            if seed == SEED.value:
                done[one["run"], one["surface"], one["plan"]] = Outcome(**one)
    missing = [key for key in wanted if key not in done]
    start = shown = time.monotonic()
    with ProcessPoolExecutor(_PROCESSES.value) as pool:
        seeds = itertools.repeat(SEED.value)
        for number, one in enumerate(pool.map(_refined, missing, seeds, chunksize=4), start=1):
            done[one.run, one.surface, one.plan] = one
            if path is not None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([SEED.value, dataclasses.asdict(one)]) + "\n")
            now = time.monotonic()
            if now - shown >= _EVERY_SECONDS or number == len(missing):
                shown = now
                to_go = terminal.duration((now - start) / number * (len(missing) - number))
                print(f"{number} of {len(missing)}, {to_go} to go", file=sys.stderr, flush=True)
    return [done[key] for key in wanted]


def _refined(key: tuple[int, str, str], seed: int) -> "Outcome":
    from tfoptcmp.tools.lab.narrowing.refinement import refined

    run, surface, plan = key
    return refined(surface, plan, run, seed=seed)


def main() -> None:
    """Entry point of `python -m tools.lab.narrowing`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
