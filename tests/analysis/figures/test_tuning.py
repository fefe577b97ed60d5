import numpy as np
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


def test_how_sure_the_mean_is_is_not_what_one_practitioner_gets(six_rules):
    (comparison,) = read_comparisons(six_rules)
    light, dark = tuning_curves_figure(comparison, "validation").axes[0].collections
    spread, interval = (band.get_paths()[0].vertices for band in (light, dark))
    assert max(spread[:, 0]) == 5  # N/2
    assert max(interval[:, 0]) == 2  # N/5
    at_2 = {kind: band[band[:, 0] == 2][:, 1] for kind, band in (("l", spread), ("d", interval))}
    assert min(at_2["l"]) < min(at_2["d"]) < max(at_2["d"]) < max(at_2["l"])


def test_of_many_trials_some_k_are_drawn_and_half_of_them_stands_where_it_did(tmp_path):
    errors = np.random.default_rng(0).uniform(0.1, 0.9, 1000)
    table = tmp_path / "t.csv"
    table.write_text("optimizer,validation\n" + "".join(f"sgd,{e}\n" for e in errors))
    (comparison,) = read_comparisons(table)
    axes = tuning_curves_figure(comparison, "validation").axes[0]
    lines = [line for line in axes.lines if line.get_color() == RULES["sgd"].look.colour]
    drawn, beyond = (line.get_xdata().astype(int) for line in lines)
    assert (drawn[0], drawn[-1], beyond[0], beyond[-1]) == (1, 500, 500, 1000)
    assert len(drawn) + len(beyond) < 500
    curve = budget_curve(errors, errors)
    expected = comparison.metric.scale * curve.mean[drawn - 1]
    assert list(lines[0].get_ydata()) == pytest.approx(list(expected))
