import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.pairs import inclusion_pairs, why_not_included
from tfoptcmp.analysis.statistics.verdicts import (
    Judgement,
    Verdict,
    all_pairs,
    inclusion_verdicts,
    judgements_of,
    tolerance_of,
    verdict_of,
)
from tfoptcmp.metrics import CLASSIFICATION_ERROR, LOSS_TOLERANCE
from tfoptcmp.spaces import Choice, Fixed, LogUniform

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
    ("low", "high", "verdict"),
    [
        (0.11, 0.3, Verdict.VIOLATED),
        (0.1, 0.3, Verdict.NOT_DECIDED),  # L = delta: not above
        (-0.05, 0.11, Verdict.NOT_DECIDED),
        (-0.05, 0.1, Verdict.EQUIVALENT),  # U = delta: at most
        (-0.1, 0.1, Verdict.EQUIVALENT),
        (-0.2, 0.1, Verdict.HOLDS),
        (-0.2, 0.0, Verdict.HOLDS),  # no difference is no advantage
        (-0.05, -0.01, Verdict.BETTER),
        (-0.3, -0.2, Verdict.BETTER),
        (0.0, 0.0, Verdict.EQUIVALENT),
    ],
)
def test_rule_by_hand(low, high, verdict):
    assert verdict_of(low, high, 0.1) is verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.11, 0.3, Verdict.WORSE),
        (-0.3, -0.11, Verdict.BETTER),
        (-0.3, -0.1, Verdict.NOT_DECIDED),  # U = -delta: not below
        (-0.2, -0.01, Verdict.NOT_DECIDED),
        (-0.1, 0.1, Verdict.EQUIVALENT),
        (-0.2, 0.05, Verdict.NOT_DECIDED),
    ],
)
def test_without_inclusion_both_sides_are_alike(low, high, verdict):
    assert verdict_of(low, high, 0.1, inclusion=False) is verdict
    mirrored = {Verdict.WORSE: Verdict.BETTER, Verdict.BETTER: Verdict.WORSE}
    assert verdict_of(-high, -low, 0.1, inclusion=False) is mirrored.get(verdict, verdict)


def judgement(difference, low, high, *, delta=0.1, inclusion=True, num_trials=100, k=10):
    few = num_trials < 5 * k
    verdict = verdict_of(low, high, delta, inclusion=inclusion)
    return Judgement(
        special=None,
        general=None,
        statistic="test",
        metric=CLASSIFICATION_ERROR,
        inclusion=inclusion,
        verdict=Verdict.NO_VERDICT if few else verdict,
        difference=difference,
        low=low,
        high=high,
        delta=delta,
        mean=0.5,
        superiority=0.5,
        survives=False,
        primary=True,
        tuning_budget=k,
        num_trials=num_trials,
    )


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        # 2.04 N (h / |delta - D|)^2, h on delta's side.
        (judgement(0.0, -0.2, 0.15), 459),  # 204 (0.15 / 0.1)^2
        (judgement(0.3, -0.1, 0.35), 816),  # 204 (0.4 / 0.2)^2
        (judgement(0.1, 0.0, 0.2), math.inf),  # on the margin: never
        (judgement(0.0, -0.9, 0.9), math.inf),  # more than ten times N
        (judgement(0.0, -0.05, 0.1), 100),  # decided
        (judgement(0.0, -0.05, 0.1, num_trials=30), 50),  # 5 K
        (judgement(-0.3, -0.35, 0.1, inclusion=False), 816),  # the mirror of the second
    ],
)
def test_forecast_of_trials_by_hand(given, needed):
    assert given.trials_needed == needed


def test_forecasts_promise_two_digits_only():
    assert judgement(0.0, -0.2, 0.15).trials_needed_text == "about 460"
    assert judgement(0.1, 0.0, 0.2).trials_needed_text == "> 1,000"
    assert judgement(0.0, -0.05, 0.1).trials_needed_text == ""


def numbers(shift, num, seed):
    """Errors of a log-normal search; those of worse optimizers are shifted."""
    return list(np.minimum(np.random.default_rng(seed).lognormal(-2, 0.7, num) + shift, 1.0))


@pytest.fixture
def compared(tmp_path):
    """Makes a table of SGD's and Momentum's errors and returns their judgement by the test."""

    def compared(errors, others, tuning_budget):
        rows = [f"sgd,{e},{e},270" for e in errors] + [f"momentum,{e},{e},270" for e in others]
        text = "\n".join(["optimizer,validation,test,num_test", *rows])
        (tmp_path / "results.csv").write_text(text, encoding="utf-8")
        (comparison,) = read_comparisons(tmp_path / "results.csv", tuning_budget)
        sgd, momentum = comparison.contestants
        return next(j for j in judgements_of(comparison, sgd, momentum) if j.statistic == "test")

    return compared


def test_a_worse_rule_is_found_and_more_trials_decide_it(compared):
    """The earlier rule said "undetermined" at any N."""
    few = compared(numbers(0, 20, 1), numbers(0.06, 20, 2), 2)
    assert few.verdict is Verdict.NOT_DECIDED
    assert few.num_trials < few.trials_needed < 400


def test_with_more_trials(compared):
    assert compared(numbers(0, 200, 1), numbers(0.06, 200, 2), 2).verdict is Verdict.VIOLATED


def test_failures_count_though_their_number_is_small(compared):
    """45 % of trials fail: with K = 4, which recorded K says, .45^4 = 4 % of practitioners."""
    special = [0.05] * 400
    general = ([0.9] * 9 + [0.05] * 11) * 20
    found = compared(special, general, 4)
    # By hand: D = .45^4 (0.9 - 0.05).
    assert found.difference == pytest.approx(0.45**4 * 0.85)
    assert found.delta == pytest.approx(math.sqrt(0.05 * 0.95 / 270))
    assert found.verdict is Verdict.VIOLATED


def test_pairs_are_the_closure(six_rules):
    (comparison,) = read_comparisons(six_rules)
    verdicts = inclusion_verdicts(comparison)
    assert {(a.name, b.name) for a, b in verdicts.pairs} == CLOSURE
    assert len(verdicts.judgements) == 4 * len(CLOSURE)
    assert verdicts.untested == ()
    assert verdicts.expected_false_alarms == 0  # ten trials are too few for a verdict


def test_violated_and_better_on_constructed_studies(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.10 + i / 1000 for i in range(20)])
    write_study(tmp_path, make_signature("momentum"), [0.30 + i / 1000 for i in range(20)])
    write_study(tmp_path, make_signature("nesterov"), [0.05 + i / 1000 for i in range(20)])
    (comparison,) = read_comparisons(tmp_path)
    sgd, momentum, nesterov = comparison.contestants
    verdicts = inclusion_verdicts(comparison)
    assert {j.statistic: j.verdict for j in verdicts.of(sgd, momentum)} == {
        "validation": Verdict.VIOLATED,
        "test": Verdict.VIOLATED,
        "train_loss": Verdict.VIOLATED,
        # SGD gets there with the last step, Momentum never: 100 steps both.
        "steps_to_target": Verdict.EQUIVALENT,
    }
    assert {j.statistic: j.verdict for j in verdicts.of(sgd, nesterov)} == {
        "validation": Verdict.BETTER,
        "test": Verdict.BETTER,
        "train_loss": Verdict.BETTER,  # by 0.005 nats, and surely
        "steps_to_target": Verdict.EQUIVALENT,  # both at the last step
    }
    assert verdicts.of(momentum, nesterov) == []
    test = verdicts.of(sgd, momentum)[1]
    assert test.superiority == 0.0
    p = best_of(range(20), [0.10 + i / 1000 for i in range(20)], 2).mean()
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


@pytest.mark.parametrize(
    ("num", "k", "reason"),
    [
        (19, 2, "N = 19 feasible trials are too few; K = 2 needs 20"),
        (20, 5, "N = 20 feasible trials are too few; K = 5 needs 25"),
        (20, 4, ""),
    ],
)
def test_too_few_trials_give_no_verdict(tmp_path, make_signature, write_study, num, k, reason):
    for rule in ("sgd", "momentum"):
        write_study(tmp_path, make_signature(rule), [0.1] * num)
    (comparison,) = compare_studies(tmp_path, tuning_budget=k)
    verdicts = inclusion_verdicts(comparison)
    assert comparison.too_few == reason
    assert {j.verdict is Verdict.NO_VERDICT for j in verdicts.judgements} == {bool(reason)}
    assert bool(verdicts.tested) is not bool(reason)
    assert verdicts.expected_false_alarms == pytest.approx(0.025 * len(verdicts.tested))
    assert any("NO VERDICTS" in warning for warning in comparison.warnings) is bool(reason)


def test_k_is_the_plans_however_many_trials_are_there(tmp_path, make_signature, write_study):
    for rule, num in (("sgd", 30), ("momentum", 7)):
        write_study(tmp_path, make_signature(rule), [0.1] * num, num_feasible=100)
    (comparison,) = read_comparisons(tmp_path)
    assert comparison.tuning_budget == 10
    (asked,) = read_comparisons(tmp_path, 3)
    assert asked.tuning_budget == 3


def test_a_margin_of_ones_own(tmp_path, make_signature, write_study):
    for rule, error in (("sgd", 0.1), ("momentum", 0.14)):
        write_study(tmp_path, make_signature(rule), [error] * 20)
    (comparison,) = read_comparisons(tmp_path)
    found = {}
    for margin in (0.03, 0.05):
        (pair,) = all_pairs(replace(comparison, margin=margin))
        found[margin] = pair.verdict
    assert found == {0.03: Verdict.VIOLATED, 0.05: Verdict.EQUIVALENT}


def test_the_margin_is_never_nothing(tmp_path, make_signature, write_study):
    for rule, error in (("sgd", 0.0), ("momentum", 1.0)):
        write_study(tmp_path, make_signature(rule), [error] * 20)
    (comparison,) = read_comparisons(tmp_path)
    assert tolerance_of(comparison, "test", 0.0) == 1 / 270
    assert tolerance_of(comparison, "test", 1.0) == 1 / 270
    assert tolerance_of(comparison, "test", math.inf) == 1 / 270


def test_every_pair_is_judged_once_the_special_rule_first(six_rules):
    (comparison,) = read_comparisons(six_rules)
    pairs = all_pairs(comparison)
    assert len(pairs) == 15
    assert {(j.special.name, j.general.name) for j in pairs if j.inclusion} == CLOSURE


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


@pytest.mark.parametrize(
    ("fewer", "more", "expected"),
    [
        ({"epsilon": Fixed(fixed=1e-8)}, {}, True),
        ({}, {}, False),
        ({"epsilon": Fixed(fixed=1e-8)}, {"epsilon": Fixed(fixed=1e-4)}, False),
        ({"epsilon": Fixed(fixed=1e-8)}, {"one_minus_beta2": Fixed(fixed=1e-3)}, False),
        ({"epsilon": Choice(values=(1e-8,))}, {}, True),
        (
            {"epsilon": Fixed(fixed=1e-8), "one_minus_beta1": Fixed(fixed=0.1)},
            {"epsilon": Fixed(fixed=1e-8)},
            True,
        ),
        ({"epsilon": Fixed(fixed=1e-8), "schedule": "step_decay"}, {}, False),
    ],
    ids=[
        *("less tuned", "as much", "as little", "something else", "one choice"),
        *("both fix the same", "another schedule"),
    ],
)
def test_a_rule_contains_itself_with_less_tuned(
    tmp_path, make_signature, write_study, fewer, more, expected
):
    errors = [0.01 * i for i in range(1, 21)]
    write_study(tmp_path, make_signature("adam", name="a", **fewer), errors)
    write_study(tmp_path, make_signature("adam", name="b", **more), [0.5 + e for e in errors])
    (comparison,) = read_comparisons(tmp_path)
    verdicts = inclusion_verdicts(comparison)
    assert [(a.name, b.name) for a, b in verdicts.pairs] == [("a", "b")] * expected
    assert not verdicts.untested
    assert [j.verdict for j in verdicts.judgements if j.primary] == [Verdict.VIOLATED] * expected
    (pair,) = all_pairs(comparison)
    assert pair.verdict is (Verdict.VIOLATED if expected else Verdict.WORSE)


ADAM_SEARCHED = {"learning_rate": (1e-4, 1e-2), "beta_1": (0.8, 0.99), "beta_2": (0.9, 0.999)}


@pytest.mark.parametrize(
    ("special", "general", "expected"),
    [
        ((*ADAM_SEARCHED, "fixed epsilon"), (*ADAM_SEARCHED, "epsilon"), True),
        ((), (*ADAM_SEARCHED, "epsilon"), False),
        (("learning_rate", "fixed epsilon"), ("learning_rate", "beta_1"), False),
        (("learning_rate",), (*ADAM_SEARCHED, "epsilon"), False),
    ],
    ids=["all reported", "nothing", "another fixed", "the rate alone"],
)
def test_a_table_has_to_report_all_of_a_rule_before_it_contains_itself(special, general, expected):
    """What is not reported may have been anything."""
    generator = np.random.default_rng(0)
    ranges = {**ADAM_SEARCHED, "epsilon": (1e-9, 1e-7)}
    tables = []
    for name, reported, worse in (("x", special, 0.0), ("y", general, 0.5)):
        error = worse + generator.uniform(0.1, 0.2, size=30)
        rows = {"optimizer": name, "rule": "adam", "validation": error, "diverged": False}
        table = pd.DataFrame(rows)
        for column in reported:
            if column == "fixed epsilon":
                table["epsilon"] = 1e-8
                continue
            low, high = ranges[column]
            table[column] = generator.uniform(low, high, size=30)
            table[f"{column}_low"], table[f"{column}_high"] = low, high
        tables.append(table)
    comparison = of_table("digits", pd.concat(tables), metric=CLASSIFICATION_ERROR)
    assert [(a.name, b.name) for a, b in inclusion_pairs(comparison)] == [("x", "y")] * expected


def test_a_rule_that_fixes_something_does_not_contain_itself_with_less_tuned(searched):
    least = searched("adam", epsilon=Fixed(fixed=1e-8), one_minus_beta1=Fixed(fixed=0.1))
    less = searched("adam", epsilon=Fixed(fixed=1e-4))
    assert why_not_included(least, less) == "adam fixes epsilon"


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
    assert [(a.name, b.name) for a, b in verdicts.pairs] == [
        ("momentum", "adam"),
        ("adam_default_epsilon", "adam"),
    ]
    assert [(u.special.name, u.general.name) for u in verdicts.untested] == [
        ("momentum", "adam_default_epsilon")
    ]
    # Theory promises nothing of it, yet how it did is known.
    (restriction,) = {j.restriction for j in verdicts.restricted}
    assert restriction == verdicts.untested[0].reason == "adam_default_epsilon fixes epsilon"
    assert {j.general.name for j in verdicts.restricted} == {"adam_default_epsilon"}


def test_pairs_can_be_judged_where_no_inclusion_carries_over(tmp_path, make_signature, write_study):
    errors = [0.01 * i for i in range(1, 21)]
    write_study(tmp_path, make_signature("sgd"), errors)
    fixed = make_signature("momentum", one_minus_gamma=Fixed(fixed=0.1))
    write_study(tmp_path, fixed, errors)
    verdicts = inclusion_verdicts(*read_comparisons(tmp_path))
    assert not verdicts.judgements
    assert {j.restriction for j in verdicts.restricted} == {"momentum fixes one_minus_gamma"}


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
    assert comparison.tuning_budget == 2  # by hand: 20 // 10
    assert comparison.scale == "cpu/custom"
    assert comparison.headline == (
        "scale cpu/custom, 100 steps of 64 examples, N = 20 to 30 feasible trials, K = 2"
    )
    assert "The numbers of feasible trials differ: SGD 20, Adam 30" in comparison.notes


def test_two_studies_of_one_optimizer_are_compared_side_by_side(
    tmp_path, make_signature, write_study
):
    """By hand: all trials of the second are worse by 0.1."""
    for parent, error in (("runs/old/round-2", 0.2), ("runs/new/round-2", 0.3)):
        write_study(tmp_path / parent, make_signature("sgd"), [error] * 20)
    write_study(tmp_path / "runs/new/round-2", make_signature("adam"), [0.1] * 20)
    (comparison,) = compare_studies([tmp_path / f"runs/{one}/round-2" for one in ("old", "new")])
    titles = {one.name: one.title for one in comparison.contestants}
    assert titles == {"sgd (old)": "SGD (old)", "sgd (new)": "SGD (new)", "adam": "Adam"}
    (judgement,) = [
        j for j in all_pairs(comparison, "test") if "adam" not in (j.special.name, j.general.name)
    ]
    sign = 1 if judgement.special.name == "sgd (old)" else -1
    assert sign * judgement.difference == pytest.approx(0.1)
    assert judgement.verdict.decided
    assert not judgement.inclusion


@pytest.mark.parametrize("tuning_budget", [0, -3])
def test_tuning_budget_must_be_positive(six_rules, tuning_budget):
    with pytest.raises(ValueError, match="tuning_budget must be >= 1; got"):
        compare_studies(six_rules, tuning_budget=tuning_budget)


def test_measurement_that_is_not_a_number_is_the_worst(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [math.nan] * 20)
    write_study(tmp_path, make_signature("momentum"), [0.1] * 20)
    verdicts = inclusion_verdicts(*read_comparisons(tmp_path))
    assert {j.superiority for j in verdicts.judgements} == {1.0}
    assert {j.verdict for j in verdicts.judgements if j.primary} == {Verdict.BETTER}


def test_no_verdict_on_steps_of_a_budget_that_is_not_known(tmp_path):
    """The slowest that reached the target stood for all that did not: momentum was "equivalent"."""
    lines = ["optimizer,validation,steps_to_target,steps"]
    lines += [f"sgd,{0.1 + 0.001 * i},1000,2000" for i in range(40)]
    lines += [f"momentum,{0.1 + 0.001 * i},{'' if i else 1000},2000" for i in range(40)]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines))
    (known,) = read_comparisons(path)
    judged = {j.statistic: j.verdict for j in inclusion_verdicts(known).judgements}
    assert judged["steps_to_target"] is Verdict.VIOLATED
    path.write_text("\n".join(line.rpartition(",")[0] for line in lines))
    (unknown,) = read_comparisons(path)
    judged = {j.statistic for j in inclusion_verdicts(unknown).judgements}
    assert judged == {"validation"}
