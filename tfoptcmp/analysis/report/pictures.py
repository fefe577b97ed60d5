"""Which figures a report has of a comparison, in which order, and what is said below them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from tfoptcmp.analysis import figures
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.curves import CurvePoint, verdict_curve
from tfoptcmp.analysis.statistics.quantities import measured
from tfoptcmp.analysis.statistics.verdicts import Verdicts

Curve = tuple[StudyResults, StudyResults, list[CurvePoint]]

# Wider figures scroll sideways on small screens; below this much of the page's unit an inch their
# text is too small to read. 14.4 inches, the widest, fill a desktop's page.
_WIDE_INCHES = 6.5
_REM_AN_INCH = 4.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One figure of a report.

    Attributes:
        name: What it is called in file names.
        description: What it shows, in a sentence.
        figure: The figure.
    """

    name: str
    description: str
    figure: Figure

    @property
    def min_width_rem(self) -> float:
        """The width that it needs to be readable, 0 if that of a phone will do."""
        inches = float(self.figure.get_size_inches()[0])
        return round(_REM_AN_INCH * inches, 1) if inches > _WIDE_INCHES else 0.0


def main_statistic(comparison: Comparison) -> str:
    """Returns "test" if a study has test results, else "validation"."""
    return "test" if any(measured(s, "test") for s in comparison.studies) else "validation"


def inclusion_curves(comparison: Comparison, verdicts: Verdicts) -> list[Curve]:
    """Returns the verdict curves of the main statistic; pairs with too few trials are left out."""
    statistic = main_statistic(comparison)
    pairs = [
        (special, general)
        for special, general in verdicts.pairs
        if measured(special, statistic) and measured(general, statistic)
    ]
    curves = [(a, b, verdict_curve(a, b, statistic)) for a, b in pairs]
    return [curve for curve in curves if curve[2]]


def pictures(comparison: Comparison, curves: Sequence[Curve]) -> Iterator[Picture]:
    """Yields the figures of a comparison, the most important first.

    Args:
        comparison: What is shown.
        curves: As `inclusion_curves` returns them.
    """
    of = f"of {comparison.workload}"
    yield Picture(
        name="results",
        description=f"Final validation and test results {of} after tuning with K trials.",
        figure=figures.results_figure([comparison]),
    )
    if not comparison.num_trials:
        return
    if comparison.config.budget["target"] is not None:
        yield Picture(
            name="steps",
            description=f"Training steps to the target {of}.",
            figure=figures.steps_figure([comparison]),
        )
    if figures.reached_targets(comparison):
        yield Picture(
            name="other_targets",
            description=f"Training steps {of} to where the worst, the middle and the best "
            "optimizer end.",
            figure=figures.other_targets_figure([comparison]),
        )
    yield Picture(
        name="training_loss",
        description=f"Final training loss {of}, trials selected by it.",
        figure=figures.training_loss_figure([comparison]),
    )
    if curves:
        yield Picture(
            name="inclusions",
            description=f"Is a general rule no worse than its special cases? {of[3:]}, at every "
            "tuning budget.",
            figure=figures.inclusions_figure(comparison, main_statistic(comparison), curves),
        )
    yield Picture(
        name="tuning",
        description=f"Results {of} against the number of trials spent on tuning.",
        figure=figures.tuning_curves_figure(comparison),
    )
    yield Picture(
        name="training",
        description=f"Training curves {of}: each optimizer's best trial and its good ones.",
        figure=figures.training_curves_figure(comparison),
    )
    yield Picture(
        name="boundaries",
        description=f"Results {of} against each hyperparameter, with the edges of the space.",
        figure=figures.boundaries_figure(comparison),
    )
    yield Picture(
        name="parallel",
        description=f"All feasible trials {of}: hyperparameters and result.",
        figure=figures.parallel_figure(comparison),
    )
    yield Picture(
        name="infeasible",
        description=f"The share of trials {of} that diverged.",
        figure=figures.infeasible_figure(comparison),
    )
