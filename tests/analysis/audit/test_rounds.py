"""Faults of refinements, planted into studies as tfoptcmp-tune writes them."""

import numpy as np
import pytest

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.audit.rounds import CHECKS
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.spaces import LogUniform


@pytest.fixture
def found(tmp_path, write_refined):
    """Returns what the checks of this family find in a refinement."""

    def found(rounds, **plan):
        (comparison,) = read_comparisons(write_refined(tmp_path, rounds, **plan))
        return [finding for check in CHECKS for finding in check(comparison)]

    return found


def test_a_clean_refinement(found):
    assert found({"sgd": [20, 20, 30], "momentum": [20, 20, 30]}) == []


def test_studies_without_rounds(six_rules):
    (comparison,) = read_comparisons(six_rules)
    assert [finding for check in CHECKS for finding in check(comparison)] == []


def test_fewer_trials_in_an_earlier_round(found):
    (finding,) = found({"sgd": [20, 20, 30], "momentum": [20, 12, 30]})
    assert (finding.severity, finding.subject) == ("warning", "digits_simple_cnn")
    assert finding.title == "unequal numbers of trials in earlier rounds"
    assert finding.evidence.endswith("SGD 20 + 20, Momentum 20 + 12")
    assert "repeat the command" in finding.next_step


def test_more_rounds_for_one(tmp_path, write_refined):
    """Two refinements that are compared."""
    one = write_refined(tmp_path / "a", {"sgd": [20, 40]}, num_rounds=2)
    more = write_refined(tmp_path / "b", {"momentum": [20, 20, 30]})
    findings = audit(read_comparisons([one, more]))
    (finding,) = [f for f in findings if "rounds" in f.title]
    assert (finding.severity, finding.title) == ("error", "unequal numbers of rounds")
    assert finding.evidence.endswith("SGD 20, Momentum 20 + 20")


def test_only_one_was_refined(tmp_path, write_refined, make_signature, write_study):
    refined = write_refined(tmp_path / "a", {"sgd": [20, 40]}, num_rounds=2)
    write_study(tmp_path / "b", make_signature("momentum"), [0.1 + 0.02 * i for i in range(40)])
    findings = audit(read_comparisons([refined, tmp_path / "b"]))
    (finding,) = [f for f in findings if "rounds" in f.title]
    assert finding.severity == "warning"
    assert finding.title == "only some search spaces were narrowed in rounds"
    assert finding.evidence.endswith("SGD 20; none on record of Momentum")


def test_a_round_that_is_missing(found):
    (finding,) = found({"sgd": [20, 20], "momentum": [20, 20]})
    assert (finding.severity, finding.title) == ("warning", "not the last round")
    assert finding.evidence.startswith("2 of 3 planned rounds")


def test_a_space_that_is_not_accepted(found):
    (finding,) = found({"sgd": [20, 20, 30], "momentum": [20, 20, 10]})
    assert (finding.severity, finding.subject) == ("note", "digits_simple_cnn: Momentum")
    assert finding.title == "its search space is not accepted as final"
    assert finding.evidence == (
        "after 3 rounds: 10 feasible trials, of 15 that the boundary check needs"
    )
    assert finding.next_step.endswith("--max_rounds=4")


def test_a_crowded_edge_is_told_once(tmp_path, write_refined):
    """The rate's trials are in the order of the errors: the best are the smallest."""
    wide = {"eta0": LogUniform(low=1e-2, high=1e2)}
    # write_study draws the points itself, the same for equal numbers: the errors come after.
    draft = write_refined(tmp_path / "draft", {"sgd": [(40, wide), (40, wide)]}, num_rounds=2)
    (comparison,) = read_comparisons(draft)
    order = np.argsort(np.argsort(comparison.contestants[0].trials["searched_eta0"]))
    errors = list(0.1 + 0.02 * order)
    rounds = {"sgd": [(40, wide), (errors, wide)]}
    findings = audit(read_comparisons(write_refined(tmp_path / "s", rounds, num_rounds=2)))
    titles = [finding.title for finding in findings]
    assert "best trials crowd the low edge of the search space" in titles
    assert not [title for title in titles if "accepted" in title]
