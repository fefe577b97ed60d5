import math

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.analysis.statistics.best_of_k import (
    best_of,
    difference,
    distribution,
)
from tfoptcmp.analysis.statistics.pairs import why_not_included
from tfoptcmp.analysis.statistics.verdicts import (
    Judgement,
    Verdict,
    inclusion_verdicts,
    interval,
    is_better,
    verdict_of,
)
from tfoptcmp.metrics import CLASSIFICATION_ERROR, LOSS_TOLERANCE
from tfoptcmp.spaces import Choice, Fixed, LogUniform
from tfoptcmp.study.schema import StudyError

# All pairs of PAPER section 1's transitive closure.
CLOSURE = {
    ("sgd", "momentum"),
    ("sgd", "nesterov"),
    ("sgd", "rmsprop"),
    ("sgd", "adam"),
    ("sgd", "nadam"),
    ("momentum", "rmsprop"),
    ("momentum", "adam"),
    ("nesterov", "nadam"),
}


@pytest.mark.parametrize(
    ("values", "probabilities", "verdict"),
    [
        ([0.2, 0.3], [0.5, 0.5], Verdict.VIOLATED),
        ([0.1, 0.3], [0.04, 0.96], Verdict.VIOLATED),  # delta itself has less than 5 %
        ([0.1, 0.3], [0.06, 0.94], Verdict.UNDETERMINED),  # 5th percentile = delta: not above
        ([-0.5, 0.1], [0.5, 0.5], Verdict.CONSISTENT),  # 95th percentile = delta: at most
        ([-0.5, 0.3], [0.96, 0.04], Verdict.CONSISTENT),
        ([-0.5, 0.3], [0.94, 0.06], Verdict.UNDETERMINED),
        ([0.0], [1.0], Verdict.CONSISTENT),
        ([0.1, math.inf], [0.04, 0.96], Verdict.VIOLATED),
        ([-math.inf, math.inf], [0.5, 0.5], Verdict.UNDETERMINED),
    ],
)
def test_rule_by_hand(values, probabilities, verdict):
    assert judge(distribution(values, probabilities), 0.1) is verdict


@pytest.mark.parametrize(
    ("values", "probabilities", "better"),
    [
        ([-0.1, 0.1], [0.95, 0.05], True),
        ([-0.1, 0.1], [0.94, 0.06], False),
        ([-0.1, 0.0], [0.94, 0.06], False),  # no difference is no advantage
        ([-math.inf, -0.1], [0.5, 0.5], True),
    ],
)
def test_a_claim_by_hand(values, probabilities, better):
    assert is_better(distribution(values, probabilities)) is better


def judge(d, delta):
    return verdict_of(*interval(d), delta)


def study(rng, shift=0.0):
    """N = 50 trials: validation and test error of a log-normal search."""
    validation = rng.lognormal(-2, 0.7, 50) + shift
    return validation, validation + rng.normal(0, 0.01, 50)


def test_equal_optimizers_are_rarely_called_different_and_worse_ones_mostly():
    rng = np.random.default_rng(0)
    best = []
    for _ in range(2000):
        validation, test = study(rng)
        chosen = rng.integers(50, size=10)
        best.append(test[chosen[np.argmin(validation[chosen])]])
    standard_error = np.std(best)  # of the test error of the best of ten
    false_alarms = found = 0
    for _ in range(1000):
        special = best_of(*study(rng), 10)
        equal, worse = best_of(*study(rng), 10), best_of(*study(rng, 3 * standard_error), 10)
        false_alarms += judge(difference(equal, special), 0.0) is Verdict.VIOLATED
        found += judge(difference(worse, special), 0.0) is Verdict.VIOLATED
    assert false_alarms < 10
    assert found > 500


@pytest.mark.parametrize(
    ("tuning_budget", "num_trials", "rate"),
    [(3, 10, 0.01), (4, 10, 0.05), (5, 10, 0.05), (30, 100, 0.01), (31, 100, 0.05)],
)
def test_false_alarms_are_rare_up_to_three_tenths_of_the_trials(tuning_budget, num_trials, rate):
    judgement = Judgement(
        special=None,
        general=None,
        statistic="test",
        metric=CLASSIFICATION_ERROR,
        verdict=Verdict.CONSISTENT,
        difference=distribution([0.0], [1.0]),
        delta=0.0,
        tuning_budget=tuning_budget,
        num_trials=num_trials,
    )
    assert judgement.false_alarm_rate == rate


def test_pairs_are_the_closure(six_rules):
    (comparison,) = read_comparisons(six_rules)
    verdicts = inclusion_verdicts(comparison)
    assert {(a.name, b.name) for a, b in verdicts.pairs} == CLOSURE
    assert len(verdicts.judgements) == 4 * len(CLOSURE)
    assert verdicts.untested == ()
    # Theory: N = 10, K = 2 is the paper's ratio.
    assert verdicts.expected_false_alarms == pytest.approx(0.01 * 4 * 8)


def test_violated_and_consistent_on_constructed_studies(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.10 + i / 1000 for i in range(10)])
    write_study(tmp_path, make_signature("momentum"), [0.30 + i / 1000 for i in range(10)])
    write_study(tmp_path, make_signature("nesterov"), [0.05 + i / 1000 for i in range(10)])
    (comparison,) = read_comparisons(tmp_path)
    sgd, momentum, nesterov = comparison.contestants
    verdicts = inclusion_verdicts(comparison)
    assert {j.statistic: j.verdict for j in verdicts.of(sgd, momentum)} == {
        "validation": Verdict.VIOLATED,
        "test": Verdict.VIOLATED,
        "train_loss": Verdict.VIOLATED,
        "steps_to_target": Verdict.VIOLATED,  # never reached 0.25, SGD always
    }
    assert {j.verdict for j in verdicts.of(sgd, nesterov)} == {Verdict.CONSISTENT}
    assert verdicts.of(momentum, nesterov) == []
    test = verdicts.of(sgd, momentum)[1]
    assert test.superiority == 0.0
    p = best_of(range(10), [0.10 + i / 1000 for i in range(10)], 2).mean()
    assert test.delta == pytest.approx(math.sqrt(p * (1 - p) / 270))  # theory
    loss, steps = verdicts.of(sgd, momentum)[2:]
    assert loss.delta == LOSS_TOLERANCE
    assert steps.delta == 25  # one measurement interval


def test_target_that_nobody_reaches_gives_no_statement(tmp_path, make_signature, write_study):
    for rule in ("sgd", "momentum"):
        write_study(tmp_path, make_signature(rule), [0.5, 0.6, 0.7, 0.8, 0.9])
    verdicts = inclusion_verdicts(*read_comparisons(tmp_path))
    assert [j.statistic for j in verdicts.judgements] == ["validation", "test", "train_loss"]


def test_without_test_split_or_target(tmp_path, make_signature, write_study):
    for rule in ("sgd", "momentum"):
        write_study(
            tmp_path,
            make_signature(rule),
            [0.1, 0.2, 0.3, 0.4],
            num_examples={"train": 1000, "validation": 100},
            budget={"target": None},
        )
    verdicts = inclusion_verdicts(*read_comparisons(tmp_path))
    assert [j.statistic for j in verdicts.judgements] == ["validation", "train_loss"]


def test_more_than_half_of_the_trials_is_descriptive_only(six_rules):
    (comparison,) = compare_studies(six_rules, tuning_budget=6)
    verdicts = inclusion_verdicts(comparison)
    assert {j.verdict for j in verdicts.judgements} == {Verdict.DESCRIPTIVE_ONLY}
    assert verdicts.tested == []
    assert verdicts.expected_false_alarms == 0
    assert any("DESCRIPTIVE ONLY" in warning for warning in comparison.warnings)
    (comparison,) = compare_studies(six_rules, tuning_budget=5)
    assert len(inclusion_verdicts(comparison).tested) == 32


def test_false_alarms_are_rarer_up_to_three_tenths_of_the_trials(six_rules):
    rates = {}
    for k in (3, 4):
        (comparison,) = read_comparisons(six_rules, tuning_budget=k)
        rates[k] = {j.false_alarm_rate for j in inclusion_verdicts(comparison).judgements}
    assert rates == {3: {0.01}, 4: {0.05}}  # N = 10


def test_metric_in_nats_has_the_losses_tolerance(tmp_path, make_signature, write_study):
    for rule in ("sgd", "momentum"):
        write_study(tmp_path, make_signature(rule), [3.0, 3.1, 3.2, 3.3], metric_unit="nats")
    verdicts = inclusion_verdicts(*read_comparisons(tmp_path))
    assert {j.statistic: j.delta for j in verdicts.judgements} == {
        "validation": LOSS_TOLERANCE,
        "test": LOSS_TOLERANCE,
        "train_loss": LOSS_TOLERANCE,
    }


def test_rule_without_feasible_trials_is_named(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.1, 0.2, 0.3, 0.4])
    write_study(tmp_path, make_signature("momentum"), [], infeasible=5)
    (comparison,) = read_comparisons(tmp_path)
    assert comparison.num_trials == 4
    verdicts = inclusion_verdicts(comparison)
    assert verdicts.judgements == ()
    assert [u.reason for u in verdicts.untested] == ["no feasible trial of Momentum"]


@pytest.fixture
def searched(make_signature):
    """Makes a contestant of a signature, without trials."""

    def searched(rule, **changes):
        signature = make_signature(rule, **changes)
        return Contestant(
            name=signature.name,
            title=signature.name,
            rule=signature.rule,
            trials=trials_table(pd.DataFrame()),
            dimensions=signature.space.dimensions,
            schedule=signature.schedule,
        )

    return searched


def test_signature_that_fixes_a_hyperparameter_contains_nothing(searched):
    momentum = searched("momentum")
    fixed = searched("adam", name="adam_default_epsilon", epsilon=Fixed(fixed=1e-8))
    assert why_not_included(momentum, searched("adam")) == ""
    assert why_not_included(momentum, fixed) == "adam_default_epsilon fixes epsilon"
    one_choice = searched("adam", epsilon=Choice(values=(1e-8,)))
    assert why_not_included(momentum, one_choice) == "adam fixes epsilon"
    restricted = searched("momentum", name="m9", one_minus_gamma=Fixed(fixed=0.1))
    assert why_not_included(restricted, searched("adam")) == ""


def test_schedule_and_regularisation_must_be_as_free(searched):
    wide = LogUniform(low=1e-5, high=1e-2)
    tuned, none = searched("sgd", l2=wide), searched("momentum")
    assert why_not_included(tuned, none) == "momentum has no l2, which sgd has"
    fixed = searched("momentum", l2=Fixed(fixed=1e-4))
    assert "fixes l2" in why_not_included(tuned, fixed)
    assert why_not_included(searched("sgd", l2=Fixed(fixed=1e-4)), fixed) == ""
    assert why_not_included(searched("sgd", l2=Fixed(fixed=1e-3)), fixed) != ""
    steps = searched("momentum", schedule="step_decay")
    assert why_not_included(searched("sgd"), steps) == (
        "schedules differ: linear_decay and step_decay"
    )


def test_untestable_pairs_are_listed(tmp_path, make_signature, write_study):
    errors = [0.1, 0.2, 0.3, 0.4]
    write_study(tmp_path, make_signature("momentum"), errors)
    write_study(tmp_path, make_signature("adam"), errors)
    fixed = make_signature("adam", name="adam_default_epsilon", epsilon=Fixed(fixed=1e-8))
    write_study(tmp_path, fixed, errors)
    verdicts = inclusion_verdicts(*read_comparisons(tmp_path))
    assert [(a.name, b.name) for a, b in verdicts.pairs] == [("momentum", "adam")]
    assert [(u.special.name, u.general.name) for u in verdicts.untested] == [
        ("momentum", "adam_default_epsilon")
    ]
    # Theory promises nothing of it, yet how it did is known.
    (restriction,) = {j.restriction for j in verdicts.restricted}
    assert restriction == verdicts.untested[0].reason == "adam_default_epsilon fixes epsilon"
    assert {j.general.name for j in verdicts.restricted} == {"adam_default_epsilon"}


def test_other_budgets_and_workloads_are_compared_apart(tmp_path, make_signature, write_study):
    errors = [0.1, 0.2, 0.3, 0.4]
    write_study(tmp_path / "a", make_signature("sgd"), errors)
    write_study(tmp_path / "a", make_signature("momentum"), errors, budget={"batch_size": 32})
    write_study(tmp_path / "b", make_signature("adam"), errors, workload="pydocs_lstm")
    comparisons = compare_studies([tmp_path / "a", tmp_path / "b"])
    assert sorted([one.name for one in c.contestants] for c in comparisons) == [
        ["adam"],
        ["momentum"],
        ["sgd"],
    ]


def test_scale_and_number_of_trials_may_differ_and_are_said(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.1] * 20)
    write_study(tmp_path, make_signature("adam"), [0.1] * 30, budget={"scale": "custom"})
    (comparison,) = read_comparisons(tmp_path)
    assert comparison.tuning_budget == 4  # by hand: 20 // 5
    assert comparison.scale == "cpu/custom"
    assert comparison.headline == (
        "scale cpu/custom, 100 steps of 64 examples, N = 20 to 30 feasible trials, K = 4"
    )
    assert "The numbers of feasible trials differ: SGD 20, Adam 30" in comparison.notes


def test_two_studies_of_one_signature_are_refused(tmp_path, make_signature, write_study):
    for parent in ("a", "b"):
        write_study(tmp_path / parent, make_signature("sgd"), [0.1, 0.2])
    with pytest.raises(StudyError, match="must be distinct; got 'sgd' on digits_simple_cnn"):
        compare_studies([tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize("tuning_budget", [0, -3])
def test_tuning_budget_must_be_positive(six_rules, tuning_budget):
    with pytest.raises(ValueError, match="tuning_budget must be >= 1; got"):
        compare_studies(six_rules, tuning_budget=tuning_budget)


def test_measurement_that_is_not_a_number_is_the_worst(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [math.nan] * 4)
    write_study(tmp_path, make_signature("momentum"), [0.1] * 4)
    verdicts = inclusion_verdicts(*read_comparisons(tmp_path))
    assert {j.verdict for j in verdicts.judgements} == {Verdict.CONSISTENT}
    assert {j.superiority for j in verdicts.judgements} == {1.0}
