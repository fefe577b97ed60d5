import numpy as np
import pytest

from tfoptcmp.analysis.comparison import compare
from tfoptcmp.analysis.figures import inclusions_figure
from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.curves import verdict_curve
from tfoptcmp.analysis.statistics.best_of_k import difference, superiority
from tfoptcmp.analysis.statistics.quantities import STATISTICS, selection_and_values
from tfoptcmp.analysis.statistics.verdicts import Verdict, inclusion_verdicts, judge, tolerance


@pytest.mark.parametrize("statistic", STATISTICS)
def test_curve_is_the_verdict_at_every_k(six_rules, statistic):
    (comparison,) = compare(six_rules)
    special, general = comparison.studies[0], comparison.studies[4]
    points = verdict_curve(special, general, statistic)
    assert [p.tuning_budget for p in points] == [1, 2, 3, 4, 5]  # up to N/2
    for point in points:
        k = point.tuning_budget
        a, b = (best_of(*selection_and_values(s, statistic), k) for s in (special, general))
        d, delta = difference(b, a), tolerance(special, statistic, a.mean())
        assert (point.low, point.high) == (d.percentile(5), d.percentile(95))
        assert point.median == d.percentile(50)
        assert point.delta == pytest.approx(delta)
        assert point.superiority == pytest.approx(superiority(d))
        assert point.verdict is judge(d, delta)


def test_at_the_comparisons_budget_it_is_the_comparisons_verdict(six_rules):
    (comparison,) = compare(six_rules, tuning_budget=3)
    for j in inclusion_verdicts(comparison).judgements:
        point = verdict_curve(j.special, j.general, j.statistic)[2]
        assert point.verdict is j.verdict
        assert point.superiority == pytest.approx(j.superiority)


def test_verdict_can_change_with_the_budget(tmp_path, make_signature, write_study):
    # SGD is good at once; Momentum is bad in half of its trials and as good in the others.
    write_study(tmp_path, make_signature("sgd"), [0.1] * 40)
    write_study(tmp_path, make_signature("momentum"), [0.1, 0.5] * 20)
    special, general = compare(tmp_path)[0].studies
    verdicts = [p.verdict for p in verdict_curve(special, general, "test")[:6]]
    # By hand: the 95th percentile of D is 0 from (1/2)^K <= 0.05 on, that is K = 5.
    assert verdicts == [Verdict.UNDETERMINED] * 4 + [Verdict.CONSISTENT] * 2


def test_figure_shows_every_pair(six_rules):
    (comparison,) = compare(six_rules)
    pairs = inclusion_verdicts(comparison).pairs
    curves = [(a, b, verdict_curve(a, b, "test")) for a, b in pairs]
    figure = inclusions_figure(comparison, "test", curves)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [f"{a.title}\n<= {b.title}" for a, b in pairs]
    first = figure.axes[0]
    median = next(line for line in first.lines if line.get_linewidth() == 1.4)
    np.testing.assert_allclose(median.get_ydata(), [100 * p.median for p in curves[0][2]])
    with pytest.raises(ValueError, match="at least two trials each"):
        inclusions_figure(comparison, "test", [])
