"""The table of checks. A check finds faults of one kind; a clean comparison yields nothing.

Every check states its threshold, and the reason for it, beside the code. If a comparison does not
report what a check needs, the check is silent; only `unreported` asks for it.
"""

from collections.abc import Callable, Iterable, Sequence

from tfoptcmp.analysis.audit import (
    default_epsilon,
    edges,
    inclusion,
    rounds,
    seeds,
    selection,
    trials,
    tuning,
)
from tfoptcmp.analysis.audit.findings import Finding, worst_first
from tfoptcmp.analysis.comparison import Comparison

Check = Callable[[Comparison], Iterable[Finding]]

# Each family of checks has a file, which ends with the tuple of its checks.
_FAMILIES = (tuning, trials, rounds, selection, inclusion, edges, default_epsilon, seeds)
CHECKS: dict[str, Check] = {
    check.__name__: check for family in _FAMILIES for check in family.CHECKS
}


def audit(comparisons: Sequence[Comparison]) -> list[Finding]:
    """Returns what all checks find, the worst first.

    Args:
        comparisons: One for each workload and budget.
    """
    found = [finding for one in comparisons for check in CHECKS.values() for finding in check(one)]
    return worst_first([*found, *trials.scattered(comparisons)])


def by_check(comparisons: Sequence[Comparison]) -> dict[str, list[Finding]]:
    """Returns what each check finds, with those that find nothing; `audit` sorts the same.

    Args:
        comparisons: One for each workload and budget.
    """
    found = {
        name: [finding for one in comparisons for finding in check(one)]
        for name, check in CHECKS.items()
    }
    return {**found, trials.scattered.__name__: list(trials.scattered(comparisons))}
