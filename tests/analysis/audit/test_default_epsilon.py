"""The note on epsilon near its default: where the trials can tell, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.audit.default_epsilon import near_the_default
from tfoptcmp.analysis.sources.tables import of_table


def table(*, near, away, high=1e-4, num_trials=150):
    """Adam's epsilon from 1e-10: a third of the trials lies within 1e-9 to 1e-7."""
    rng = np.random.default_rng(0)
    epsilon = np.geomspace(1e-10, high, num_trials)
    errors = 0.3 * rng.beta(1, 4, size=(2, num_trials))
    adam = errors[0] + np.where((epsilon >= 1e-9) & (epsilon <= 1e-7), near, away)
    rows = pd.DataFrame({"optimizer": "adam", "validation": adam, "test": adam})
    rows = rows.assign(epsilon=epsilon, epsilon_low=1e-10, epsilon_high=high)
    error = errors[1] + 0.1
    rival = pd.DataFrame({"optimizer": "momentum", "validation": error, "test": error})
    both = pd.concat([rival, rows], ignore_index=True)
    return both.assign(num_validation=5000, num_test=5000, diverged=False)


@pytest.mark.parametrize(
    ("near", "away", "title", "said"),
    [
        (0.2, 0.02, "the order would have been another", "momentum against adam turns (D -"),
        (0.1, 0.1, "no verdict is seen to turn", "momentum against adam cannot say"),
    ],
)
def test_said_where_enough_trials_lie_there(near, away, title, said):
    (finding,) = near_the_default(of_table("made", table(near=near, away=away), tuning_budget=8))
    assert finding.severity == "note"
    assert finding.subject == "made: adam, epsilon"
    assert title in finding.title
    assert "50 of 150 trials have epsilon in 1e-09 to 1e-07" in finding.evidence
    assert said in finding.evidence


def test_silent_where_they_are_few():
    of = of_table("made", table(near=0.2, away=0.02, high=1e10), tuning_budget=8)
    assert list(near_the_default(of)) == []


def test_silent_where_epsilon_is_fixed():
    rows = table(near=0.1, away=0.1)
    rows.loc[rows.optimizer == "adam", ["epsilon", "epsilon_low", "epsilon_high"]] = 1e-8
    assert list(near_the_default(of_table("made", rows, tuning_budget=8))) == []


def test_silent_before_the_first_trial(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.1] * 40)
    write_study(tmp_path, make_signature("adam"), [])
    (comparison,) = read_comparisons(tmp_path)
    assert list(near_the_default(comparison)) == []
