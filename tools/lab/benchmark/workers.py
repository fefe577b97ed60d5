"""Two workers of one thread each against one, once all of them are running."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tools.lab.benchmark.order_of_rounds import Contestant, Turns, alternate
from tools.lab.benchmark.results import Check, Comparison, ratios
from tools.lab.benchmark.settings import Settings
from tools.lab.benchmark.study_cases import CASES

_TRIALS = {"digits": 24, "digits_long": 8}
"""Case to number of trials."""


def compare(settings: Settings) -> Iterator[Comparison]:
    """Yields tables of one and two workers, for short trials and for longer ones."""
    for case, num_trials in {"digits": 4}.items() if settings.short else _TRIALS.items():
        yield _compare(settings, case, num_trials)


def _compare(settings: Settings, case: str, num_trials: int) -> Comparison:
    samples = alternate(
        [
            Contestant(
                name=f"{num_workers} worker{'s' if num_workers > 1 else ''}",
                function="tools.lab.benchmark.workers:study",
                arguments={
                    "case": case,
                    "num_workers": num_workers,
                    "num_trials": num_trials,
                    "data_dir": settings.data_dir,
                },
            )
            for num_workers in (1, 2)
        ],
        settings.alternations,
        warm_up=False,
    )
    return Comparison(
        title=f"Study of digits, {num_trials} trials of {CASES[case].steps:,} steps, one thread a "
        "worker",
        unit="s a trial",
        samples=samples,
        checks=[
            Check(
                claim="trials per hour, 2 workers / 1",
                measured=ratios(samples["1 worker"], samples["2 workers"]),
                limit=1.8,
                at_least=True,
            )
        ],
        notes=["from the end of each worker's first trial, which builds and compiles"],
    )


def study(
    turns: Turns, *, case: str, num_workers: int, num_trials: int, data_dir: str | None
) -> None:
    """Runs a whole study each turn; measures seconds a trial after the first of each worker."""
    from tfoptcmp.study.read import find_studies, read_study
    from tfoptcmp.training import runtime
    from tools.common.execution import Execution
    from tools.lab.benchmark.study_ours import run

    runtime.configure(1)
    spec = CASES[case].changed(num_feasible=num_trials, steps=None)
    workload, splits = spec.load(data_dir)
    turns.ready({})
    for seed, _ in enumerate(turns):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            execution = Execution(num_workers=num_workers, data_dir=data_dir)
            start = time.perf_counter()
            run(spec, workload, splits, Path(directory), seed=seed, threads=1, execution=execution)
            seconds = time.perf_counter() - start
            (found,) = map(read_study, find_studies(Path(directory)))
            ends = sorted(
                trial.started + trial.seconds for trial in found.trials if trial.seconds is not None
            )
            counted = ends[num_workers - 1 :]
            turns.done(
                (counted[-1] - counted[0]) / (len(counted) - 1), {"with_start_seconds": seconds}
            )
