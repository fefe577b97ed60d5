"""Figures, from comparisons to matplotlib objects; no pyplot, so no display and no global state."""

from tfoptcmp.analysis.figures.boundaries import boundaries_figure as boundaries_figure
from tfoptcmp.analysis.figures.files import Format as Format
from tfoptcmp.analysis.figures.files import save as save
from tfoptcmp.analysis.figures.inclusions import inclusions_figure as inclusions_figure
from tfoptcmp.analysis.figures.infeasible import infeasible_figure as infeasible_figure
from tfoptcmp.analysis.figures.parallel import parallel_figure as parallel_figure
from tfoptcmp.analysis.figures.protocols import protocols_figure as protocols_figure
from tfoptcmp.analysis.figures.results import results_figure as results_figure
from tfoptcmp.analysis.figures.results import training_loss_figure as training_loss_figure
from tfoptcmp.analysis.figures.steps import other_targets_figure as other_targets_figure
from tfoptcmp.analysis.figures.steps import reached_targets as reached_targets
from tfoptcmp.analysis.figures.steps import steps_figure as steps_figure
from tfoptcmp.analysis.figures.training import training_curves_figure as training_curves_figure
from tfoptcmp.analysis.figures.tuning import tuning_curves_figure as tuning_curves_figure
