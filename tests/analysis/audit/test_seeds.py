"""Luck of the seed is found: single seeds, lucky winners, winners that vary."""

import dataclasses
import math

import pandas as pd

from tests.analysis.audit.made import clean_table, found, of_rule, planted
from tfoptcmp.analysis.audit import audit
from tfoptcmp.metrics import CROSS_ENTROPY


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


def test_a_lucky_winner_and_a_claim_that_its_reruns_do_not_bear_out():
    table = clean_table()
    winner = table.loc[table[of_rule(table, "adam")]["validation"].idxmin()]
    again = [
        {**winner, "seed": 1000.0 + j, "validation": 0.06 + 1e-3 * j, "test": 0.06 + 1e-3 * j}
        for j in range(5)
    ]
    rerun = pd.concat([table, pd.DataFrame(again)], ignore_index=True)
    comparison = planted(rerun)
    adam = comparison.named("adam")
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
