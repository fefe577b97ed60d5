"""What happens between blocks of steps, on a model that only counts."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfoptcmp.training.callbacks import Measure, TakeCheckpoints
from tfoptcmp.training.options import Options


class Counter:
    """A model of two weights that a test takes from block to block."""

    def __init__(self):
        self.optimizer = SimpleNamespace(iterations=tf.Variable(0))
        self.diverged = tf.Variable(False)
        self.trainable_variables = [np.ones(2), np.ones(3)]
        self.stop_training = False

    def go(self, callback, *steps):
        callback.set_model(self)
        for step in steps:
            self.optimizer.iterations.assign(step)
            callback.on_train_batch_end(0)


@pytest.fixture
def model():
    return Counter()


@pytest.fixture
def measure(budget):
    """Measures every 10 of 25 steps; what it has measured is in `rows`."""
    rows = []
    losses = {}
    callback = Measure(
        budget, lambda step: {"step": step, "train_loss": losses.get(step, 0.5)}, rows.append
    )
    callback.rows, callback.losses = rows, losses
    return callback


def test_measures_at_the_interval_and_at_the_last_step(model, measure):
    model.go(measure, 5, 10, 15, 20, 25)
    assert [row["step"] for row in measure.rows] == [10, 20, 25]
    assert (measure.problem, model.stop_training) == ("", False)


def test_one_that_diverged_is_stopped_without_a_measurement(model, measure):
    model.diverged.assign(True)
    model.go(measure, 10)
    assert measure.rows == []
    assert measure.problem == "training loss or gradient not finite at step 11"
    assert model.stop_training


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_measured_loss_that_is_not_finite_stops(model, measure, loss):
    measure.losses[20] = loss
    model.go(measure, 10, 20)
    assert [row["step"] for row in measure.rows] == [10, 20]
    assert measure.problem == "measured training loss not finite after step 20"
    assert model.stop_training


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_one_weight_that_is_not_finite_stops(model, measure, bad):
    model.go(measure, 10)
    model.trainable_variables[1][2] = bad
    model.go(measure, 20)
    assert measure.problem == "weights not finite after step 20"
    assert model.stop_training


def taking(saved, **changes):
    """A callback that puts the steps of its checkpoints into `saved`; 25 steps per trial."""
    settings = {
        "num_steps": 25,
        "options": Options(),
        "should_stop": lambda: False,
        "monotonic": lambda: 0.0,
    }
    return TakeCheckpoints(saved.append, **{**settings, **changes})


BLOCKS = (5, 10, 15, 20, 25)


@pytest.mark.parametrize(
    ("start", "options", "steps"),  # by hand
    [
        (0, {}, []),
        (0, {"checkpoint_every_steps": 5}, [5, 10, 15, 20]),
        (0, {"checkpoint_every_steps": 12}, [15]),  # 24 falls into the last block
        (0, {"checkpoint_every_steps": 9}, [10, 20]),
        (10, {"checkpoint_every_steps": 10}, [20]),  # the one it resumes from is not taken again
        (11, {"checkpoint_every_steps": 12}, [15]),
        (0, {"keep_checkpoints": True}, [25]),
        (0, {"checkpoint_every_steps": 10, "keep_checkpoints": True}, [10, 20, 25]),
        (0, {"checkpoint_every_minutes": 2.0}, [10, 20]),  # a minute a block
        (0, {"checkpoint_every_minutes": 121 / 60}, [15]),
        (
            0,
            {"checkpoint_every_steps": 15, "checkpoint_every_minutes": 2.0},
            [10, 15],
        ),  # by time 25, the end
    ],
)
def test_when_checkpoints_are_taken(model, start, options, steps):
    now = [0.0]
    saved = []
    callback = taking(saved, options=Options(**options), monotonic=lambda: now[0])
    callback.set_model(model)
    model.optimizer.iterations.assign(start)
    callback.on_train_begin()
    for step in BLOCKS:
        if step > start:
            now[0] += 60.0
            model.go(callback, step)
    assert saved == steps
    assert (callback.interrupted, model.stop_training) == (False, False)


def test_a_stop_takes_a_checkpoint_but_not_at_the_end(model):
    saved = []
    callback = taking(saved, should_stop=lambda: True)
    callback.set_model(model)
    callback.on_train_begin()
    model.go(callback, 25)
    assert (saved, callback.interrupted, model.stop_training) == ([], False, False)
    model.go(callback, 5)
    assert (saved, callback.interrupted, model.stop_training) == ([5], True, True)


def test_one_that_diverged_leaves_no_checkpoint(model):
    saved = []
    options = Options(checkpoint_every_steps=5)
    callback = taking(saved, options=options, should_stop=lambda: True)
    callback.set_model(model)
    callback.on_train_begin()
    model.stop_training = True
    model.go(callback, 5)
    assert (saved, callback.interrupted) == ([], False)
