"""Flags by which `train` and `tune` name a workload and its search spaces, and what they name."""

import dataclasses
from pathlib import Path

from absl import flags
from tfoptcmp.tools.common import extensions
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import DATA_DIR, MEASURE_ALL, SCALE, SPACE, STEPS

from tfoptcmp.signatures import REGULARISATION, Signature
from tfoptcmp.study.read import read_space
from tfoptcmp.study.schema import SEARCHES, StudyError
from tfoptcmp.workload import Budget, Splits, Workload

WORKLOAD = flags.DEFINE_string("workload", None, "What to train; an unknown name prints the list.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", None, "Instead of the scale's.", lower_bound=1)
EVAL_EVERY_STEPS = flags.DEFINE_integer(
    "eval_every_steps",
    None,
    "Steps between measurements; default: as many measurements per trial as the scale has.",
    lower_bound=1,
)
SEARCH = flags.DEFINE_enum(
    "search",
    "quasirandom",
    SEARCHES,
    "How points are drawn from the space; grid takes all of a space of choices, in order.",
)
SPACE_FILE = flags.DEFINE_string(
    "space_file",
    None,
    "JSON file with your own search space, or with one for each optimizer by name, in the "
    "format of study.json. It replaces the space of --space, but not its schedule.",
)

HOW_MUCH = (SCALE, STEPS, BATCH_SIZE, EVAL_EVERY_STEPS, MEASURE_ALL)


def workload_and_budget(
    *, num_feasible: int | None = None, target: float | None = None
) -> tuple[Workload, Budget]:
    """Returns what --workload, --scale and the flags that change a scale name.

    Args:
        num_feasible: As in `Budget`; None leaves the scale's.
        target: As there, in the unit of the metric; None leaves the scale's.

    Raises:
        UserError: If a name is unknown or a number impossible.
    """
    workload = extensions.workload(WORKLOAD.value)
    scale = _scale(workload)
    return workload, budget_of(workload, scale, num_feasible=num_feasible, target=target)


def budget_of(
    workload: Workload,
    scale: str,
    *,
    num_feasible: int | None = None,
    target: float | None = None,
) -> Budget:
    """Returns the budget of a scale, as changed by flags and, where they say nothing, arguments.

    Args:
        workload: Whose scale it is.
        scale: Its name.
        num_feasible: As in `Budget`; None leaves the scale's.
        target: As there, in the unit of the metric; None leaves the scale's.

    Raises:
        UserError: If the scale is unknown or a number impossible.
    """
    try:
        return workload.budget(
            scale,
            steps=STEPS.value,
            batch_size=BATCH_SIZE.value,
            eval_every_steps=EVAL_EVERY_STEPS.value,
            num_feasible=num_feasible,
            target=target,
        )
    except ValueError as error:
        raise UserError(f"--{error}") from error


def _scale(workload: Workload) -> str:
    """--scale, or the only one that a user's workload has."""
    only = next(iter(workload.budgets)) if len(workload.budgets) == 1 else SCALE.default
    return str(SCALE.value if SCALE.present else only)


def load(workload: Workload, budget: Budget) -> Splits:
    """Reads the data of a workload from --data_dir, and checks that all fits together.

    Raises:
        MissingData: If they are missing.
        UserError: If the requested sizes do not fit them, or data and model one another.
    """
    from tfoptcmp.training.check import check_problem

    try:
        splits = workload.load(budget, DATA_DIR.value)
    except ValueError as error:
        raise UserError(f"{workload.name} cannot be loaded at these sizes: {error}") from error
    try:
        check_problem(workload, budget, splits)
    except ValueError as error:
        raise UserError(f"{workload.name} cannot be trained: {error}") from error
    return splits


def signature(optimizer: str) -> Signature:
    """Returns the signature of an optimizer in the space that the flags name.

    Args:
        optimizer: As `extensions.signature`.

    Raises:
        UserError: If there is none.
    """
    name, found = extensions.signature(WORKLOAD.value, optimizer, SPACE.value)
    if SPACE_FILE.value is None:
        return found
    return _with_space_of_file(found, name, Path(SPACE_FILE.value))


def _with_space_of_file(signature: Signature, optimizer: str, path: Path) -> Signature:
    try:
        space = read_space(path, optimizer)
    except StudyError as error:
        raise UserError(f"--space_file: {error}") from error
    taken = extensions.workload(WORKLOAD.value).regularisation
    untaken = {*space.arguments} & {*REGULARISATION} - {*taken}
    if untaken:
        raise UserError(f"--space_file: {path}: {WORKLOAD.value} does not take {sorted(untaken)}")
    try:
        return dataclasses.replace(signature, space=space)
    except ValueError as error:
        raise UserError(f"--space_file: {path}: {error}") from error
