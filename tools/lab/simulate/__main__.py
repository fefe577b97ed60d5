"""How often is a verdict right? Judges simulated studies whose true difference is known.

    python -m tools.lab.simulate
    python -m tools.lab.simulate --only=log_normal,ties --trials=50 --tuning_budgets=5
    python -m tools.lab.simulate --looks_up_to=160 --tuning_budgets=4,10 --num_pairs=15

Draws studies of two optimizers a and b from populations (`populations.py`): the published trials of
digits with a small jitter, and made ones that are hard. b is scaled so that its mean of the best of
K is 25 % below that of a, equal to it, one margin above it, 25 % or 50 % above it. Interval and
verdict are those of reports; the truth comes from a million practitioners with K trials each.

Without --looks_up_to every N of --trials is judged once, with every K of --tuning_budgets up to
N/5. With it, N grows by looks, 20, 40, 80, ... from 5 K on, and each pair stops where it is decided
(docs/simulation.md). 1,000 studies of a population at N = 100 and three K took 25 s of a processor.
The same flags give the same numbers.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common import cli, terminal
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import SEED

if TYPE_CHECKING:  # `--help` answers at once
    from tfoptcmp.tools.lab.simulate.populations import Population
    from tfoptcmp.tools.lab.simulate.studies import Cell, Settings

    Plan = Mapping[int, tuple[int, ...]]  # K to the N of its looks

_ONLY = flags.DEFINE_list("only", None, "Populations; default: all.")
_TRIALS = flags.DEFINE_list("trials", ["50", "100"], "N: trials of each optimizer.")
_TUNING_BUDGETS = flags.DEFINE_list("tuning_budgets", ["5", "10", "20"], "K.")
_LOOKS_UP_TO = flags.DEFINE_integer(
    "looks_up_to", None, "Look at growing N up to this one, instead of --trials.", lower_bound=20
)
_NUM_PAIRS = flags.DEFINE_integer(
    "num_pairs", 1, "Pairs asked about, by which the level of a look is divided.", lower_bound=1
)
_NUM_STUDIES = flags.DEFINE_integer("num_studies", 1000, "Of each cell.", lower_bound=10)
_NUM_RESAMPLES = flags.DEFINE_integer(
    "num_resamples", 2000, "Of a bootstrap; a report takes 10,000.", lower_bound=100
)
_NUM_EXAMPLES = flags.DEFINE_integer(
    "num_examples", 10_000, "Of the evaluation set, which fixes the margin.", lower_bound=1
)
_NUM_PRACTITIONERS = flags.DEFINE_integer(
    "num_practitioners", 1_000_000, "Who tell the true means.", lower_bound=1
)
_JSON = flags.DEFINE_string("json", None, "File for the counts of every cell.")

_GROUPS = {
    "What": (_ONLY, _TRIALS, _TUNING_BUDGETS),
    "Looks": (_LOOKS_UP_TO, _NUM_PAIRS),
    "How": (_NUM_STUDIES, _NUM_RESAMPLES, _NUM_EXAMPLES, _NUM_PRACTITIONERS, SEED),
    "Output": (_JSON,),
}


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    trials = _numbers("trials", _TRIALS.value)
    budgets = _numbers("tuning_budgets", _TUNING_BUDGETS.value)
    if _NUM_PAIRS.value > 1 and _LOOKS_UP_TO.value is None:
        raise UserError("--num_pairs divides the level of looks: it needs --looks_up_to")

    from tfoptcmp.tools.lab.simulate import table
    from tfoptcmp.tools.lab.simulate.populations import NAMES, population, true_means
    from tfoptcmp.tools.lab.simulate.studies import Settings

    names = list(NAMES) if _ONLY.value is None else _ONLY.value
    if not names or not set(names) <= set(NAMES):
        raise UserError(f"--only must be of {list(NAMES)}; got {names}")
    plans = _plans(trials, budgets)
    settings = Settings(
        num_studies=_NUM_STUDIES.value,
        num_resamples=_NUM_RESAMPLES.value,
        num_examples=_NUM_EXAMPLES.value,
        num_pairs=_NUM_PAIRS.value,
        seed=SEED.value,
    )
    cells = []
    for name in names:
        one = population(name)
        truth = true_means(
            one,
            sorted({k for plan in plans for k in plan}),
            seed=SEED.value,
            num_practitioners=_NUM_PRACTITIONERS.value,
        )
        for plan in plans:
            cells += _filled(name, one, truth, plan, settings)
    print(table.text(cells))
    if _JSON.value:
        rows = [dataclasses.asdict(dataclasses.replace(cell, excess=[])) for cell in cells]
        text = json.dumps({"settings": dataclasses.asdict(settings), "cells": rows}, indent=1)
        Path(_JSON.value).write_text(text + "\n", encoding="utf-8")


def _numbers(flag: str, texts: Sequence[str]) -> list[int]:
    if not texts or not all(text.isdecimal() and int(text) > 0 for text in texts):
        raise UserError(f"--{flag} must be integers >= 1; got {','.join(texts)!r}")
    return [int(text) for text in texts]


def _plans(trials: Sequence[int], budgets: Sequence[int]) -> "list[Plan]":
    """Returns a plan for each set of studies."""
    from tfoptcmp.analysis.comparison import too_few_trials
    from tfoptcmp.analysis.statistics.looks import planned_looks

    plans: list[Plan] = []
    for n in trials if _LOOKS_UP_TO.value is None else [_LOOKS_UP_TO.value]:
        fitting = [k for k in budgets if not too_few_trials(n, k)]
        if not fitting:
            raise UserError(f"there is no verdict: {too_few_trials(n, min(budgets))}")
        fixed = _LOOKS_UP_TO.value is None
        plans.append({k: (n,) if fixed else planned_looks(n, k) for k in fitting})
    return plans


def _filled(
    name: str,
    population: "Population",
    truth: Mapping[int, tuple[float, float]],
    plan: "Plan",
    settings: "Settings",
) -> "list[Cell]":
    """Returns the cells of one set of studies; says how far it is."""
    from tfoptcmp.tools.lab.simulate.studies import NUM_MATRICES, simulate

    start = time.monotonic()
    cells: list[Cell] = []
    for number, cells in enumerate(simulate(name, population, truth, plan, settings), start=1):
        to_go = terminal.duration((time.monotonic() - start) / number * (NUM_MATRICES - number))
        done = f"{cells[0].num_studies} studies, {to_go} to go"
        print(f"{name}, N = {max(cells[0].looks)}: {done}", file=sys.stderr, flush=True)
    return cells


def main() -> None:
    """Entry point of `python -m tools.lab.simulate`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
