import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.statistics.curves import budgets_up_to, inclusion_curves, verdict_curve
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.verdicts import Verdict, all_pairs, inclusion_verdicts


def test_budgets_end_with_the_largest_and_have_those_asked_for():
    assert budgets_up_to(4) == [1, 2, 3, 4]
    assert budgets_up_to(20, 11, 30) == [1, 2, 3, 5, 7, 10, 11, 14, 20]
    assert budgets_up_to(0, 2) == []


@pytest.mark.parametrize("statistic", STATISTICS)
def test_curve_has_the_verdict_of_every_k(six_rules, statistic):
    (comparison,) = read_comparisons(six_rules)
    special, general = comparison.contestants[0], comparison.contestants[4]
    points = verdict_curve(comparison, special, general, statistic)
    assert [p.tuning_budget for p in points] == [1, 2]  # up to N/5
    for point in points:
        (asked,) = read_comparisons(six_rules, point.tuning_budget)
        names = (special.name, general.name)
        pairs = all_pairs(asked, statistic)
        j = next(j for j in pairs if (j.special.name, j.general.name) == names)
        assert (point.low, point.difference, point.high) == (j.low, j.difference, j.high)
        assert point.delta == j.delta
        assert point.superiority == pytest.approx(j.superiority)
        assert point.verdict is j.verdict


def test_verdict_can_change_with_the_budget(tmp_path, make_signature, write_study):
    # SGD is good at once; Momentum is bad in half of its trials and as good in the others.
    write_study(tmp_path, make_signature("sgd"), [0.1] * 60)
    write_study(tmp_path, make_signature("momentum"), [0.1, 0.5] * 30)
    (comparison,) = read_comparisons(tmp_path)
    points = verdict_curve(comparison, *comparison.contestants, "test")
    # By hand: D = 0.4 / 2^K.
    assert [p.difference for p in points] == pytest.approx(
        [0.4 / 2**p.tuning_budget for p in points]
    )
    assert points[0].verdict is Verdict.VIOLATED
    assert points[-1].verdict is Verdict.EQUIVALENT  # K = 12


def test_curves_of_the_pairs_that_were_judged(six_rules, tmp_path, make_signature, write_study):
    (comparison,) = read_comparisons(six_rules)
    curves = inclusion_curves(comparison, "test")
    assert [(a, b) for a, b, _ in curves] == inclusion_verdicts(comparison).pairs
    for rule in ("sgd", "momentum"):
        write_study(tmp_path / "one", make_signature(rule), [0.1] * 4)
    (single,) = read_comparisons(tmp_path / "one")  # K = 1 is more than a fifth of four trials
    assert inclusion_curves(single, "test") == []
