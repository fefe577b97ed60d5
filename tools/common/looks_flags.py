"""Flags for adding trials until it is decided, and the plan that they make."""

from collections.abc import Sequence

from absl import flags
from tfoptcmp.tools.common import shared_flags, workload_flags
from tfoptcmp.tools.common.cli import UserError

from tfoptcmp.metrics import Metric
from tfoptcmp.signatures import Signature
from tfoptcmp.study.looks import Plan
from tfoptcmp.study.schema import GRID

UNTIL_DECIDED = flags.DEFINE_bool(
    "until_decided",
    False,
    "Add trials to all optimizers in turns, look at N = 20, 40, 80, ..., and stop when --pairs are "
    "decided. Verdicts allow for the looks.",
)
MAX_FEASIBLE = flags.DEFINE_integer(
    "max_feasible",
    None,
    "With --until_decided: N at which to stop in any case. --tuning_budget is a tenth of it "
    "unless given.",
    lower_bound=1,
)
PAIRS = flags.DEFINE_list(
    "pairs",
    None,
    "With --until_decided: what to decide, as sgd:adam,sgd:momentum; default: all inclusions, or "
    "all pairs if there is none.",
)


def plan(signatures: Sequence[Signature], metric: Metric) -> Plan | None:
    """Returns the plan that the flags ask for; None without --until_decided.

    Raises:
        UserError: If flags contradict each other, or ask for what cannot be decided.
    """
    if not UNTIL_DECIDED.value:
        for holder in (MAX_FEASIBLE, PAIRS):
            if holder.value is not None:
                raise UserError(f"--{holder.name} goes with --until_decided only")
        return None
    if MAX_FEASIBLE.value is None:
        raise UserError("--until_decided needs --max_feasible: N at which to stop in any case")
    if shared_flags.NUM_FEASIBLE.value is not None:
        raise UserError(
            "--until_decided finds N by itself: leave out --num_feasible, or --until_decided"
        )
    if workload_flags.SEARCH.value == GRID:
        raise UserError(
            "--until_decided cannot add trials to --search=grid, which runs every point of a grid"
        )
    if flags.FLAGS.distribution == "multiworker":
        raise UserError(
            "--until_decided looks at studies in one process: leave out --distribution=multiworker"
        )
    from tfoptcmp.analysis.statistics.looks import make_plan, without_trials

    try:
        return make_plan(
            without_trials(signatures, metric),
            MAX_FEASIBLE.value,
            shared_flags.TUNING_BUDGET.value,
            None if PAIRS.value is None else [_pair(text) for text in PAIRS.value],
        )
    except ValueError as error:
        raise UserError(f"--{error}") from error


def _pair(text: str) -> tuple[str, str]:
    names = text.split(":")
    if len(names) != 2:
        raise UserError(f"--pairs must be like sgd:adam,sgd:momentum; got {text!r}")
    return names[0], names[1]
