"""Every planted fault is found, one at a time; a clean comparison gives no finding."""

import dataclasses
import math
import re

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.audit import CHECKS, audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.statistics.verdicts import Verdict, judge
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.metrics import CLASSIFICATION_ERROR, CROSS_ENTROPY
from tfoptcmp.rules import RULES, Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.study.schema import Status

SCHEDULE = {
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
}
MOMENTUM = {
    "eta0": LogUniform(low=1e-3, high=1e2),
    "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
}
ADAM = {
    "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e4),
    "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
    "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
    "epsilon": LogUniform(low=1e-10, high=1e10),
}
SPACES = {
    "sgd": {"eta0": LogUniform(low=1e-2, high=1e2)},
    "momentum": MOMENTUM,
    "nesterov": MOMENTUM,
    "rmsprop": {
        "eta0_over_sqrt_epsilon": LogUniform(low=1e-3, high=1e2),
        "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
        "one_minus_rho": LogUniform(low=1e-4, high=1.0),
        "epsilon": LogUniform(low=1e-10, high=1e10),
    },
    "adam": ADAM,
    "nadam": ADAM,
}
NUM_EXAMPLES = 5000


def clean_table(seed=0, *, num_trials=50, spaces=SPACES, gradient_rms=1e-3):
    """Trials whose error depends alike on the effective rate of every rule, best at 1.

    The other hyperparameters do not matter; a seed changes an error by 0.1 %.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for rule, own in spaces.items():
        dimensions = {**own, **SCHEDULE}
        for index in range(num_trials):
            values = {
                name: d.fixed if isinstance(d, Fixed) else d.value(rng.uniform())
                for name, d in dimensions.items()
            }
            rate = values.get("alpha0_over_epsilon") or (
                values.get("eta0") or values.get("eta0_over_sqrt_epsilon") or 1.0
            ) / values.get("one_minus_gamma", 1.0)
            error = 0.05 + 0.004 * math.log10(rate) ** 2 + 0.001 * rng.normal()
            rows.append(
                {
                    "optimizer": rule,
                    "validation": error,
                    "test": error + 0.001 * rng.normal(),
                    "diverged": False,
                    "steps": 1000.0,
                    "seed": float(index),
                    "gradient_rms": gradient_rms,
                    "num_validation": NUM_EXAMPLES,
                    "num_test": NUM_EXAMPLES,
                    **values,
                }
            )
    return pd.DataFrame(rows)


def planted(table, *, spaces=SPACES, **changes):
    ranges = {rule: {**own, **SCHEDULE} for rule, own in spaces.items()}
    settings = {"metric": CLASSIFICATION_ERROR, "ranges": ranges, **changes}
    return of_table("planted", table, **settings)


def of_rule(table, rule):
    return table["optimizer"] == rule


def named(comparison, name):
    return next(one for one in comparison.contestants if one.name == name)


def found(comparison):
    """Title to severity of everything that is found."""
    return {finding.title: finding.severity for finding in audit([comparison])}


def test_a_clean_comparison_is_passed_over_in_silence():
    assert audit([planted(clean_table())]) == []


def test_false_alarms_are_rare():
    alarms = [seed for seed in range(1, 21) if audit([planted(clean_table(seed))])]
    # Recorded: none among the seeds 0 to 99.
    assert not alarms


def test_a_copy_under_another_name():
    table = clean_table()
    some = table[of_rule(table, "adam")].iloc[5:25].assign(optimizer="adam_b", rule="adam")
    spaces = {**SPACES, "adam_b": ADAM}
    both = pd.concat([table, some], ignore_index=True)
    findings = {finding.title: finding for finding in audit([planted(both, spaces=spaces)])}
    copied = findings["the same trials under two names"]
    assert copied.severity == "warning"
    assert copied.subject.startswith("planted: adam, adam_b")
    assert copied.evidence.startswith("20 trials agree in every hyperparameter and result")
    both.loc[both.index[-10:], "validation"] += 1e-6  # trials of their own
    assert "the same trials under two names" not in found(planted(both, spaces=spaces))


def test_equal_trials_at_guessing_or_of_coarse_results_are_no_copies():
    """Two optimizers at the same learning rates."""
    table = clean_table()
    one = table[of_rule(table, "momentum")]
    other = one.assign(optimizer="nesterov")
    for results in (0.9, one["validation"].round(2)):
        same = pd.concat([one, other]).reset_index(drop=True)
        same["validation"] = same["test"] = [*np.broadcast_to(results, len(one))] * 2
        assert "the same trials under two names" not in found(planted(same))


def test_untuned_epsilon():
    spaces = {**SPACES, "adam": {"alpha0": LogUniform(low=1e-5, high=1e-1), **ADAM}}
    spaces["adam"] = {
        "alpha0": LogUniform(low=1e-5, high=1e-1),
        **{name: ADAM[name] for name in ("one_minus_beta1", "one_minus_beta2")},
        "epsilon": Fixed(fixed=1e-8),
    }
    comparison = planted(clean_table(spaces=spaces), spaces=spaces)
    (finding,) = audit([comparison])
    assert finding.severity == "warning"
    assert finding.title == "epsilon not tuned"
    assert "epsilon = 1e-08 (a default) in all 50 trials" in finding.evidence
    assert "1 (Szegedy et al. 2016)" in finding.evidence
    assert "epsilon" in finding.next_step


def test_untuned_momentum_is_told_by_the_arguments_value():
    spaces = {"momentum": {**MOMENTUM, "one_minus_gamma": Fixed(fixed=0.1)}}
    (finding,) = audit([planted(clean_table(spaces=spaces), spaces=spaces)])
    assert finding.title == "momentum not tuned"
    assert "momentum = 0.9 (a default)" in finding.evidence


def test_an_ablation_beside_the_whole_rule_is_a_note():
    table = clean_table()
    ablation = table[of_rule(table, "adam")].assign(
        optimizer="adam_default", rule="adam", epsilon=1e-8
    )
    spaces = {**SPACES, "adam_default": {**ADAM, "epsilon": Fixed(fixed=1e-8)}}
    comparison = planted(pd.concat([table, ablation], ignore_index=True), spaces=spaces)
    assert found(comparison) == {"only part of its rule was tuned": "note"}


def test_epsilon_of_a_rule_that_is_not_known():
    """AdamW and the like have an epsilon too; two unknown rules are not taken for one."""
    spaces = {
        name: {"eta0": LogUniform(low=1e-3, high=high), "epsilon": epsilon}
        for name, high, epsilon in (
            ("adamw", 1e3, Fixed(fixed=1e-8)),
            ("adamx", 1e4, LogUniform(low=1e-10, high=1e10)),
        )
    }
    findings = audit([planted(clean_table(spaces=spaces), spaces=spaces)])
    (finding,) = [f for f in findings if not f.title.startswith("inconclusive")]
    assert (finding.severity, finding.title) == ("warning", "epsilon not tuned")
    assert finding.subject == "planted: adamw"


def test_unreported_spaces():
    table = clean_table()
    comparison = planted(table, ranges=None)
    assert found(comparison) == {"search spaces not reported": "warning"}
    (finding,) = audit([comparison])
    assert "learning_rate, momentum, rho, epsilon, decay_steps_fraction" in finding.evidence


def test_copied_ranges():
    same = LogUniform(low=1e-3, high=1e2)
    spaces = {**SPACES, "sgd": {"eta0": same}}
    (finding,) = audit([planted(clean_table(spaces=spaces), spaces=spaces)])
    assert finding.severity == "note"
    assert finding.title == "the same range of learning_rate for different update rules"
    assert "sgd, momentum, nesterov" in finding.subject
    assert "learning_rate: log-uniform in [0.001, 100) for all" in finding.evidence


def test_alike_hyperparameters_may_share_ranges():
    assert SPACES["momentum"] == SPACES["nesterov"]
    assert SPACES["adam"]["epsilon"] == SPACES["rmsprop"]["epsilon"]  # so wide: not copied
    assert audit([planted(clean_table())]) == []


def test_few_trials():
    comparison = planted(clean_table(num_trials=15))
    assert found(comparison) == {"fewer than tens of trials": "warning"}


def test_a_space_that_cannot_imitate():
    spaces = {**SPACES, "adam": {**ADAM, "epsilon": LogUniform(low=1e-10, high=1e-6)}}
    (first, *_), other = [
        audit([planted(clean_table(spaces=spaces, gradient_rms=rms), spaces=spaces)])
        for rms in (1e-3, 1e-9)
    ]
    assert other == []  # where the gradient is so small, 1e-6 is large
    assert first.severity == "note"
    assert first.title == "the space of adam cannot imitate sgd's best trial"
    # by hand: 1e-6 / 1e-3.
    assert "largest epsilon 1e-06 is 0.001 times the gradient's root mean square" in first.evidence


@pytest.mark.parametrize(("largest", "found_one"), [(9.5e-3, False), (8.5e-3, True)])
def test_an_epsilon_a_tenth_short_is_large(largest, found_one):
    """By hand: ten times the root mean square 1e-3 is 1e-2; a tenth less is allowed."""
    spaces = {**SPACES, "adam": {**ADAM, "epsilon": LogUniform(low=1e-10, high=largest)}}
    findings = audit([planted(clean_table(spaces=spaces), spaces=spaces)])
    assert bool(findings) == found_one
    assert all("cannot imitate" in finding.title for finding in findings)


@pytest.mark.parametrize("gradient_rms", [math.nan, math.inf])
def test_without_a_gradient_no_epsilon_is_too_small(gradient_rms):
    assert audit([planted(clean_table(gradient_rms=gradient_rms))]) == []


def test_rmsprop_needs_the_square():
    spaces = {
        **SPACES,
        "rmsprop": {**SPACES["rmsprop"], "epsilon": LogUniform(low=1e-10, high=1e-4)},
    }
    comparison = planted(clean_table(spaces=spaces), spaces=spaces)
    assert audit([comparison]) == []  # by hand: 1e-4 is 100 times (1e-3)^2
    table = clean_table(spaces=spaces, gradient_rms=0.1)
    titles = found(planted(table, spaces=spaces))
    assert titles == {
        "the space of rmsprop cannot imitate sgd's best trial": "note",
        "the space of rmsprop cannot imitate momentum's best trial": "note",
    }


def test_a_space_that_cannot_imitate_and_did_worse_is_a_warning():
    spaces = {**SPACES, "adam": {**ADAM, "alpha0_over_epsilon": LogUniform(low=1e3, high=1e6)}}
    findings = audit([planted(clean_table(spaces=spaces), spaces=spaces)])
    titles = {finding.title: finding.severity for finding in findings}
    assert titles["the space of adam cannot imitate momentum's best trial"] == "warning"
    assert titles["a rule did worse than its own special case"] == "error"
    assert titles["best trials crowd the low edge of the search space"] == "warning"
    assert any("needs alpha0_over_epsilon" in finding.evidence for finding in findings)
    assert findings[0].severity == "error"  # the worst first


@pytest.mark.parametrize(
    ("high", "misses"), [(1e-9, True), (1e1, False)], ids=["too low", "high enough"]
)
def test_a_rate_searched_without_the_ratio(high, misses):
    """Momentum's best needs alpha0 of about 1 times an epsilon of 1e-2 or more."""
    spaces = {**SPACES, "adam": {**ADAM, "alpha0": LogUniform(low=1e-12, high=high)}}
    del spaces["adam"]["alpha0_over_epsilon"]
    titles = found(planted(clean_table(spaces=spaces), spaces=spaces))
    assert ("the space of adam cannot imitate momentum's best trial" in titles) == misses


def test_unequal_numbers_of_trials():
    table = clean_table()
    fewer = table.drop(table[of_rule(table, "sgd")].index[:3])
    assert found(planted(fewer)) == {"unequal numbers of trials": "note"}
    half = table.drop(table[of_rule(table, "sgd")].index[:25])
    assert found(planted(half))["unequal numbers of trials"] == "warning"


def test_unequal_steps():
    table = clean_table()
    table.loc[of_rule(table, "adam"), "steps"] = 2000
    (finding,) = audit([planted(table)])
    assert (finding.severity, finding.title) == ("error", "unequal budgets")
    assert "sgd 1,000" in finding.evidence and "adam 2,000" in finding.evidence


def test_optimizers_that_meet_on_no_budget():
    table = clean_table()
    special = planted(table[table["optimizer"] == "sgd"])
    general = planted(table[table["optimizer"] == "adam"])
    assert [f.title for f in audit([special, general])] == ["unequal budgets"]
    assert audit([special, special]) == []  # the same optimizers at two budgets


def test_an_optimum_beyond_the_edge():
    table = clean_table()
    rows = of_rule(table, "sgd")
    # The better, the larger the rate: the optimum lies above the range.
    table.loc[rows, ["validation", "test"]] -= np.outer(
        0.02 * np.log10(table[rows]["eta0"]), (1, 1)
    )
    findings = audit([planted(table)])
    edge = [f for f in findings if f.title.startswith("best trials crowd")]
    assert [f.title for f in edge] == ["best trials crowd the high edge of the search space"]
    assert edge[0].subject == "planted: sgd, eta0"
    assert "5 of the 5 best trials lie in the outermost 20 %" in edge[0].evidence


def test_an_edge_beyond_which_nothing_is_allowed():
    table = clean_table()
    rows = of_rule(table, "momentum")
    table.loc[rows, ["validation", "test"]] -= np.outer(
        0.005 * np.log10(table[rows]["one_minus_gamma"]), (1, 1)
    )
    assert audit([planted(table)]) == []  # momentum 0 is the best: there is nothing below


def test_a_violated_inclusion():
    table = clean_table()
    table.loc[of_rule(table, "adam"), ["validation", "test"]] += 0.02
    findings = audit([planted(table)])
    assert {f.title for f in findings} == {"a rule did worse than its own special case"}
    assert [f.subject for f in findings] == ["planted: sgd <= adam", "planted: momentum <= adam"]
    assert all(f.severity == "error" for f in findings)
    assert "validation worse by" in findings[0].evidence
    unsized = planted(table.drop(columns=["num_validation", "num_test"]))
    assert "tolerated: 0.50 pp)" in audit([unsized])[0].evidence


def test_a_violation_that_chance_may_have_brought_is_a_note():
    table = clean_table()
    table = table[~of_rule(table, "sgd")]
    table.loc[of_rule(table, "adam"), ["validation", "test"]] += 0.005
    (finding,) = audit([planted(table)])
    assert finding.severity == "note"
    assert finding.title == "a rule perhaps did worse than its own special case"
    assert "of equal rules chance shows as much in up to 1 of 40 tests" in finding.evidence


def test_a_violation_with_epsilon_fixed_is_a_warning():
    spaces = {**SPACES, "adam": {**ADAM, "epsilon": Fixed(fixed=1e-8)}}
    table = clean_table(spaces=spaces)
    table.loc[of_rule(table, "adam"), ["validation", "test"]] += 0.02
    assert found(planted(table, spaces=spaces)) == {
        "epsilon not tuned": "warning",
        "a rule did worse than its own special case": "warning",
    }


def test_a_violation_with_another_schedule_is_a_warning():
    table = clean_table()
    table.loc[of_rule(table, "adam"), ["validation", "test"]] += 0.02
    comparison = planted(table)
    contestants = tuple(
        dataclasses.replace(c, schedule="constant" if c.name == "adam" else "linear_decay")
        for c in comparison.contestants
    )
    assert found(dataclasses.replace(comparison, contestants=contestants)) == {
        "different learning-rate schedules": "warning",
        "a rule did worse than its own special case": "warning",
    }


def test_rules_from_elsewhere_say_what_they_contain(tmp_path, make_signature, write_study):
    errors = list(np.linspace(0.1, 0.15, 50))
    dimensions = {**SPACES["adam"], "decay": LogUniform(low=1e-6, high=1e-1), **SCHEDULE}
    own = {"decay": Hyperparameter(argument="weight_decay", meaning="decay")}
    names = (*RULES["adam"].hyperparameters, "weight_decay")
    rule = Rule(
        name="adamw", title="AdamW", optimizer="mine:A", hyperparameters=names, contains=("adam",)
    )
    space = SearchSpace(dimensions=dimensions, source="mine", own=own)
    write_study(tmp_path, make_signature("momentum"), errors)
    worse = [error + 0.3 for error in errors]
    write_study(tmp_path, Signature(name="adamw", rule=rule, space=space), worse)
    findings = audit(read_comparisons(tmp_path))
    assert [(f.severity, f.subject) for f in findings if "special case" in f.title] == [
        ("error", "digits_simple_cnn: Momentum <= AdamW")
    ]
    assert "search spaces not reported" not in [f.title for f in findings]


def test_selection_on_the_test_metric():
    table = clean_table()
    without = planted(table.drop(columns="validation"))
    assert found(without)["selected on the test metric"] == "error"
    same = planted(table.assign(validation=table["test"]))
    assert found(same)["selected on the test metric"] == "error"


def test_a_reported_trial_that_was_selected_by_its_test_metric():
    table = clean_table().assign(selected=False)
    adam = table[of_rule(table, "adam")]
    table.loc[adam["validation"].idxmin(), "selected"] = True
    assert audit([planted(table)]) == []
    table["selected"] = False
    table.loc[adam["test"].idxmin(), "selected"] = True
    assert adam["test"].idxmin() != adam["validation"].idxmin()
    (finding,) = audit([planted(table)])
    assert finding.title == "selected on the test metric"


def test_one_seed_and_a_gap_inside_its_noise():
    table = clean_table()
    table["seed"] = 7.0
    (finding,) = audit([planted(table)])
    assert finding.title == "one seed, and a gap that may be its noise"
    assert finding.severity == "warning"
    assert "from 5,000 test examples alone" in finding.evidence
    assert "--rerun_best" in finding.next_step
    table.loc[of_rule(table, "nadam"), ["validation", "test"]] -= 0.03
    assert "one seed, and a gap that may be its noise" not in found(planted(table))


def test_mostly_infeasible():
    table = clean_table()
    diverged = table[of_rule(table, "sgd")].assign(
        diverged=True, validation=math.nan, test=math.nan
    )
    table = pd.concat([table, diverged, diverged.head(5)], ignore_index=True)
    (finding,) = audit([planted(table)])
    assert finding.title == "most trials diverged"
    assert "55 of 105 trials (52 %)" in finding.evidence


def test_k_too_small_for_a_claim():
    table = clean_table()
    table.loc[of_rule(table, "nadam"), ["validation", "test"]] -= 0.005
    comparison = planted(table, tuning_budget=2)
    claimed = dataclasses.replace(comparison, claims=(("nadam", "sgd"),))
    (finding,) = audit([claimed])
    assert finding.title == "the trials do not support the claim"
    assert "at K = 2" in finding.evidence
    enough = int(finding.next_step.split("K = ")[1].split()[0])
    assert 2 < enough <= 10
    assert audit([dataclasses.replace(claimed, tuning_budget=enough)]) == []
    turned = dataclasses.replace(comparison, claims=(("sgd", "nadam"),))
    assert "drop it" in audit([turned])[0].next_step


def test_a_claim_that_leans_the_right_way_needs_more_trials():
    """ "Drop it" was said where the interval ended just below the margin."""
    table = clean_table(seed=3)
    table.loc[of_rule(table, "nadam"), ["validation", "test"]] -= 0.002
    comparison = planted(table, tuning_budget=10)
    claimed = dataclasses.replace(comparison, claims=(("nadam", "adam"),))
    nadam, adam = (named(comparison, name) for name in ("nadam", "adam"))
    j = judge(comparison, adam, nadam, "test", inclusion=True)
    assert j.verdict is Verdict.HOLDS and j.difference < 0 < j.high
    # By hand: 80 % of such studies are decided where the half width is D / sqrt(2.04).
    needed = 2.04 * 50 * ((j.high - j.difference) / j.difference) ** 2
    (finding,) = audit([claimed])
    (shown,) = re.findall(r"run more trials \(about ([\d,]+) of each, roughly\)", finding.next_step)
    assert needed < int(shown.replace(",", "")) <= 1.1 * needed + 1


def test_a_comparison_that_decides_nothing():
    rng = np.random.default_rng(0)
    rows = [
        {"optimizer": rule, "validation": value, "test": value}
        for rule in ("sgd", "adam")
        for value in rng.uniform(0.1, 0.9, 40)
    ]
    comparison = planted(pd.DataFrame(rows).assign(diverged=False))
    (finding,) = [f for f in audit([comparison]) if f.title.startswith("inconclusive")]
    assert finding.severity == "warning"
    assert "its only pair is not decided" in finding.evidence
    assert re.search(r"(about|more than) [\d,]+ of each", finding.next_step)
    rows = [row | {"test": row["test"] + 0.5 * (row["optimizer"] == "adam")} for row in rows]
    comparison = planted(pd.DataFrame(rows).assign(diverged=False))
    assert not [f for f in audit([comparison]) if f.title.startswith("inconclusive")]


def test_k_above_a_fifth_of_the_trials():
    assert found(planted(clean_table(), tuning_budget=11)) == {
        "K is too large for the number of trials": "warning"
    }
    # With 3 trials K cannot be below 2: the fault is that they are too few.
    assert list(found(planted(clean_table(num_trials=3)))) == ["fewer than tens of trials"]


def test_a_lucky_winner_and_a_claim_that_its_reruns_do_not_bear_out():
    table = clean_table()
    winner = table.loc[table[of_rule(table, "adam")]["validation"].idxmin()]
    again = [
        {**winner, "seed": 1000.0 + j, "validation": 0.06 + 1e-3 * j, "test": 0.06 + 1e-3 * j}
        for j in range(5)
    ]
    rerun = pd.concat([table, pd.DataFrame(again)], ignore_index=True)
    comparison = planted(rerun)
    adam = next(c for c in comparison.contestants if c.name == "adam")
    assert adam.num_feasible == 50  # re-runs are no trials
    (finding,) = audit([comparison])
    assert (finding.severity, finding.title) == ("note", "the winner was lucky")
    assert "mean 6.20 %" in finding.evidence  # by hand
    other = table.loc[table[of_rule(table, "nadam")]["validation"].idxmin()]
    more = [{**other, "seed": 2000.0 + j} for j in range(3)]
    both = planted(pd.concat([rerun, pd.DataFrame(more)], ignore_index=True))
    claimed = dataclasses.replace(both, claims=(("adam", "nadam"),))
    assert found(claimed)["re-runs do not bear out the claim"] == "warning"


def test_a_winner_that_diverges_with_another_seed():
    table = clean_table()
    winner = table.loc[table[of_rule(table, "adam")]["validation"].idxmin()]
    lost = {"validation": math.nan, "test": math.nan, "diverged": True}
    again = [{**winner, "seed": 1000.0 + j, **({} if j == 0 else lost)} for j in range(4)]
    (finding,) = audit([planted(pd.concat([table, pd.DataFrame(again)], ignore_index=True))])
    assert (finding.severity, finding.title) == ("warning", "the winner diverges with another seed")
    kept = [{**run, "validation": 0.9, "test": 0.9} if run["diverged"] else run for run in again]
    with_numbers = planted(pd.concat([table, pd.DataFrame(kept)], ignore_index=True))
    assert audit([with_numbers]) == [finding]
    assert finding.evidence == "3 of 4 re-runs diverged"


def test_without_a_test_metric_claims_are_about_the_validation_metric():
    """NaN is not less than NaN: every claim was refuted."""
    table = clean_table().drop(columns=["test", "num_test"])
    winners = {
        rule: table.loc[table[of_rule(table, rule)]["validation"].idxmin()]
        for rule in ("adam", "nadam")
    }
    again = [
        {**winner, "seed": 1000.0 + j, "validation": winner["validation"] + gap}
        for (winner, gap) in zip(winners.values(), (0.0, 0.01), strict=True)
        for j in range(3)
    ]
    comparison = planted(pd.concat([table, pd.DataFrame(again)], ignore_index=True))
    refuted = "re-runs do not bear out the claim"
    assert refuted not in found(dataclasses.replace(comparison, claims=(("adam", "nadam"),)))
    assert refuted in found(dataclasses.replace(comparison, claims=(("nadam", "adam"),)))


def test_a_winner_whose_reruns_vary():
    """By hand: 5 re-runs from 4 to 14 %, standard deviation 4.47 pp; the margin is 0.35 pp."""
    table = clean_table()
    winner = table.loc[table[of_rule(table, "adam")]["validation"].idxmin()]
    spread = (0.04, 0.04, 0.04, 0.04, 0.14)
    again = [
        {**winner, "seed": 1000.0 + j, "test": error, "validation": error}
        for j, error in enumerate(spread)
    ]
    rerun = pd.concat([table, pd.DataFrame(again)], ignore_index=True)
    (finding,) = audit([planted(rerun)])
    assert finding.title == "the winner's result depends on the seed"
    assert "test 4.00 % to 14.00 %, standard deviation 4.47 %" in finding.evidence
    unknown = rerun.drop(columns="num_test")
    assert finding.title not in found(planted(unknown))


def test_one_run_each_measured_in_nats():
    """No standard error follows from the number of examples; the noise is not known."""
    table = pd.DataFrame(
        {"optimizer": ["sgd", "adam"], "validation": [2.0, 2.5], "diverged": False}
    ).assign(num_validation=5000, num_test=5000)
    comparison = planted(table, metric=CROSS_ENTROPY)
    sized = dataclasses.replace(comparison, num_examples={"validation": 5000})
    (finding,) = [f for f in audit([sized]) if f.title.startswith("one seed")]
    assert finding.severity == "note"
    assert finding.evidence == "gap 0.5; the effect of the seed is not known"


def test_trials_that_did_not_end_count_for_nothing(tmp_path, make_signature, write_study):
    signature = make_signature("adam", epsilon=Fixed(fixed=1e-8))
    unfinished = (Status.RUNNING, Status.FAILED, Status.FAILED)
    write_study(tmp_path, signature, [0.1], infeasible=2, unfinished=unfinished)
    shown = {f.title: f.evidence for f in audit(read_comparisons(tmp_path))}
    assert shown["most trials diverged"] == "2 of 3 trials (67 %)"
    assert "in all 3 trials" in shown["epsilon not tuned"]
    write_study(tmp_path, make_signature("sgd"), [0.1])
    write_study(tmp_path, make_signature("momentum"), [0.12], unfinished=unfinished)
    single = audit(read_comparisons([tmp_path / "sgd", tmp_path / "momentum"]))
    assert "one seed, and a gap that may be its noise" in [finding.title for finding in single]


def test_a_hyperparameter_of_which_nothing_is_known_but_its_range():
    """If the allowed range is not known, an edge is not a limit."""
    table = clean_table(spaces={"sgd": SPACES["sgd"]})
    table["warmup"] = table["validation"].rank() - 1
    ranges = {"sgd": {**SPACES["sgd"], **SCHEDULE, "warmup": Uniform(low=0.0, high=60.0)}}
    (finding,) = audit([planted(table, ranges=ranges)])
    assert finding.title == "best trials crowd the low edge of the search space"
    assert finding.subject == "planted: sgd, warmup"
    assert finding.evidence.endswith("by chance); the best has warmup = 0")


def test_every_check_is_planted_above():
    assert list(CHECKS) == [
        *("untuned", "unreported", "copied_ranges", "few_trials", "no_verdicts", "unequal"),
        *(
            "identical",
            "copies",
            "untested",
        ),  # the first and the last are in sources/test_anybodys_tables
        *("infeasible", "inconclusive", "unsupported_claim"),
        *("unequal_rounds", "rounds_missing", "not_final"),  # in test_rounds
        *("selected_on_test", "violated"),
        *("cannot_imitate", "crowded_edge"),
        "near_the_default",  # in test_default_epsilon
        *("seed_noise", "winners_curse"),
    ]
