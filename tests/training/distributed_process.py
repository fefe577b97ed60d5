"""Trains on two devices: python distributed_process.py mirrored|worker DIRECTORY; prints JSON.

"mirrored" has two CPU devices in one process and also trains on one; "worker" is one of the two
processes that TF_CONFIG lists.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import trial_process

from tfoptcmp.study.trial import Interrupted, TrialTask, trial_seeds
from tfoptcmp.training import runtime
from tfoptcmp.training.distribution import make_strategy
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options


class Changed:
    """Training batches with something done to each."""

    def __init__(self, source, change):
        self.steps_per_epoch = source.steps_per_epoch
        self.source, self.change = source, change

    def batches(self, **kwargs):
        batches = self.source.batches(**kwargs).enumerate(kwargs["start"])
        return batches.map(lambda step, batch: self.change(step, *batch))


def trainer(name, strategy, *, change=None, rate=0.0, batch_size=None, should_stop=None, **options):
    workload, signature = trial_process.TRIALS[name]
    [budget] = workload.budgets.values()
    if batch_size:
        budget = replace(budget, batch_size=batch_size)
    splits = workload.load(budget, None)
    if change:
        splits = replace(splits, train=Changed(splits.train, change))

    def build(budget, splits):
        network = workload.build(budget, splits)
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = rate
        return network

    return Trainer(
        workload=replace(workload, build=build),
        budget=budget,
        splits=splits,
        signature=signature,
        options=Options(distribution=DISTRIBUTION if strategy else "none", **options),
        strategy=strategy,
        should_stop=should_stop or (lambda: False),
    )


def run(trainer, index=3, directory=None):
    space = trainer.signature.space
    values = space.values(())
    task = TrialTask(
        index=index,
        values=values,
        arguments=space.derive(values, budget_steps=trial_process.BUDGET.steps),
        seeds=trial_seeds(0, index),
        directory=directory,
    )
    rows = []
    try:
        outcome = trainer.run(task, rows.append)
    except Interrupted as interrupted:
        return {"rows": rows, "interrupted": str(interrupted)}
    weights = [variable.numpy() for variable in trainer._model.network.trainable_variables]
    return {
        "rows": rows,
        "steps": outcome.steps,
        "message": outcome.message,
        "finite": all(np.isfinite(array).all() for array in trainer._model.snapshot()),
        "weights": [array.ravel().tolist() for array in weights],
    }


def resumed(name, strategy, directory, stop):
    """A trial stopped after its first block and resumed, and the whole one."""
    stopping = iter([stop])
    stopped = trainer(name, strategy, rate=0.3, should_stop=lambda: next(stopping, False))
    return {
        "first": run(stopped, directory=directory),
        "files": sorted(path.name for path in directory.iterdir()),
        "second": run(stopped, directory=directory),
        "whole": run(stopped),
    }


def padded(step, x, y):
    """Nothing to predict in the first of four rows, so that the replicas have different counts."""
    return x, tf.where(tf.range(4)[:, None] < 1, -1, y)


def poisoned(step, x, y):
    """Not-a-number in the last row of the eighth batch."""
    is_it = (step == 7) & (tf.range(16) == 15)
    return tf.where(is_it[:, None, None, None], np.nan, x), y


def message(function):
    try:
        function()
    except ValueError as error:
        return str(error)


def mirrored(directory):
    strategy = make_strategy(Options(distribution=DISTRIBUTION))
    results = {}
    for name, arguments in {
        "cnn": {},
        "embedding": {"change": padded},
        "diverging": {"change": poisoned},
        "bfloat16": {"mixed_precision": True},
    }.items():
        workload = name if name in trial_process.TRIALS else "cnn"
        several = trainer(workload, strategy, **arguments)
        results[name] = {
            "one": run(trainer(workload, None, **arguments)),
            "several": run(several),
            "again": run(several),
        }
        results[name]["traces"] = several._replicas._block.experimental_get_tracing_count()
    results["resumed"] = resumed("cnn", strategy, directory, stop=True)
    with_dropout = trainer("cnn", strategy, rate=0.3)
    run(with_dropout)
    [state] = [v for v in with_dropout._model.network.variables if "seed_generator" in v.path]
    results["seeds"] = [
        seed.numpy().tolist() for seed in strategy.experimental_local_results(state.value)
    ]
    results["messages"] = [
        message(lambda: run(trainer("lstm", strategy))),
        message(lambda: run(trainer("cnn", strategy, batch_size=15))),
    ]
    return results


def worker(directory):
    strategy = make_strategy(Options(distribution=DISTRIBUTION))
    is_last = strategy.cluster_resolver.task_id == 1
    return {
        "cnn": run(trainer("cnn", strategy)),
        "embedding": run(trainer("embedding", strategy, change=padded)),
        "resumed": resumed("cnn", strategy, directory, stop=is_last),
    }


if __name__ == "__main__":
    kind, directory = sys.argv[1:]
    DISTRIBUTION = {"mirrored": "mirrored", "worker": "multiworker"}[kind]
    if kind == "mirrored":
        [cpu] = tf.config.list_physical_devices("CPU")
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
    runtime.configure(1)
    print(json.dumps({"mirrored": mirrored, "worker": worker}[kind](Path(directory))))
