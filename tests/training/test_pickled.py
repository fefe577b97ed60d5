"""Losses and metrics of users in another process: with their classes, and all their attributes."""

import subprocess
import sys

import cloudpickle
import keras
import numpy as np
import pytest

from tfoptcmp.training.pickled import dumps

# As in a user's script: of classes that nobody registered, whose configuration says nothing.
SCRIPT = """
import sys
import keras
from keras import ops
from tfoptcmp.training.pickled import dumps

class Scaled(keras.losses.Loss):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, y, outputs):
        return self.factor * ops.mean(ops.square(y - outputs), axis=-1)

class Furthest(keras.metrics.Metric):
    def __init__(self, power):
        super().__init__()
        self.power = power
        self.most = self.add_weight(shape=(), initializer="zeros", name="most")

    def update_state(self, y, outputs, sample_weight=None):
        away = ops.max(ops.abs(y - outputs)) ** self.power
        self.most.assign(ops.maximum(self.most, away))

    def result(self):
        return self.most

metric = Furthest(2)
metric.update_state(ops.zeros(3), ops.ones(3) * 50.0)
sys.stdout.buffer.write(dumps((Scaled(100.0), metric)))
"""


def test_a_scripts_own_classes_arrive_whole():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    loss, metric = cloudpickle.loads(done.stdout)
    y, outputs = np.zeros((3, 1), np.float32), np.full((3, 1), 2.0, np.float32)
    assert float(loss(y, outputs)) == 400.0
    assert float(metric.result()) == 0.0  # by hand: it begins anew
    metric.update_state(y, outputs)
    assert float(metric.result()) == 4.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


def absolute(y, outputs):
    return keras.ops.abs(y - outputs)


@pytest.mark.parametrize(
    "metric",
    [
        keras.metrics.AUC(num_thresholds=7),
        keras.metrics.MeanMetricWrapper(absolute),
        keras.metrics.R2Score(),
        keras.metrics.F1Score(threshold=0.4),
        keras.metrics.MeanIoU(num_classes=2),
        keras.metrics.BinaryAccuracy(threshold=0.3),
        keras.metrics.PrecisionAtRecall(0.5),
    ],
    ids=lambda metric: type(metric).__name__,
)
def test_keras_own_metrics_measure_the_same(metric):
    again = cloudpickle.loads(dumps(metric))
    y = np.array([[0], [1], [1], [0]], np.float32)
    outputs = np.array([[0.2], [0.4], [0.9], [0.35]], np.float32)
    for one in (metric, again):
        one.update_state(y, outputs)
        one.update_state(y, outputs[::-1])
    np.testing.assert_array_equal(np.asarray(again.result()), np.asarray(metric.result()))


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.Huber(delta=0.3),
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        keras.losses.CategoricalFocalCrossentropy(gamma=3.0),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_keras_own_losses_are_the_same(loss):
    again = cloudpickle.loads(dumps(loss))
    y = np.array([[0, 1], [1, 0]], np.float32)
    outputs = np.array([[0.2, 0.8], [0.4, 0.6]], np.float32)
    assert float(again(y, outputs)) == float(loss(y, outputs))
