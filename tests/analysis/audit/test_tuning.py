"""What was searched and over which ranges: every planted fault is found."""

import pandas as pd

from tests.analysis.audit.made import (
    ADAM,
    MOMENTUM,
    SCHEDULE,
    SPACES,
    clean_table,
    found,
    of_rule,
    planted,
)
from tfoptcmp.analysis.audit import audit
from tfoptcmp.spaces import Fixed, LogUniform, Uniform


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


def test_a_hyperparameter_of_which_nothing_is_known_but_its_range():
    """If the allowed range is not known, an edge is not a limit."""
    table = clean_table(spaces={"sgd": SPACES["sgd"]})
    table["warmup"] = table["validation"].rank() - 1
    ranges = {"sgd": {**SPACES["sgd"], **SCHEDULE, "warmup": Uniform(low=0.0, high=60.0)}}
    (finding,) = audit([planted(table, ranges=ranges)])
    assert finding.title == "best trials crowd the low edge of the search space"
    assert finding.subject == "planted: sgd, warmup"
    assert finding.evidence.endswith("by chance); the best has warmup = 0")
