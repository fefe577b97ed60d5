"""Faults planted into files: a table from elsewhere, and studies as tfoptcmp-tune writes them.

The tests of the families look at each check closely; here every fault in a file ends as a finding
with its severity, its numbers and what to run next, and clean files give no finding.
"""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.spaces import Fixed, LogUniform

RANGES = {
    "sgd": {"learning_rate": (1e-3, 1e1)},
    "momentum": {"learning_rate": (1e-4, 1e1), "momentum": (0.0, 0.999)},
    "adam": {
        "alpha0_over_epsilon": (1e-2, 1e4),
        "beta_1": (0.0, 0.999),
        "beta_2": (0.9, 0.9999),
        "epsilon": (1e-10, 1e10),
    },
}


def _drawn(rng, name, low, high):
    if name in ("momentum", "beta_1", "beta_2"):
        return 1 - 10 ** rng.uniform(math.log10(1 - high), math.log10(1 - low))
    return 10 ** rng.uniform(math.log10(low), math.log10(high))


def clean_table(num_trials=40):
    """Three rules, tuned alike: the error depends on the effective learning rate, best at 1."""
    rng = np.random.default_rng(0)
    rows = []
    for rule, ranges in RANGES.items():
        for index in range(num_trials):
            values = {name: _drawn(rng, name, *ends) for name, ends in ranges.items()}
            rate = values.get("alpha0_over_epsilon") or values["learning_rate"] / (
                1 - values.get("momentum", 0.0)
            )
            error = 0.05 + 0.004 * math.log10(rate) ** 2 + 0.001 * rng.normal()
            row = {"optimizer": rule, "validation": error, "test": error + 0.001 * rng.normal()}
            row |= {"steps": 1000, "seed": index, "gradient_rms": 1e-3, "num_test": 5000}
            row |= {"num_validation": 5000, **values}
            for name, (low, high) in ranges.items():
                row |= {f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def of(table, rule):
    return table["optimizer"] == rule


def epsilon_at_its_default(table):
    table.loc[of(table, "adam"), ["epsilon", "epsilon_low", "epsilon_high"]] = 1e-8
    return table


def no_ranges(table):
    return table.drop(columns=[n for n in table if n.endswith(("_low", "_high"))])


def copied_ranges(table):
    table.loc[of(table, "sgd"), "learning_rate_low"] = 1e-4
    return table


def few_trials(table):
    return table.drop(table[table["seed"] >= 10].index)


def small_epsilons(table):
    rows = of(table, "adam")
    table.loc[rows, "epsilon"] = 1e-10 * (table[rows]["epsilon"] / 1e-10) ** (5 / 20)
    table.loc[rows, "epsilon_high"] = 1e-5
    return table


def fewer_trials_of_one(table):
    return table.drop(table[of(table, "sgd") & (table["seed"] >= 20)].index)


def more_steps_for_one(table):
    table.loc[of(table, "adam"), "steps"] = 2000
    return table


def best_at_an_edge(table):
    rows = of(table, "sgd")
    gain = 0.02 * np.log10(table[rows]["learning_rate"])
    table.loc[rows, ["validation", "test"]] -= np.outer(gain, (1, 1))
    return table


def worse_than_its_special_cases(table):
    table.loc[of(table, "adam"), ["validation", "test"]] += 0.03
    return table


def no_validation_set(table):
    return table.drop(columns=["validation", "num_validation"])


def one_seed(table):
    table["seed"] = 0
    return table


def divergence(table):
    rows = table[of(table, "sgd") & (table["seed"] >= 15)].index
    table.loc[rows, ["validation", "test"]] = math.nan
    return table


PLANTED = [
    (epsilon_at_its_default, "epsilon not tuned", "warning", "1e-08 (a default)", "search"),
    (no_ranges, "search spaces not reported", "warning", "momentum of momentum", "_low"),
    (copied_ranges, "the same range of learning_rate for", "note", "[0.0001, 10)", "each rule"),
    (few_trials, "fewer than tens of trials", "warning", "sgd 10, momentum 10", "more trials"),
    (small_epsilons, "cannot imitate", "note", "largest epsilon 1e-05 is 0.01 times", "widen"),
    (fewer_trials_of_one, "unequal numbers of trials", "warning", "sgd 20", "same K"),
    (more_steps_for_one, "unequal budgets", "error", "adam 2,000", "same number of steps"),
    (best_at_an_edge, "best trials crowd the high edge", "warning", "of the 5", "outwards"),
    (worse_than_its_special_cases, "worse than its own special", "error", "K = 4 of N", "more"),
    (no_validation_set, "selected on the test metric", "error", "no validation", "hold out"),
    (one_seed, "one seed, and a gap", "warning", "5,000 test examples", "--rerun_best"),
    (divergence, "most trials diverged", "warning", "25 of 40 trials (62 %)", "narrow"),
]


@pytest.fixture
def findings(tmp_path):
    def findings(table, **changes):
        path = tmp_path / "planted.csv"
        table.to_csv(path, index=False)
        return audit([dataclasses.replace(one, **changes) for one in read_comparisons(path)])

    return findings


def test_a_clean_table(findings):
    assert findings(clean_table()) == []


@pytest.mark.parametrize(
    ("plant", "title", "severity", "evidence", "next_step"),
    PLANTED,
    ids=[plant.__name__ for plant, *_ in PLANTED],
)
def test_a_fault_in_a_table(findings, plant, title, severity, evidence, next_step):
    found = findings(plant(clean_table()))
    (first, *_) = matching = [finding for finding in found if title in finding.title]
    assert {f.severity for f in matching} == {severity}
    assert evidence in first.evidence
    assert next_step in first.next_step


def test_a_claim_that_needs_more_trials(findings):
    (finding,) = findings(clean_table(), claims=(("momentum", "sgd"),))
    assert (finding.title, finding.severity) == ("the trials do not support the claim", "warning")
    assert "at K = 4" in finding.evidence


# Wide enough for the general rules to imitate any best trial of a special one.
WIDE = {
    "sgd": {},
    "momentum": {},
    "adam": {
        "alpha0_over_epsilon": LogUniform(low=1e-4, high=1e6),
        "one_minus_beta1": LogUniform(low=1e-4, high=1.0),
    },
}


@pytest.fixture
def write_studies(tmp_path, make_signature, write_study):
    """Writes studies of equally good rules; keyword arguments change those of Adam."""

    def write_studies(*, num_trials=40, worse=0.0, dimensions=None, **changes):
        rng = np.random.default_rng(0)
        for rule, wide in WIDE.items():
            adam = rule == "adam"
            errors = 0.05 + 0.1 * rng.permutation(num_trials) / num_trials + (worse if adam else 0)
            signature = make_signature(rule, **{**wide, **(dimensions or {} if adam else {})})
            tests = list(errors + 0.001 * rng.normal(size=num_trials))
            write_study(
                tmp_path, signature, list(errors), test_errors=tests, **(changes if adam else {})
            )
        return tmp_path

    return write_studies


def test_clean_studies(write_studies):
    assert audit(read_comparisons([write_studies()])) == []


@pytest.mark.parametrize(
    ("changes", "title", "severity", "evidence"),
    [
        (
            {"dimensions": {"epsilon": Fixed(fixed=1e-8)}},
            "epsilon not tuned",
            "warning",
            "epsilon = 1e-08 (a default) in all 40 trials",
        ),
        ({"num_trials": 10}, "fewer than tens of trials", "warning", "SGD 10, Momentum 10, Adam"),
        (
            {"dimensions": {"epsilon": LogUniform(low=1e-10, high=1e-4)}},
            "the space of Adam cannot imitate",
            "note",
            # The root mean square of the first measurement is 1 = exp(-0).
            "largest epsilon 0.0001 is 0.0001 times the gradient's root mean square 1",
        ),
        ({"budget": {"steps": 200}}, "unequal budgets", "warning", "Adam: steps 200"),
        ({"worse": 0.2}, "worse than its own special case", "error", "test worse by"),
        ({"infeasible": 50}, "most trials diverged", "warning", "50 of 90 trials (56 %)"),
    ],
    ids=["fixed", "few", "cannot_imitate", "unequal", "violated", "infeasible"],
)
def test_a_fault_in_studies(write_studies, changes, title, severity, evidence):
    found = audit(read_comparisons([write_studies(**changes)]))
    (first, *_) = matching = [finding for finding in found if title in finding.title]
    assert {finding.severity for finding in matching} == {severity}
    assert evidence in first.evidence
    assert first.next_step
    assert {finding.title for finding in found} == {finding.title for finding in matching}
