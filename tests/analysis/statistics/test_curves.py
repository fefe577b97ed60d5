import pytest

from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics.best_of_k import best_of, difference, superiority
from tfoptcmp.analysis.statistics.curves import inclusion_curves, verdict_curve
from tfoptcmp.analysis.statistics.quantities import STATISTICS, selection_and_values
from tfoptcmp.analysis.statistics.verdicts import (
    Verdict,
    inclusion_verdicts,
    interval,
    tolerance_of,
    verdict_of,
)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_curve_is_the_verdict_at_every_k(six_rules, statistic):
    (comparison,) = read_comparisons(six_rules)
    special, general = comparison.contestants[0], comparison.contestants[4]
    points = verdict_curve(comparison, special, general, statistic)
    assert [p.tuning_budget for p in points] == [1, 2, 3, 4, 5]  # up to N/2
    for point in points:
        k = point.tuning_budget
        a, b = (best_of(*selection_and_values(s, statistic), k) for s in (special, general))
        d, delta = difference(b, a), tolerance_of(comparison, statistic, a.mean())
        assert (point.low, point.high) == (d.percentile(5), d.percentile(95))
        assert point.median == d.percentile(50)
        assert point.delta == pytest.approx(delta)
        assert point.superiority == pytest.approx(superiority(d))
        assert point.verdict is verdict_of(*interval(d), delta)


def test_at_the_comparisons_budget_it_is_the_comparisons_verdict(six_rules):
    (comparison,) = read_comparisons(six_rules, tuning_budget=3)
    for j in inclusion_verdicts(comparison).judgements:
        point = verdict_curve(comparison, j.special, j.general, j.statistic)[2]
        assert point.verdict is j.verdict
        assert point.superiority == pytest.approx(j.superiority)


def test_verdict_can_change_with_the_budget(tmp_path, make_signature, write_study):
    # SGD is good at once; Momentum is bad in half of its trials and as good in the others.
    write_study(tmp_path, make_signature("sgd"), [0.1] * 40)
    write_study(tmp_path, make_signature("momentum"), [0.1, 0.5] * 20)
    (comparison,) = read_comparisons(tmp_path)
    points = verdict_curve(comparison, *comparison.contestants, "test")
    verdicts = [point.verdict for point in points[:6]]
    # By hand: the 95th percentile of D is 0 from (1/2)^K <= 0.05 on, that is K = 5.
    assert verdicts == [Verdict.UNDETERMINED] * 4 + [Verdict.CONSISTENT] * 2


def test_curves_of_the_pairs_that_were_judged(six_rules, tmp_path, make_signature, write_study):
    (comparison,) = read_comparisons(six_rules)
    curves = inclusion_curves(comparison, "test")
    assert [(a, b) for a, b, _ in curves] == inclusion_verdicts(comparison).pairs
    for rule in ("sgd", "momentum"):
        write_study(tmp_path / "one", make_signature(rule), [0.1])
    (single,) = read_comparisons(tmp_path / "one")  # K = 1 is more than half of one trial
    assert inclusion_curves(single, "test") == []
