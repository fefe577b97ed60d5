"""Studies as `tfoptcmp-tune` runs them, and their parts, each measured alone."""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tfoptcmp.tools.common import worker_server
from tfoptcmp.tools.common.execution import Execution, settle
from tfoptcmp.tools.common.machine import machine
from tfoptcmp.tools.common.run_studies import Studies
from tfoptcmp.tools.lab.benchmark.order_of_rounds import Turns, measure_all
from tfoptcmp.tools.lab.benchmark.study_cases import CASES, Case, peak_mb, resident_mb
from tfoptcmp.tools.lab.faults import fake

from tfoptcmp import workloads
from tfoptcmp.study.read import find_studies, read_study
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.study.trial import Outcome, TrialTask, trial_seeds
from tfoptcmp.training import runtime
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Splits, Workload


def ours(
    turns: Turns,
    *,
    case: str,
    num_feasible: int | None,
    steps: int | None,
    data_dir: str | None,
    threads: int,
    num_workers: int = 0,
    seed: int = 0,
) -> None:
    """Runs a whole study each turn; measures seconds per trial.

    Args:
        turns: From the parent. The quality comes with the facts of the last turn.
        case: A name in CASES.
        num_feasible: Instead of the case's.
        steps: Instead of the case's.
        data_dir: Of prepared data sets.
        threads: Processors to use.
        num_workers: Trials at a time; 0 for the default.
        seed: Of the first study; the next has the next seed.
    """
    if num_workers == 0:
        worker_server.start()
    spec = CASES[case].changed(num_feasible=num_feasible, steps=steps)
    execution, options, _ = settle(
        Execution(num_workers=num_workers, data_dir=data_dir),
        Options(),
        [workloads.get(spec.workload)],
        replace(machine(), processors=threads),
    )
    runtime.configure(options.threads_per_trial)
    workload, splits = spec.load(data_dir)
    turns.ready({"partial": splits.partial, "workers": execution.num_workers})
    for number, _ in enumerate(turns):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            start = time.perf_counter()
            run(
                *(spec, workload, splits, Path(directory)),
                seed=seed + number,
                threads=options.threads_per_trial,
                execution=execution,
            )
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
    studies = Studies(
        study_dir=directory,
        workload=workload,
        splits=splits,
        signatures=[spec.signature],
        seed=seed,
        search="quasirandom",
        max_trials=100 * spec.num_feasible,
        options=Options(threads_per_trial=threads),
        execution=execution,
    )
    with studies.opened(spec.budget):
        studies.run([spec.budget])


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


def with_workers(
    turns: Turns, *, case: str, num_workers: int, num_trials: int, data_dir: str | None
) -> None:
    """Runs a whole study each turn; measures seconds per trial after the first of each worker."""
    runtime.configure(1)
    spec = CASES[case].changed(num_feasible=num_trials, steps=None)
    workload, splits = spec.load(data_dir)
    turns.ready({})
    for seed, _ in enumerate(turns):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            execution = Execution(num_workers=num_workers, data_dir=data_dir)
            start = time.perf_counter()
            run(
                spec,
                workload,
                splits,
                Path(directory),
                seed=seed,
                threads=1,
                execution=execution,
            )
            seconds = time.perf_counter() - start
            (found,) = map(read_study, find_studies(Path(directory)))
            ends = sorted(trial.started + (trial.seconds or 0.0) for trial in found.trials)
            counted = ends[num_workers - 1 :]
            turns.done(
                (counted[-1] - counted[0]) / (len(counted) - 1), {"with_start_seconds": seconds}
            )


_MEASURED_TRIALS = 20  # of the bookkeeping, a round


def batches(turns: Turns, *, case: str, data_dir: str | None, threads: int) -> None:
    """Measures seconds that the batches of a trial take."""
    runtime.configure(threads)
    spec = CASES[case]
    _, splits = spec.load(data_dir)

    def draw(num_trials: int) -> None:
        for _ in range(num_trials):
            for _ in splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=spec.steps):
                pass

    measure_all(turns, lambda part: draw, {})


def evaluation(turns: Turns, *, case: str, data_dir: str | None, threads: int) -> None:
    """Measures seconds per measurement of all splits."""
    runtime.configure(threads)
    trainer, task = _trainer(CASES[case].changed(num_feasible=None, steps=1), data_dir)
    rows: list[Measurement] = []
    trainer.run(task, rows.append)

    def measure(num_measurements: int) -> None:
        for _ in range(num_measurements):
            trainer.evaluate()

    _, splits = CASES[case].load(data_dir)
    examples = sum(len(y) for split in splits.evaluation.values() for _, y in split)
    measure_all(turns, lambda part: measure, {"examples": examples})


def bookkeeping(turns: Turns, *, sizes: Mapping[str, int]) -> None:
    """Measures seconds per trial of a study whose trials take no time, from the second on.

    Args:
        turns: From the parent; the turn that does not count makes the studies.
        sizes: Part to the number of trials that the study has before.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        turns.ready({})
        num_trials: dict[str, int] = {}
        for part in turns:
            path = Path(directory) / str(sizes[part])
            if part not in num_trials:
                _run_fake(path, sizes[part])
                num_trials[part] = sizes[part]
            num_trials[part] += _MEASURED_TRIALS
            start = time.perf_counter()
            begins = _run_fake(path, num_trials[part])
            seconds = (begins[-1] - begins[0]) / (len(begins) - 1)
            turns.done(seconds, {"resume_seconds": begins[0] - start})


def memory(turns: Turns, *, case: str, data_dir: str | None, threads: int, num_trials: int) -> None:
    """Measures the megabytes by which the process grows per trial, in this many trials."""
    runtime.configure(threads)
    trainer, task = _trainer(CASES[case].changed(num_feasible=None, steps=4), data_dir)
    turns.ready({})
    for _ in turns:
        before = resident_mb()
        for _ in range(num_trials):
            trainer.run(task, lambda measurement: None)
        turns.done((resident_mb() - before) / num_trials, {"peak_mb": peak_mb()})


def _trainer(spec: Case, data_dir: str | None) -> tuple[Trainer, TrialTask]:
    workload, splits = spec.load(data_dir)
    space = spec.signature.space
    values = space.values((0.5,) * space.num_dims)
    task = TrialTask(
        index=0,
        values=values,
        arguments=space.derive(values, budget_steps=spec.steps),
        seeds=trial_seeds(0, 0),
    )
    trainer = Trainer(
        workload=workload, budget=spec.budget, splits=splits, signature=spec.signature
    )
    return trainer, task


def _run_fake(directory: Path, num_trials: int) -> list[float]:
    """Runs or resumes a study; returns when each trial began."""
    begins: list[float] = []

    def trial(task: TrialTask, on_measurement: Callable[[Measurement], None]) -> Outcome:
        begins.append(time.perf_counter())
        for step in fake.STEPS:
            on_measurement({**fake.measurement(task, step), "train_loss": 1.0})
        return Outcome(status=Status.COMPLETE, steps=fake.STEPS[-1])

    fake.study(directory, trial, num_feasible=num_trials, max_trials=num_trials)
    return begins
