import json
import math
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import programs
from tfoptcmp.metrics import CROSS_ENTROPY
from tfoptcmp.study.schema import COLUMNS, STANDARD_ERRORS, Status
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options

# Adam with hyperparameters that learn the blobs.
GOOD = {"alpha0_over_epsilon": 1.0, "epsilon": 1e-2, "one_minus_beta1": 0.1}
# A step of this size overflows float32 within a few steps, whatever the weights.
DIVERGING = {"alpha0_over_epsilon": 1e30, "epsilon": 1e2}


@pytest.fixture(scope="module")
def trainer(workload, budget, splits, adam):
    return Trainer(workload=workload, budget=budget, splits=splits, signature=adam)


def run(trainer, task):
    rows = []
    outcome = trainer.run(task, rows.append)
    return outcome, rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distribution": "mirrored"}, "strategy must be .* distribution='mirrored'; got None"),
        ({"checkpoint_every_minutes": 1.0}, "clock must be given"),
    ],
)
def test_what_options_need_is_asked_for(workload, budget, splits, adam, options, message):
    with pytest.raises(ValueError, match=message):
        Trainer(
            **{"workload": workload, "budget": budget, "splits": splits, "signature": adam},
            options=Options(**options),
        )


def test_measures_at_the_interval_and_at_the_last_step(trainer, adam, make_task):
    outcome, rows = run(trainer, make_task(adam, **GOOD))
    assert outcome.status is Status.COMPLETE
    assert outcome.steps == 25
    assert [row["step"] for row in rows] == [10, 20, 25]
    of_validation = {name for name in COLUMNS if not name.startswith(("train", "test"))}
    whole = {*COLUMNS, *STANDARD_ERRORS}
    assert [set(row) for row in rows] == [of_validation, of_validation, whole]
    assert rows[-1]["validation_metric"] < 0.4  # theory: chance is 0.75
    assert rows[-1]["validation_loss"] < rows[0]["validation_loss"]


def test_learning_rate_is_the_one_that_the_step_used(trainer, adam, make_task):
    task = make_task(adam, **GOOD, decay_steps_fraction=1.0, decay_factor=0.1)
    _, rows = run(trainer, task)
    rate = task.arguments["learning_rate"]
    for row in rows:  # theory: linear from eta_0 at t = 0; step s is t = s - 1
        expected = rate * (1 - 0.9 * (row["step"] - 1) / 25)
        assert row["learning_rate"] == pytest.approx(expected, rel=1e-6)


def test_equal_trials_measure_equal_bits(trainer, adam, make_task):
    task = make_task(adam, **GOOD)
    _, alone = run(trainer, task)
    run(trainer, make_task(adam, index=1, epsilon=1e-8))
    run(trainer, make_task(adam, index=2, **DIVERGING))
    _, after_others = run(trainer, task)
    assert alone == after_others
    _, other_seed = run(trainer, make_task(adam, index=1, **GOOD))
    assert alone != other_seed


_IN_A_NEW_PROCESS = """
import json, sys
sys.path[:0] = {path!r}
from tfoptcmp.training import runtime
runtime.configure(1)
import conftest
from tfoptcmp.training.engine import Trainer
unwrap = lambda fixture: getattr(fixture, "__wrapped__", None) or fixture._get_wrapped_function()
budget = unwrap(conftest.budget)()
splits = unwrap(conftest.splits)()
workload = unwrap(conftest.workload)(budget, splits)
adam = unwrap(conftest.adam)()
task = unwrap(conftest.make_task)(budget)(adam, **{values!r})
rows = []
Trainer(workload=workload, budget=budget, splits=splits, signature=adam).run(task, rows.append)
print(json.dumps(rows))
"""


def test_equal_trials_measure_equal_bits_in_a_new_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_IN_A_NEW_PROCESS.format(path=[str(Path(__file__).parent)], values=GOOD))
    runs = [programs.run(script), programs.run(script, fresh=True, PYTHONHASHSEED="1")]
    assert [done.returncode for done in runs] == [0, 0], runs[0].stderr + runs[1].stderr
    results = [done.stdout for done in runs]
    assert len(json.loads(results[0])) == 3
    assert results[0] == results[1]


def test_second_trial_neither_builds_nor_traces(trainer, adam, make_task, monkeypatch):
    run(trainer, make_task(adam, **GOOD))
    model, update = trainer._model, trainer._model._update
    traces = []
    monkeypatch.setattr(model, "_update", lambda *data: (traces.append(1), update(*data)))
    run(trainer, make_task(adam, index=1, one_minus_beta2=0.05, l2=0.0))
    assert trainer._model is model
    assert not traces


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_divergence_ends_the_trial_at_the_very_step(
    workload, budget, splits, adam, make_task, poison
):
    """NaN or inf in the data of step 13, in the middle of a compiled block of ten."""

    class Poisoned:
        steps_per_epoch = None

        def batches(self, **kwargs):
            batches = splits.train.batches(**kwargs)
            return batches.enumerate().map(
                lambda i, batch: (
                    tf.where(i == 12, tf.cast(poison, tf.float32), batch[0]),
                    batch[1],
                )
            )

    poisoned = replace(splits, train=Poisoned())
    trainer = Trainer(workload=workload, budget=budget, splits=poisoned, signature=adam)
    outcome, rows = run(trainer, make_task(adam, **GOOD))
    assert outcome.status is Status.INFEASIBLE
    assert outcome.steps == 12
    assert "step 13" in outcome.message
    assert [row["step"] for row in rows] == [10]
    healthy = Trainer(workload=workload, budget=budget, splits=splits, signature=adam)
    _, healthy_rows = run(healthy, make_task(adam, **GOOD))
    assert rows == healthy_rows[:1]
    variables = [*trainer._model.variables, *trainer._model.optimizer.variables]
    assert all(np.isfinite(variable.numpy()).all() for variable in variables)


def test_diverging_hyperparameters_are_infeasible_and_the_next_trial_is_healthy(
    trainer, adam, make_task
):
    outcome, _ = run(trainer, make_task(adam, **DIVERGING))
    assert outcome.status is Status.INFEASIBLE
    assert outcome.steps < 25
    outcome, _ = run(trainer, make_task(adam, **GOOD))
    assert outcome.status is Status.COMPLETE


def test_measured_figures_equal_keras_own(trainer, splits, adam, make_task):
    """Loss and error against Keras's, on the trained weights, and without L2 and smoothing."""
    _, rows = run(trainer, make_task(adam, **GOOD))
    network = trainer._model.network
    network.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    for split, [(x, y)] in splits.evaluation.items():
        loss, accuracy = network.evaluate(x, y, verbose=0)
        assert rows[-1][f"{split}_loss"] == pytest.approx(loss, rel=1e-5)
        assert rows[-1][f"{split}_metric"] == pytest.approx(1 - accuracy, abs=1e-6)


def test_objective_and_gradient_equal_keras_own(trainer, splits, adam, make_task, monkeypatch):
    """Smoothed cross entropy plus l2 / 2 times the squares of the kernels, and its gradient."""
    run(trainer, make_task(adam, **GOOD))
    model = trainer._model
    [dropout] = [v for v in model.network.layers if isinstance(v, keras.layers.Dropout)]
    monkeypatch.setattr(dropout, "rate", 0.0)
    [(x, y)] = splits.evaluation["train"]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    penalty = keras.regularizers.L2(1e-3 / 2)
    kernels = [v for v in model.network.trainable_variables if v.name == "kernel"]
    assert len(kernels) == 2
    with tf.GradientTape() as tape:
        expected = loss(tf.one_hot(y, 4), model.network(x, training=True))
        expected += sum(penalty(kernel) for kernel in kernels)
    gradients = tape.gradient(expected, [v.value for v in model.network.trainable_variables])
    flat = np.concatenate([np.ravel(gradient) for gradient in gradients])
    model._update(x, y)
    assert float(model.objective) == pytest.approx(float(expected), rel=1e-5)
    rms = np.sqrt(np.mean(np.square(flat, dtype=np.float64)))
    assert float(model.gradient_rms) == pytest.approx(rms, rel=1e-5)


def test_metric_of_a_cross_entropy_workload_is_the_loss(workload, budget, splits, adam, make_task):
    trainer = Trainer(
        workload=replace(workload, metric=CROSS_ENTROPY),
        budget=budget,
        splits=splits,
        signature=adam,
    )
    _, rows = run(trainer, make_task(adam, **GOOD))
    assert rows[-1]["test_metric"] == rows[-1]["test_loss"]


def test_measuring_more_often_changes_no_weight(workload, splits, adam, make_task):
    ends = []
    for interval in (5, 25):
        budget = replace(workload.budgets["smoke"], eval_every_steps=interval)
        trainer = Trainer(workload=workload, budget=budget, splits=splits, signature=adam)
        _, rows = run(trainer, make_task(adam, **GOOD))
        ends.append(rows[-1])
    assert ends[0] == ends[1]
