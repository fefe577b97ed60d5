"""Selection on the test metric: then the test result is not a test."""

from collections.abc import Iterator

import numpy as np

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.evidence import Entry, Evidence

# So many trials do not agree in two metrics on different data by chance.
_FEWEST = 5


def selected_on_test(evidence: Evidence) -> Iterator[Finding]:
    """Finds comparisons whose trials were selected by the metric that is reported."""
    if evidence.selected_by == "test":
        yield _finding(
            evidence, "no validation metric is reported: only the test metric can select"
        )
        return
    same = [entry.title for entry in evidence.entries if _equal(entry)]
    if same:
        shown = "validation and test metric are equal in every trial of " + ", ".join(same)
        yield _finding(evidence, shown)
    for entry in evidence.entries:
        if "selected" not in entry.trials or not entry.feasible["selected"].any():
            continue
        chosen = entry.feasible[entry.feasible["selected"]].iloc[0]
        best_test = entry.feasible["test"].min()
        best_validation = entry.feasible["validation"].min()
        if chosen["test"] == best_test and chosen["validation"] > best_validation:
            yield _finding(
                evidence,
                f"trial {chosen['trial']} of {entry.title} has the best test metric "
                f"{evidence.amount(best_test)} and not the best validation metric: "
                f"{evidence.amount(chosen['validation'])}, not "
                f"{evidence.amount(best_validation)}",
            )


def _equal(entry: Entry) -> bool:
    both = entry.feasible[["validation", "test"]].dropna()
    distinct = both["validation"].nunique()
    return distinct >= _FEWEST and bool(np.array_equal(both["validation"], both["test"]))


def _finding(evidence: Evidence, shown: str) -> Finding:
    return Finding(
        severity="error",
        subject=evidence.workload,
        title="selected on the test metric",
        evidence=shown,
        next_step="hold out a validation set, select by its metric, report the test metric of the "
        "selected trial",
    )
