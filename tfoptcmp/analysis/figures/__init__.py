"""Figures, from comparisons to matplotlib objects; no pyplot, so no display and no global state.

`<what>_figure` makes a whole figure with its header: workload, scale, N, K and warnings.
`draw_<what>` draws into your own axes:

    from pathlib import Path

    from matplotlib.figure import Figure

    from tfoptcmp.analysis import read_comparisons
    from tfoptcmp.analysis.figures import draw_statistic, draw_steps, results_figure, save

    comparisons = read_comparisons("runs/mine")  # one for each workload and budget
    save(results_figure(comparisons), Path("results"), formats=("png", "pdf"))

    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_statistic(left, comparisons[0], "test")
    draw_steps(right, comparisons[0], target=0.1)  # an error of 10 %
    save(figure, Path("mine"))
"""

from tfoptcmp.analysis.figures.boundaries import boundaries_figure as boundaries_figure
from tfoptcmp.analysis.figures.boundaries import draw_hyperparameters as draw_hyperparameters
from tfoptcmp.analysis.figures.files import Format as Format
from tfoptcmp.analysis.figures.files import save as save
from tfoptcmp.analysis.figures.forest import draw_forest as draw_forest
from tfoptcmp.analysis.figures.forest import forest_figure as forest_figure
from tfoptcmp.analysis.figures.importance import importance_figure as importance_figure
from tfoptcmp.analysis.figures.inclusions import draw_differences as draw_differences
from tfoptcmp.analysis.figures.inclusions import inclusions_figure as inclusions_figure
from tfoptcmp.analysis.figures.infeasible import draw_infeasible as draw_infeasible
from tfoptcmp.analysis.figures.infeasible import infeasible_figure as infeasible_figure
from tfoptcmp.analysis.figures.parallel import draw_parallel as draw_parallel
from tfoptcmp.analysis.figures.parallel import parallel_figure as parallel_figure
from tfoptcmp.analysis.figures.profiles import draw_profiles as draw_profiles
from tfoptcmp.analysis.figures.profiles import profiles_figure as profiles_figure
from tfoptcmp.analysis.figures.protocols import protocols_figure as protocols_figure
from tfoptcmp.analysis.figures.report_order import FIGURES as FIGURES
from tfoptcmp.analysis.figures.results import draw_statistic as draw_statistic
from tfoptcmp.analysis.figures.results import results_figure as results_figure
from tfoptcmp.analysis.figures.results import training_loss_figure as training_loss_figure
from tfoptcmp.analysis.figures.rounds import draw_rounds as draw_rounds
from tfoptcmp.analysis.figures.rounds import rounds_figure as rounds_figure
from tfoptcmp.analysis.figures.steps import draw_steps as draw_steps
from tfoptcmp.analysis.figures.steps import other_targets_figure as other_targets_figure
from tfoptcmp.analysis.figures.steps import reached_targets as reached_targets
from tfoptcmp.analysis.figures.steps import steps_figure as steps_figure
from tfoptcmp.analysis.figures.style import house_style as house_style
from tfoptcmp.analysis.figures.training import draw_training_curves as draw_training_curves
from tfoptcmp.analysis.figures.training import training_curves_figure as training_curves_figure
from tfoptcmp.analysis.figures.tuning import draw_tuning_curves as draw_tuning_curves
from tfoptcmp.analysis.figures.tuning import tuning_curves_figure as tuning_curves_figure
