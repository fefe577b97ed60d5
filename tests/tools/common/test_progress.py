from tfoptcmp.tools.common.progress import Progress
from tfoptcmp.tuners.observers import Counts

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.study.schema import Status, Trial


def test_the_time_to_go_counts_what_diverges_and_is_not_said_before_a_trial_is_feasible(
    capsys, monkeypatch
):
    """By hand: 10 s and 50 s, of which one in two is feasible: 4 left take 8 of 30 s, by 2."""
    monkeypatch.setattr("tfoptcmp.tools.common.progress._SECONDS_BETWEEN_LINES", -1.0)
    progress = Progress("Adam", CLASSIFICATION_ERROR, num_steps=9, num_feasible=5, num_workers=2)
    counts, lines = Counts(left=5), []
    for status, seconds in ((Status.INFEASIBLE, 10.0), (Status.COMPLETE, 50.0)):
        final = {"validation_metric": 0.25} if status is Status.COMPLETE else None
        trial = Trial(
            index=0,
            status=status,
            values={},
            arguments={},
            seeds={},
            started=0.0,
            seconds=seconds,
            final=final,
        )
        counts = counts.after(trial)
        progress.on_trial_end(trial, counts)
        lines.append(capsys.readouterr().err)
    assert "0/5 feasible, 1 infeasible, 5 left" in lines[0] and "to go" not in lines[0]
    assert "1/5 feasible, 1 infeasible, 4 left, best 25.00 %, 2 min to go" in lines[1]
