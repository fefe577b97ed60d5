"""The figures of a report, the most important first; a new one needs a line here."""

from tfoptcmp.analysis.figures.boundaries import BOUNDARIES
from tfoptcmp.analysis.figures.forest import FOREST
from tfoptcmp.analysis.figures.importance import IMPORTANCE
from tfoptcmp.analysis.figures.inclusions import INCLUSIONS
from tfoptcmp.analysis.figures.infeasible import INFEASIBLE
from tfoptcmp.analysis.figures.parallel import PARALLEL
from tfoptcmp.analysis.figures.report_figure import ReportFigure
from tfoptcmp.analysis.figures.results import RESULTS, TRAINING_LOSS
from tfoptcmp.analysis.figures.rounds import ROUNDS
from tfoptcmp.analysis.figures.steps import OTHER_TARGETS, STEPS
from tfoptcmp.analysis.figures.training import TRAINING
from tfoptcmp.analysis.figures.tuning import TUNING

FIGURES: tuple[ReportFigure, ...] = (
    FOREST,
    RESULTS,
    STEPS,
    OTHER_TARGETS,
    TRAINING_LOSS,
    INCLUSIONS,
    TUNING,
    TRAINING,
    IMPORTANCE,
    ROUNDS,
    BOUNDARIES,
    PARALLEL,
    INFEASIBLE,
)
