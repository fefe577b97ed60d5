"""How the end of a trial is recorded, given its outcome and its last measurement."""

import math
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from tfoptcmp.study.attempt import Attempt
from tfoptcmp.study.clock import Clock
from tfoptcmp.study.schema import Status
from tfoptcmp.study.trial import Outcome, TrialTask

TASK = TrialTask(index=0, values={"eta0": 0.1}, arguments={"learning_rate": 0.1}, seeds={})


@pytest.mark.parametrize(
    ("train_loss", "status", "message"),
    [
        (0.1, Status.COMPLETE, ""),
        (1e29, Status.COMPLETE, ""),
        (math.nan, Status.INFEASIBLE, "train_loss is nan at step 10"),
        (math.inf, Status.INFEASIBLE, "train_loss is inf at step 10"),
        (None, Status.INFEASIBLE, "train_loss is None at step 10"),
    ],
)
def test_a_trial_is_feasible_if_its_last_training_loss_is_finite(train_loss, status, message):
    trials, rows = [], []
    measurements = nullcontext(SimpleNamespace(write=rows.append))
    writer = SimpleNamespace(
        write_trial=lambda trial, rerun: trials.append(trial),
        measurements=lambda index, rerun: measurements,
    )
    attempt = Attempt(TASK, writer, Clock(now=lambda: 1.6e9, monotonic=lambda: 0.0))
    attempt.write({"step": 5, "train_loss": 0.2})
    attempt.write({"step": 10, "train_loss": train_loss})
    ended = attempt.end(Outcome(status=Status.COMPLETE, steps=10))
    assert (ended.status, ended.message, ended.final) == (status, message, rows[-1])
    assert [trial.status for trial in trials] == [Status.RUNNING, status]
