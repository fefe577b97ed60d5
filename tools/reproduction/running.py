"""From the plan of a figure to its studies: what there is, how long it takes, running it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import workloads
from tfoptcmp.analysis.comparisons import Comparison, compare
from tfoptcmp.records import Status, read_study
from tfoptcmp.signatures import Signature
from tfoptcmp.workload import Budget, MissingData, Splits, Workload
from tools.cli import UserError
from tools.estimate import seconds_per_trial
from tools.reproduction.plans import Panel
from tools.studies import run_studies, study_config
from tuners.searches import GRID, grid_size
from workloads import spaces


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A panel whose names are objects and whose data are there."""

    panel: Panel
    workload: Workload
    budget: Budget
    splits: Splits
    signatures: tuple[Signature, ...]
    directory: Path

    @property
    def left(self) -> int:
        """Feasible trials that are still to be run."""
        return sum(
            max(0, self.num_feasible(signature) - self._done(signature))
            for signature in self.signatures
        )

    def num_feasible(self, signature: Signature) -> int:
        """N, or the size of the grid."""
        grid = self.panel.search == GRID
        return grid_size(signature.space) if grid else self.budget.num_feasible

    def _done(self, signature: Signature) -> int:
        """Trials that count: on a grid those that diverged too."""
        study = self.directory / signature.name
        if not (study / "study.json").exists():
            return 0
        counted = (Status.COMPLETE, *((Status.INFEASIBLE,) if self.panel.search == GRID else ()))
        return sum(trial.status in counted for trial in read_study(study).trials)


def check_names(panels: Sequence[Panel]) -> None:
    """Checks that every workload, space and optimizer of a plan is there.

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
                    spaces.signature(panel.workload, rule, space=panel.space)
                except ValueError as error:
                    problems.append(str(error))
        if problems:
            missing[f"{panel.workload}, {panel.space}"] = problems[0]
    if missing:
        raise UserError(
            "the figure needs what is not there:\n"
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
    num_feasible: int | None = None,
    steps: int | None = None,
) -> list[Ready]:
    """Loads workloads, data and spaces.

    Args:
        panels: Checked by `check_names`.
        scale: "smoke", "cpu" or "paper".
        studies_dir: Parent of all studies.
        data_dir: Directory of prepared data sets; None for the library's own.
        num_feasible: N instead of the scale's; None leaves it.
        steps: Training steps a trial instead of the scale's; None leaves them.

    Raises:
        MissingData: If data are not there; the message names every workload it concerns.
        ValueError: If a workload has no such scale.
    """
    ready, missing = [], {}
    loaded: dict[str, Splits] = {}  # panels of a workload differ in steps alone
    for panel in panels:
        workload = workloads.get(panel.workload)
        budget = workload.budget(scale, steps=steps, num_feasible=num_feasible)
        if panel.steps_share != 1:
            share = max(1, round(panel.steps_share * budget.steps))
            # A part of a scale is still of that scale: the face shows its steps.
            changed = workload.budget(scale, steps=share, num_feasible=num_feasible)
            budget = replace(changed, scale=budget.scale)
        try:
            if panel.workload not in loaded:
                loaded[panel.workload] = workload.load(budget, data_dir)
        except MissingData as error:
            missing[panel.workload] = str(error)
            continue
        ready.append(
            Ready(
                panel=panel,
                workload=workload,
                budget=budget,
                splits=loaded[panel.workload],
                signatures=tuple(
                    spaces.signature(panel.workload, rule, space=panel.space)
                    for rule in panel.optimizers
                ),
                directory=studies_dir / panel.directory,
            )
        )
    if missing:
        raise MissingData(
            "\n".join(f"{workload}: {why}" for workload, why in missing.items())
            + "\nDraw the figure on the other workloads with --workloads=..."
        )
    return ready


def estimate_seconds(ready: Ready) -> float:
    """Returns how long the trials that are left take, measured on a few steps of the last rule."""
    if not ready.left:
        return 0.0
    signature = ready.signatures[-1]
    return ready.left * seconds_per_trial(ready.workload, ready.budget, ready.splits, signature)


def run(ready: Ready, *, seed: int, threads_per_trial: int) -> None:
    """Runs or resumes the studies of a panel.

    Raises:
        StudyError: If a directory cannot be used, or a trial crashes.
    """
    configs = [
        study_config(
            ready.workload,
            ready.budget,
            ready.splits,
            signature,
            seed=seed,
            search=ready.panel.search,
            max_trials=10 * ready.budget.num_feasible,
            threads_per_trial=threads_per_trial,
        )
        for signature in ready.signatures
    ]
    run_studies(
        ready.directory,
        ready.workload,
        ready.budget,
        ready.splits,
        ready.signatures,
        configs,
        tensorboard=False,
    )


def comparison(ready: Ready, tuning_budget: int | None) -> Comparison:
    """Reads the studies of a panel; others that lie beside them are left out."""
    directories = [ready.directory / signature.name for signature in ready.signatures]
    (found,) = compare(directories, tuning_budget)
    return found
