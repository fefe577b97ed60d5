"""Numbers and lengths of trials, and claims: every planted fault is found."""

import dataclasses
import math
import re

import numpy as np
import pandas as pd

from tests.analysis.audit.made import ADAM, SPACES, clean_table, found, of_rule, planted
from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics.verdicts import Verdict, judge
from tfoptcmp.spaces import Fixed
from tfoptcmp.study.schema import Status


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


def test_few_trials():
    comparison = planted(clean_table(num_trials=15))
    assert found(comparison) == {"fewer than tens of trials": "warning"}


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
    nadam, adam = map(comparison.named, ("nadam", "adam"))
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
