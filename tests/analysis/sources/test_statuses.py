"""What did not end is left out and counted; what diverged is infeasible."""

import pandas as pd
import pytest

from tfoptcmp.analysis.sources.statuses import finished, is_complete
from tfoptcmp.study.schema import StudyError


def table(*statuses):
    return pd.DataFrame({"optimizer": "adam", "validation": 0.1, "status": list(statuses)})


def test_what_did_not_end_is_left_out_and_counted():
    kept, said = finished(
        table("COMPLETE", "TrialState.PRUNED", "FINISHED", "pruned", "RUNNING", None, "Terminated")
    )
    assert len(kept) == 4 and "status" not in kept
    assert said == ("Left out: 2 pruned, 1 running.",)


@pytest.mark.parametrize("word", ["", "COMPLETED", "TrialState.COMPLETE", "Success", "done", "ok"])
def test_words_for_a_trial_that_ran_to_its_end(word):
    assert is_complete(word)


@pytest.mark.parametrize("word", ["failed", "diverged", "INFEASIBLE", "running", "odd"])
def test_words_for_another_end(word):
    assert not is_complete(word)


def test_what_diverged_is_infeasible():
    kept, said = finished(table("ok", "INFEASIBLE").assign(diverged=False))
    assert list(kept["diverged"]) == [False, True] and not said


def test_without_a_status_all_count():
    known = table("x").drop(columns="status")
    assert finished(known)[0] is known


@pytest.mark.parametrize(
    ("words", "message"),
    [(("complete", "odd"), "got 'odd'"), (("failed", "killed"), "no trial that ended: 1 failed")],
)
def test_what_makes_no_sense(words, message):
    with pytest.raises(StudyError, match=message):
        finished(table(*words))
