"""Best trials at an edge of their search space: a better one may lie beyond."""

import math
from collections.abc import Iterator

from scipy.stats import binom

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.evidence import Entry, Evidence
from tfoptcmp.analysis.ranges.boundary import OUTER, position
from tfoptcmp.hyperparameters import HYPERPARAMETERS
from tfoptcmp.spaces import Choice, Dimension, Fixed

# As in the boundary check: the best tenth, at least five, of at least fifteen.
_LEAST_GOOD, _SHARE_GOOD, _LEAST_FEASIBLE = 5, 0.1, 15
# Probability of any false alarm in a comparison; shared among all edges that are looked at, of
# which six rules have about fifty (the boundary check looks at one at a time, at 0.01 each).
_FALSE_ALARM = 0.05


def crowded_edge(evidence: Evidence) -> Iterator[Finding]:
    """Finds edges at which more good trials lie than if good trials lay anywhere."""
    looked_at = [
        (entry, name, dimension)
        for entry in evidence.entries
        if entry.num_feasible >= _LEAST_FEASIBLE
        for name, dimension in entry.dimensions.items()
        if name in entry.values and not isinstance(dimension, Fixed)
    ]
    for entry, name, dimension in looked_at:
        good = _good_values(entry, name)
        if isinstance(dimension, Choice) and len(dimension.values) == 1:
            continue
        where = position(dimension, good)
        # Of a choice only its last value is near; its share of all trials is 1 in the number.
        near = 0.0 if isinstance(dimension, Choice) else OUTER
        share = 1 / len(dimension.values) if isinstance(dimension, Choice) else OUTER
        for edge, count in (
            ("low", int((where <= near).sum())),
            ("high", int((where >= 1 - near).sum())),
        ):
            chance = float(binom.sf(count - 1, len(good), share))
            if chance * 2 * len(looked_at) < _FALSE_ALARM and not _at_limit(name, dimension, edge):
                yield Finding(
                    severity="warning",
                    subject=f"{evidence.workload}: {entry.title}, {name}",
                    title=f"best trials crowd the {edge} edge of the search space",
                    evidence=f"{count} of the {len(good)} best trials lie in the outermost "
                    f"{100 * share:.0f} % of the range ({chance:.1g} by chance); the best has "
                    f"{name} = {entry.winning_values[name]:.3g}",
                    next_step=f"move the {edge} edge outwards and run the study again "
                    "(tfoptcmp-report suggests a range for --space_file)",
                )


def _good_values(entry: Entry, name: str) -> list[float]:
    count = max(_LEAST_GOOD, math.ceil(_SHARE_GOOD * entry.num_feasible))
    best = entry.feasible.sort_values("validation", kind="stable").head(count)
    return [float(value) for value in entry.values.loc[best.index, name].dropna()]


def _at_limit(name: str, dimension: Dimension, edge: str) -> bool:
    """Whether nothing is allowed beyond the edge, as beyond momentum 0."""
    if isinstance(dimension, Choice | Fixed) or name not in HYPERPARAMETERS:
        return False
    allowed = HYPERPARAMETERS[name]
    return bool(dimension.low <= allowed.low if edge == "low" else dimension.high >= allowed.high)
