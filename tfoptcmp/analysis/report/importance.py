"""What a report says on which hyperparameters matter, as a table."""

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.ranges.importance import LEAST_EXPLAINED, LEAST_TRIALS, can_tell, importances
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


def importance_cells(comparison: Comparison) -> Cells:
    """Returns the table, one optimizer per row; only the heading if nothing can be said."""
    heading = ["optimizer", "explains most alone", "by interactions", "best pair", "foretold"]
    rows: list[list[str]] = []
    if not can_tell(comparison.contestants, comparison.metric.cap):
        return [heading]
    for one in comparison.contestants:
        found = importances(one, comparison.metric.cap)
        if found is None:
            rows.append([one.title, f"fewer than {LEAST_TRIALS} trials", "-", "-", "-"])
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
