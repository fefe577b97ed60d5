"""Selection on the test metric: then the test result is not a test."""

from collections.abc import Iterator

import numpy as np

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant

# In this many trials, metrics on different data are not all equal by chance.
_FEWEST = 5


def selected_on_test(comparison: Comparison) -> Iterator[Finding]:
    """Finds comparisons whose trials were selected by the metric that is reported."""
    if not comparison.num_trials:
        return
    if comparison.selected_by == "test":
        yield _finding(
            comparison, "no validation metric is reported: only the test metric can select"
        )
        return
    same = [one.title for one in comparison.contestants if _equal(one)]
    if same:
        shown = "validation and test metric are equal in every trial of " + ", ".join(same)
        yield _finding(comparison, shown)
    metric = comparison.metric
    for one in comparison.contestants:
        for _, chosen in one.feasible[one.feasible["selected"]].head(1).iterrows():
            best_test = one.feasible["test_metric"].min()
            best_validation = one.feasible["validation_metric"].min()
            if chosen["test_metric"] == best_test and chosen["validation_metric"] > best_validation:
                yield _finding(
                    comparison,
                    f"trial {chosen['trial']:g} of {one.title} has the best test metric "
                    f"{metric.text(best_test)} and not the best validation metric: "
                    f"{metric.text(chosen['validation_metric'])}, not "
                    f"{metric.text(best_validation)}",
                )


def _equal(one: Contestant) -> bool:
    both = one.feasible[["validation_metric", "test_metric"]].dropna()
    validation, test = both["validation_metric"], both["test_metric"]
    return bool(np.array_equal(validation, test)) and validation.nunique() >= _FEWEST


def _finding(comparison: Comparison, shown: str) -> Finding:
    return Finding(
        severity="error",
        subject=comparison.workload,
        title="selected on the test metric",
        evidence=shown,
        next_step="hold out a validation set, select by its metric, report the test metric of the "
        "selected trial",
    )


CHECKS = (selected_on_test,)
