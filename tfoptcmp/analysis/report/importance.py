"""What a report says on which hyperparameters matter, as a table."""

from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.importance import (
    LEAST_EXPLAINED,
    LEAST_TO_FIT,
    Importances,
    can_tell,
    importances_in,
)
from tfoptcmp.analysis.report.tables import Cells

QUESTION = "Which hyperparameters matter?"

HOW_TO_READ = (
    "Functional ANOVA by a random forest: the share of the differences between the results in the "
    "search space that a hyperparameter explains alone, averaged over all others, with its 90 % "
    "interval over resampled trials. What none explains alone is due to interactions: then the "
    "best value of one depends on the others, and to tune one after the other would miss it. All "
    f"of this holds for the space that was searched. Where a forest foretells less than "
    f"{LEAST_EXPLAINED:.0%} of the differences between trials that it did not see, nothing is said."
)


def _found(comparison: Comparison) -> list[tuple[Contestant, Importances | None]]:
    """Every optimizer and what is known of it; none if nothing can be said of any."""
    if not can_tell(comparison):
        return []
    return [(one, importances_in(comparison, one)) for one in comparison.contestants]


def importance_json(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Returns each optimizer's as `docs/files.md` says; those of which nothing is known are out."""
    return {
        one.name: {
            "explained": found.explained,
            "believable": found.is_believable,
            "each": {e.name: {"share": e.share, "low": e.low, "high": e.high} for e in found.each},
            "interactions": found.interactions,
            "best_pair": list(found.pair.names) if found.pair else None,
        }
        for one, found in _found(comparison)
        if found is not None
    }


def importance_cells(comparison: Comparison) -> Cells:
    """Returns the table, one optimizer per row; only the heading if nothing can be said."""
    heading = ["optimizer", "explains most alone", "by interactions", "best pair", "foretold"]
    rows: list[list[str]] = []
    for one, found in _found(comparison):
        if found is None:
            rows.append([one.title, f"fewer than {LEAST_TO_FIT} trials", "-", "-", "-"])
            continue
        explained = f"{found.explained:.0%}"
        if not found.is_believable:
            rows.append([one.title, "nothing can be told", "-", "-", explained])
            continue
        most = ", ".join(
            f"{each.name} {each.share:.0%} [{100 * each.low:.0f}, {100 * each.high:.0f}]"
            for each in found.each[:2]
        )
        pair = "-"
        if found.pair:
            pair = f"{' with '.join(found.pair.names)}: {found.pair.share:.0%}"
        rows.append([one.title, most, f"{found.interactions:.0%}", pair, explained])
    return [heading, *rows]
