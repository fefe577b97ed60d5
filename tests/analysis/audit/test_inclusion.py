"""Rules worse than their special cases, and spaces that cannot imitate them, are found."""

import dataclasses
import math

import numpy as np
import pytest

from tests.analysis.audit.made import ADAM, SCHEDULE, SPACES, clean_table, found, of_rule, planted
from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.rules import RULES, Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Fixed, LogUniform, SearchSpace


def test_a_space_that_cannot_imitate():
    spaces = {**SPACES, "adam": {**ADAM, "epsilon": LogUniform(low=1e-10, high=1e-6)}}
    (first, *_), other = [
        audit([planted(clean_table(spaces=spaces, gradient_rms=rms), spaces=spaces)])
        for rms in (1e-3, 1e-9)
    ]
    # Where the gradient is so small, 1e-6 is large, and nearly every epsilon of RMSProp.
    assert {finding.title for finding in other} == {
        "nearly all of its trials act as its special case"
    }
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


@pytest.mark.parametrize(("lowest", "said"), [(1e-2, True), (1e-10, False)])
def test_a_rule_that_was_searched_as_another(lowest, said):
    """By hand: of epsilons over 1e-10 to 1e10, 12 decades of 20 are above ten times 1e-3."""
    spaces = {**SPACES, "adam": {**ADAM, "epsilon": LogUniform(low=lowest, high=1e10)}}
    table = clean_table(spaces=spaces).assign(used_learning_rate=1.0)
    findings = audit([planted(table, spaces=spaces)])
    assert [finding.title for finding in findings] == [
        "nearly all of its trials act as its special case"
    ] * said
    if said:
        (finding,) = findings
        assert finding.severity == "note" and "adam" in finding.subject
        assert "in 50 of 50 trials" in finding.evidence and "of Momentum" in finding.evidence


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
