import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import tuning_curves_figure
from tfoptcmp.analysis.statistics.best_of_k import budget_curve
from tfoptcmp.rules import RULES


def test_tuning_curves_are_exact(six_rules):
    (comparison,) = read_comparisons(six_rules)
    axes = tuning_curves_figure(comparison, "validation").axes[0]
    errors = comparison.contestants[0].feasible["validation_metric"]
    curve = budget_curve(errors, errors)
    solid = next(line for line in axes.lines if line.get_color() == RULES["sgd"].look.colour)
    assert list(solid.get_ydata()) == pytest.approx(list(100 * curve.mean[:5]))  # k <= N/2
