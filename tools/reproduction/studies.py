"""From the plan of a figure to its studies: what exists, how long the rest takes, running it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow as tf
from tfoptcmp.tools.common.estimate import Estimate, estimate
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.refine import rounds_to_run
from tfoptcmp.tools.common.run_comparison import run_comparison
from tfoptcmp.tools.common.run_studies import Studies
from tfoptcmp.tools.reproduction.plans import REFINED, Panel
from tfoptcmp.tuners.searches import grid_size
from tfoptcmp.workloads.data.mock import load_mock

from tfoptcmp import workloads
from tfoptcmp.signatures import Signature
from tfoptcmp.study.read import num_that_count
from tfoptcmp.study.rounds import Plan, check, most_feasible
from tfoptcmp.study.schema import GRID, planned_max_trials
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
    rounds: Plan | None = None
    """Of a refined panel."""

    @property
    def left(self) -> int:
        """Feasible trials that still have to be run, in all rounds."""
        return sum(self._left())

    @property
    def studies_left(self) -> int:
        """Studies that still have to be run or resumed, in all rounds."""
        return sum(left > 0 for left in self._left())

    @property
    def num_feasible(self) -> tuple[tuple[int, ...], ...]:
        """N of each signature, or the size of its grid, by round; one round if not refined."""
        if self.panel.search == GRID:
            return (tuple(grid_size(signature.space) for signature in self.signatures),)
        return tuple((num,) * len(self.signatures) for _, num in self._rounds())

    def budget_of(self, num_feasible: int) -> Budget:
        """Returns the budget with another N, which does not change what a scale is called."""
        return replace(self.budget, num_feasible=num_feasible)

    def _rounds(self) -> list[tuple[Path, int]]:
        """Parent of the studies and N of each round."""
        if self.rounds is None:
            return [(self.directory, self.budget.num_feasible)]
        return rounds_to_run(self.directory, self.rounds, self.budget.num_feasible)

    def _left(self) -> list[int]:
        return [
            max(0, num - num_that_count(directory / signature.name))
            for (directory, _), each in zip(self._rounds(), self.num_feasible, strict=True)
            for signature, num in zip(self.signatures, each, strict=True)
        ]


def prepare(
    panels: Sequence[Panel],
    *,
    scale: str,
    studies_dir: Path,
    data_dir: str | None,
    mock_dir: Path | None = None,
    num_feasible: int | None = None,
    steps: int | None = None,
    rounds: Callable[[int, Path], Plan] | None = None,
) -> list[Ready]:
    """Loads workloads, data and spaces.

    Args:
        panels: Checked by `plans.check_names`.
        scale: As checked there.
        studies_dir: Parent of all studies.
        data_dir: Directory of prepared data sets; None for the library's own.
        mock_dir: Where to put random numbers that replace missing data; None to allow none. Their
            studies are beside those of the real data, not among them.
        num_feasible: N instead of the scale's; None leaves it.
        steps: Training steps per trial instead of the scale's; None leaves them.
        rounds: From N of the last round and the directory to the plan of a refined panel.

    Raises:
        StudyError: If a refined panel's directory cannot be used.
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
        signatures = tuple(
            workload.signature(rule, space=panel.first_space) for rule in panel.optimizers
        )
        plan = None
        if panel.space == REFINED:
            assert rounds is not None, "a plan"
            plan = rounds(budget.num_feasible, directory)
            check(directory, plan, [signature.name for signature in signatures])
        ready.append(
            Ready(
                panel=panel,
                workload=workload,
                budget=budget,
                splits=loaded[panel.workload],
                signatures=signatures,
                directory=directory,
                rounds=plan,
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
    max_rounds: Callable[[Plan], int],
) -> None:
    """Runs or resumes the studies of a panel, or its rounds.

    Args:
        ready: The panel.
        seed: As in `Studies`, and so on.
        options: As there.
        strategy: As there.
        execution: As there.
        max_rounds: From the plan of a refined panel to the most rounds that it may have.

    Raises:
        StudyError: If a directory cannot be used, or a trial crashes.
    """
    rounds, num_feasible = ready.rounds, ready.budget.num_feasible
    studies = Studies(
        study_dir=ready.directory,
        workload=ready.workload,
        splits=ready.splits,
        signatures=ready.signatures,
        seed=seed,
        search=ready.panel.search,
        max_trials=planned_max_trials(most_feasible(rounds, num_feasible)),
        options=options,
        strategy=strategy,
        execution=execution,
    )
    run_comparison(
        studies,
        ready.budget_of,
        num_feasible,
        rounds_plan=rounds,
        max_rounds=max_rounds(rounds) if rounds else 1,
    )
