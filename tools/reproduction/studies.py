"""From the plan of a figure to its studies: what exists, how long the rest takes, running it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow as tf
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.estimate import Estimate, estimate
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.run_studies import run_studies
from tfoptcmp.tools.reproduction.plans import Panel
from tfoptcmp.tuners.searches import GRID, grid_size
from tfoptcmp.workloads.data.mock import load_mock

from tfoptcmp import workloads
from tfoptcmp.signatures import Signature
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, MissingData, Splits, Workload


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A panel whose names are objects and whose data are present."""

    panel: Panel
    workload: Workload
    budget: Budget
    splits: Splits
    signatures: tuple[Signature, ...]
    directory: Path

    @property
    def left(self) -> int:
        """Feasible trials that still have to be run."""
        return sum(self._left(signature) for signature in self.signatures)

    @property
    def studies_left(self) -> int:
        """Studies that still have to be run or resumed."""
        return sum(self._left(signature) > 0 for signature in self.signatures)

    def num_feasible(self, signature: Signature) -> int:
        """N, or the size of the grid."""
        grid = self.panel.search == GRID
        return grid_size(signature.space) if grid else self.budget.num_feasible

    def _left(self, signature: Signature) -> int:
        return max(0, self.num_feasible(signature) - self._done(signature))

    def _done(self, signature: Signature) -> int:
        """Trials that count: on a grid also those that diverged."""
        study = self.directory / signature.name
        if not (study / "study.json").exists():
            return 0
        counted = (Status.COMPLETE, *((Status.INFEASIBLE,) if self.panel.search == GRID else ()))
        return sum(trial.status in counted for trial in read_study(study).trials)


def check_names(panels: Sequence[Panel]) -> None:
    """Checks that every workload, space and optimizer of a plan exists.

    Raises:
        UserError: If one is not; the message names all that are missing.
    """
    missing = {}
    for panel in panels:
        problems = []
        if panel.workload not in workloads.names():
            problems.append("there is no such workload")
        else:
            for rule in panel.optimizers:
                try:
                    workloads.get(panel.workload).signature(rule, space=panel.space)
                except ValueError as error:
                    problems.append(str(error))
        if problems:
            missing[f"{panel.workload}, {panel.space}"] = problems[0]
    if missing:
        raise UserError(
            "the figure needs these, which do not exist:\n"
            + "\n".join(f"  {what}: {why}" for what, why in missing.items())
            + "\nDraw it on other workloads with --workloads=..., of "
            + ", ".join(workloads.names())
        )


def prepare(
    panels: Sequence[Panel],
    *,
    scale: str,
    studies_dir: Path,
    data_dir: str | None,
    mock_dir: Path | None = None,
    num_feasible: int | None = None,
    steps: int | None = None,
) -> list[Ready]:
    """Loads workloads, data and spaces.

    Args:
        panels: Checked by `check_names`.
        scale: "smoke", "cpu" or "paper".
        studies_dir: Parent of all studies.
        data_dir: Directory of prepared data sets; None for the library's own.
        mock_dir: Where to put random numbers that replace missing data; None to allow none. Their
            studies are beside those of the real data, not among them.
        num_feasible: N instead of the scale's; None leaves it.
        steps: Training steps per trial instead of the scale's; None leaves them.

    Raises:
        MissingData: If data are missing; the message names every workload it concerns.
        ValueError: If a workload has no such scale.
    """
    ready, missing = [], {}
    loaded: dict[str, Splits] = {}  # panels of a workload differ in steps alone
    for panel in panels:
        workload = workloads.get(panel.workload)
        budget = workload.budget(scale, steps=steps, num_feasible=num_feasible)
        if panel.steps_share != 1:
            share = max(1, round(panel.steps_share * budget.steps))
            # A part of a scale is still of that scale: the header of the figure shows its steps.
            changed = workload.budget(scale, steps=share, num_feasible=num_feasible)
            budget = replace(changed, scale=budget.scale)
        directory = studies_dir / panel.directory
        try:
            if panel.workload not in loaded and panel.workload not in missing:
                loaded[panel.workload] = workload.load(budget, data_dir)
        except MissingData as error:
            missing[panel.workload] = str(error)
        if panel.workload in missing:
            if mock_dir is None:
                continue
            if panel.workload not in loaded:
                loaded[panel.workload] = load_mock(workload, budget, mock_dir)
            directory = studies_dir / "mock_data" / panel.directory
        ready.append(
            Ready(
                panel=panel,
                workload=workload,
                budget=budget,
                splits=loaded[panel.workload],
                signatures=tuple(
                    workload.signature(rule, space=panel.space) for rule in panel.optimizers
                ),
                directory=directory,
            )
        )
    if missing and mock_dir is None:
        raise MissingData(
            "\n".join(f"{workload}: {why}" for workload, why in missing.items())
            + "\nDraw the figure on the other workloads with --workloads=..., or try the commands "
            "with random numbers in place of missing data: --scale=smoke --mock_data"
        )
    return ready


def estimate_seconds(
    panels: Sequence[Ready], options: Options, strategy: tf.distribute.Strategy | None
) -> Iterator[float]:
    """Yields how long the rest of each panel takes.

    Measured on a few steps of its last rule, once for each workload and budget.
    """
    measured: dict[tuple[str, int, int], Estimate] = {}
    for ready in panels:
        if not ready.left:
            yield 0.0
            continue
        budget = ready.budget
        key = (ready.workload.name, budget.steps, budget.batch_size)
        if key not in measured:
            measured[key] = estimate(
                ready.workload, budget, ready.splits, ready.signatures[-1], options, strategy
            )
        found = measured[key]
        yield ready.left * found.trial_seconds + ready.studies_left * found.setup_seconds


def run(
    ready: Ready,
    seed: int,
    options: Options,
    strategy: tf.distribute.Strategy | None,
    execution: Execution,
) -> None:
    """Runs or resumes the studies of a panel; the arguments are those of `run_studies`.

    Raises:
        StudyError: If a directory cannot be used, or a trial crashes.
    """
    run_studies(
        ready.directory,
        ready.workload,
        ready.budget,
        ready.splits,
        ready.signatures,
        seed=seed,
        search=ready.panel.search,
        max_trials=10 * ready.budget.num_feasible,
        options=options,
        strategy=strategy,
        execution=execution,
    )
