"""Best trials at an edge of their search space: a better one may lie beyond."""

from collections.abc import Iterator

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.ranges.boundary import Edge, check_boundaries, enough_trials

# Probability of any false alarm in a comparison; shared among all edges that are looked at, of
# which six rules have about fifty (the boundary check looks at one at a time, at 0.01 each).
_FALSE_ALARM = 0.05


def crowded_edge(comparison: Comparison) -> Iterator[Finding]:
    """Finds edges with more good trials nearby than chance explains."""
    checks = [
        check
        for contestant in comparison.contestants
        if enough_trials(contestant)
        for check in check_boundaries(contestant)
    ]
    for check in checks:
        best = check.contestant.values_of(check.contestant.winner).get(check.name)
        for edge, side in ((Edge.LOW, "low"), (Edge.HIGH, "high")):
            chance = check.chance(edge)
            if chance * 2 * len(checks) >= _FALSE_ALARM or check.at_limit(edge):
                continue
            yield Finding(
                severity="warning",
                subject=f"{comparison.workload}: {check.contestant.title}, {check.name}",
                title=f"best trials crowd the {side} edge of the search space",
                evidence=f"{check.near(edge)} of the {len(check.good)} best trials lie in the "
                f"outermost {100 * check.outer:.0f} % of the range ({chance:.1g} by chance)"
                + ("" if best is None else f"; the best has {check.name} = {best:.3g}"),
                next_step=f"move the {side} edge outwards and run the study again "
                "(tfoptcmp-report suggests a range for --space_file)",
            )


CHECKS = (crowded_edge,)
