"""Flags for going from a wide search space to a final one in rounds, and their plan."""

from pathlib import Path

from absl import flags
from tfoptcmp.tools.common import workload_flags
from tfoptcmp.tools.common.cli import UserError

from tfoptcmp.study.rounds import LEAST_FEASIBLE, Plan, default_trials_per_round, read_plan
from tfoptcmp.study.schema import GRID

REFINE = flags.DEFINE_bool(
    "refine",
    False,
    "Search in rounds: each narrows the space of every optimizer to where its good trials lie, "
    "from --space on. Only the last round is judged: of --num_feasible trials, or --until_decided.",
)
ROUNDS = flags.DEFINE_integer(
    "rounds", 3, "Of a refinement: rounds, the last included.", lower_bound=2
)
TRIALS_PER_ROUND = flags.DEFINE_integer(
    "trials_per_round",
    None,
    "Of a refinement: feasible trials of each optimizer in every round before the last; default: "
    "two fifths of the last round's, at least 20.",
    lower_bound=LEAST_FEASIBLE,
)
MAX_ROUNDS = flags.DEFINE_integer(
    "max_rounds",
    None,
    "Of a refinement: add rounds like the last one, up to this many, while best trials crowd an "
    "edge of a space; default: --rounds.",
    lower_bound=2,
)

OF_ROUNDS = (ROUNDS, TRIALS_PER_ROUND, MAX_ROUNDS)

ALL = (REFINE, *OF_ROUNDS)


def plan(num_feasible: int, study_dir: Path | None) -> Plan | None:
    """Returns the plan that the flags of `tune` ask for; None without --refine.

    Args:
        num_feasible: N of the last round.
        study_dir: Parent of the rounds; None if none is to be run.

    Raises:
        UserError: If flags contradict each other.
        StudyError: If the plan on record is damaged.
    """
    return planned(num_feasible, study_dir) if REFINE.value else None


def check() -> None:
    """Checks that the flags of `tune` do not contradict each other.

    Raises:
        UserError: If they do.
    """
    if not REFINE.value:
        refuse("--refine")
        return
    if workload_flags.SEARCH.value == GRID:
        raise UserError("--refine narrows ranges, which a grid has not: leave out --search=grid")
    if flags.FLAGS.distribution == "multiworker":
        raise UserError(
            "--refine narrows spaces in one process: leave out --distribution=multiworker"
        )


def refuse(reason: str) -> None:
    """Refuses the flags of rounds where there are none.

    Raises:
        UserError: If one is given; the message says that it goes with `reason` only.
    """
    for holder in OF_ROUNDS:
        if flags.FLAGS[holder.name].present:
            raise UserError(f"--{holder.name} goes with {reason} only")


def planned(num_feasible: int, study_dir: Path | None = None) -> Plan:
    """Returns the plan that the flags ask for; what they leave open is as on record.

    So a larger --num_feasible adds trials to the last round, and does not change the plan.

    Raises:
        UserError: If flags contradict each other.
        StudyError: If the plan on record is damaged.
    """
    there = read_plan(study_dir) if study_dir else None
    rounds_given = flags.FLAGS[ROUNDS.name].present
    found = Plan(
        num_rounds=there.num_rounds if there and not rounds_given else ROUNDS.value,
        trials_per_round=TRIALS_PER_ROUND.value or default_trials_per_round(num_feasible, there),
    )
    if max_rounds(found) < found.num_rounds:
        raise UserError(
            f"--max_rounds must be >= {found.num_rounds}, --rounds; got {max_rounds(found)}"
        )
    return found


def max_rounds(rounds: Plan) -> int:
    """Returns the most rounds that may be run."""
    return int(MAX_ROUNDS.value or rounds.num_rounds)
