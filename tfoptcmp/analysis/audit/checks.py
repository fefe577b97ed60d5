"""The table of checks. A check finds faults of one kind; a clean comparison yields nothing.

Every check states its threshold beside the code, and why it is there. What a check needs and the
comparison does not report it passes over in silence, but for `unreported`, which asks for it.
"""

from collections.abc import Callable, Iterable, Sequence

from tfoptcmp.analysis.audit.edges import crowded_edge
from tfoptcmp.analysis.audit.findings import Finding, worst_first
from tfoptcmp.analysis.audit.inclusion import cannot_imitate, violated
from tfoptcmp.analysis.audit.seeds import seed_noise, winners_curse
from tfoptcmp.analysis.audit.selection import selected_on_test
from tfoptcmp.analysis.audit.trials import (
    few_trials,
    infeasible,
    scattered,
    unequal,
    unsupported_claim,
)
from tfoptcmp.analysis.audit.tuning import copied_ranges, unreported, untuned
from tfoptcmp.analysis.comparison import Comparison

Check = Callable[[Comparison], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "untuned": untuned,
    "unreported": unreported,
    "copied_ranges": copied_ranges,
    "few_trials": few_trials,
    "unequal": unequal,
    "infeasible": infeasible,
    "selected_on_test": selected_on_test,
    "violated": violated,
    "cannot_imitate": cannot_imitate,
    "crowded_edge": crowded_edge,
    "seed_noise": seed_noise,
    "winners_curse": winners_curse,
    "unsupported_claim": unsupported_claim,
}


def audit(comparisons: Sequence[Comparison]) -> list[Finding]:
    """Returns what all checks find, the worst first.

    Args:
        comparisons: One for each workload and budget.
    """
    found = [finding for one in comparisons for check in CHECKS.values() for finding in check(one)]
    return worst_first([*found, *scattered(comparisons)])
