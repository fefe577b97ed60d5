"""Studies as `tfoptcmp-tune` runs them."""

import tempfile
import time
from pathlib import Path

import workloads
from tfoptcmp.study.read import find_studies, read_study
from tfoptcmp.study.schema import Status
from tfoptcmp.training import runtime
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Splits, Workload
from tools.common.execution import Execution
from tools.common.run_studies import run_studies
from tools.lab.benchmark.order_of_rounds import Turns
from tools.lab.benchmark.study_cases import CASES, Case


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
        threads: Intra-op threads, of which those that help the workload are taken.
    """
    spec = CASES[case].changed(num_feasible=num_feasible, steps=steps)
    threads = workloads.get(spec.workload).useful_threads(threads)
    runtime.configure(threads)
    workload, splits = spec.load(data_dir)
    turns.ready({"partial": splits.partial})
    for seed, _ in enumerate(turns):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            start = time.perf_counter()
            run(spec, workload, splits, Path(directory), seed=seed, threads=threads)
            seconds = time.perf_counter() - start
            turns.done(seconds / spec.num_feasible, _quality(Path(directory)))


def run(
    spec: Case,
    workload: Workload,
    splits: Splits,
    directory: Path,
    *,
    seed: int,
    threads: int,
    execution: Execution = Execution(),  # noqa: B008  # it is frozen
) -> None:
    """Runs a case's study in a directory."""
    run_studies(
        directory,
        workload,
        spec.budget,
        splits,
        [spec.signature],
        seed=seed,
        search="quasirandom",
        max_trials=100 * spec.num_feasible,
        options=Options(threads_per_trial=threads),
        execution=execution,
    )


def _quality(directory: Path) -> dict[str, float]:
    """Returns what the study found, for the record."""
    (study,) = map(read_study, find_studies(directory))
    feasible = [trial for trial in study.trials if trial.status == Status.COMPLETE]
    return {
        "trials": len(study.trials),
        "feasible": len(feasible),
        "best": min(
            best
            for trial in feasible
            if trial.final and (best := trial.final["validation_metric"]) is not None
        ),
    }
