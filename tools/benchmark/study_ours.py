"""Studies as `tfoptcmp-tune` runs them."""

import tempfile
import time
from pathlib import Path

from tfoptcmp.records import Status, find_studies, read_study
from tfoptcmp.training import runtime
from tools.benchmark.study_cases import CASES, Case
from tools.benchmark.turns import Turns
from tools.studies import run_studies, study_config


def ours(
    turns: Turns,
    *,
    case: str,
    num_feasible: int | None,
    steps: int | None,
    data_dir: str | None,
    threads: int,
) -> None:
    """Runs a whole study each turn, the next with the next seed; measures seconds a trial.

    Args:
        turns: From the parent. The quality comes with the facts of the last turn.
        case: A name in CASES.
        num_feasible: Instead of the case's.
        steps: Instead of the case's.
        data_dir: Of prepared data sets.
        threads: Intra-op threads.
    """
    runtime.configure(threads)
    spec = CASES[case].changed(num_feasible=num_feasible, steps=steps)
    workload, splits = spec.load(data_dir)
    turns.ready({"partial": splits.partial})
    for seed, _ in enumerate(turns):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            start = time.perf_counter()
            _run(spec, workload, splits, Path(directory), seed, threads)
            seconds = time.perf_counter() - start
            turns.done(seconds / spec.num_feasible, _quality(Path(directory)))


def _run(spec: Case, workload, splits, directory: Path, seed: int, threads: int) -> None:
    config = study_config(
        workload,
        spec.budget,
        splits,
        spec.signature,
        seed=seed,
        search="quasirandom",
        max_trials=100 * spec.num_feasible,
        threads_per_trial=threads,
    )
    run_studies(
        directory, workload, spec.budget, splits, [spec.signature], [config], tensorboard=False
    )


def _quality(directory: Path) -> dict[str, float]:
    """Returns what the study found, for the record."""
    (study,) = map(read_study, find_studies(directory))
    feasible = [trial for trial in study.trials if trial.status == Status.COMPLETE]
    return {
        "trials": len(study.trials),
        "feasible": len(feasible),
        "best": min(trial.final["validation_metric"] for trial in feasible),
    }
