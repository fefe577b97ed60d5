"""A figure of a report, and what figures may need from a comparison.

A need is a function of a comparison that returns what is missing, "" if nothing is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison

Need = Callable[[Comparison], str]
Section = Literal[
    "answer", "results", "inclusions", "tuning", "importance", "lineage", "spaces", "trials"
]


@dataclass(frozen=True, kw_only=True)
class ReportFigure:
    """A figure of one comparison.

    Attributes:
        name: Its name in file names.
        caption: What it shows, in a sentence that names the {workload}.
        draw: Draws it.
        needs: What it needs to be drawn.
        section: The part of the report that it belongs to.
        told_if_missing: Whether a report without it says why: something could have been reported
            or measured.
    """

    name: str
    caption: str
    draw: Callable[[Comparison], Figure]
    needs: Need
    section: Section
    told_if_missing: bool = True

    def caption_of(self, comparison: Comparison) -> str:
        """Returns the caption below the figure of a comparison."""
        return self.caption.format(workload=comparison.workload)


def feasible_trials(comparison: Comparison) -> str:
    """A trial that did not diverge."""
    return "" if comparison.num_trials else "no optimizer has a feasible trial"


def measurements(comparison: Comparison) -> str:
    """Measurements during training."""
    return feasible_trials(comparison) or (
        ""
        if any(len(one.measurements) for one in comparison.contestants)
        else "there are no measurements during training"
    )


def searched(comparison: Comparison) -> str:
    """A hyperparameter with a range and values."""
    return feasible_trials(comparison) or (
        ""
        if any(one.free for one in comparison.contestants)
        else "no hyperparameter is reported with its values and the range that was searched"
    )


def refined(comparison: Comparison) -> str:
    """A search space that was narrowed in rounds."""
    return "" if comparison.is_refined else "no search space was narrowed in rounds"
