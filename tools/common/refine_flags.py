"""Flags for going from a wide search space to a final one in rounds, and their plan."""

from absl import flags
from tfoptcmp.tools.common import looks_flags, workload_flags
from tfoptcmp.tools.common.cli import UserError

from tfoptcmp.study.rounds import Plan

REFINE = flags.DEFINE_bool(
    "refine",
    False,
    "Search in rounds: each narrows the space of every optimizer to where its good trials lie, "
    "from --space on. Only the last round, of --num_feasible trials, is judged.",
)
ROUNDS = flags.DEFINE_integer(
    "rounds", 3, "With --refine: rounds, the last included.", lower_bound=2
)
TRIALS_PER_ROUND = flags.DEFINE_integer(
    "trials_per_round",
    None,
    "With --refine: feasible trials of each optimizer in every round before the last; default: "
    "two fifths of --num_feasible, at least 20.",
    lower_bound=15,
)
MAX_ROUNDS = flags.DEFINE_integer(
    "max_rounds",
    None,
    "With --refine: add rounds like the last one, up to this many, while best trials crowd an edge "
    "of a space; default: --rounds.",
    lower_bound=2,
)

ALL = (REFINE, ROUNDS, TRIALS_PER_ROUND, MAX_ROUNDS)

LEAST_TRIALS_PER_ROUND = 20


def default_trials_per_round(num_feasible: int) -> int:
    """Returns the trials of a round before the last, which has `num_feasible`."""
    return max(LEAST_TRIALS_PER_ROUND, 2 * num_feasible // 5)


def plan(num_feasible: int) -> Plan | None:
    """Returns the plan that the flags ask for; None without --refine.

    Args:
        num_feasible: N of the last round.

    Raises:
        UserError: If flags contradict each other.
    """
    if not REFINE.value:
        for holder in ALL[1:]:
            if flags.FLAGS[holder.name].present:
                raise UserError(f"--{holder.name} goes with --refine only")
        return None
    if looks_flags.UNTIL_DECIDED.value:
        raise UserError(
            "--refine and --until_decided go one after the other: give the refined space, "
            "space_final.json of tfoptcmp-report --write_space, to --until_decided as --space_file"
        )
    if workload_flags.SEARCH.value == "grid":
        raise UserError("--refine narrows ranges, which a grid has not: leave out --search=grid")
    if flags.FLAGS.distribution == "multiworker":
        raise UserError(
            "--refine narrows spaces in one process: leave out --distribution=multiworker"
        )
    if max_rounds() < ROUNDS.value:
        raise UserError(f"--max_rounds must be >= {ROUNDS.value}, --rounds; got {max_rounds()}")
    return Plan(
        num_rounds=ROUNDS.value,
        trials_per_round=TRIALS_PER_ROUND.value or default_trials_per_round(num_feasible),
    )


def max_rounds() -> int:
    """Returns the most rounds that may be run."""
    return int(MAX_ROUNDS.value or ROUNDS.value)
