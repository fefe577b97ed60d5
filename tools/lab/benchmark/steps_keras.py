"""A training step of stock Keras: the same network of Keras's layers, its optimizer, its `fit`."""

import time

import keras

import workloads
from tfoptcmp.training import runtime
from tools.lab.benchmark.networks import NETWORKS, Network
from tools.lab.benchmark.order_of_rounds import Turns
from tools.lab.benchmark.steps_ours import budget_of, splits_of, task_of
from tools.lab.benchmark.stock import stock_optimizer, with_keras_layers


def stock(turns: Turns, *, network: str, rule: str, threads: int) -> None:
    """Trains endlessly, as many steps a turn as a block of ours; measures seconds a step.

    Args:
        turns: From the parent.
        network: A name in NETWORKS.
        rule: "momentum" or "adam".
        threads: Intra-op threads.
    """
    runtime.configure(threads)
    spec = NETWORKS[network]
    splits, budget, task = splits_of(spec), budget_of(spec), task_of(rule, spec.l2)
    keras.utils.set_random_seed(0)
    model = with_keras_layers(
        workloads.get(spec.workload).build(budget, splits), task.arguments if spec.l2 else {}
    )
    model.compile(
        optimizer=stock_optimizer(rule, task.arguments),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(
        splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=budget.steps),
        steps_per_epoch=budget.steps,
        callbacks=[_TakeTurns(turns, spec)],
        verbose=0,
        shuffle=False,
    )


class _TakeTurns(keras.callbacks.Callback):
    """Pauses the training after so many steps until it is its turn again."""

    def __init__(self, turns: Turns, spec: Network) -> None:
        super().__init__()
        self._turns = turns
        self._parts = iter(turns)
        self._num_steps = spec.block_steps
        self._start = 0.0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each step."""
        if batch == 0:  # the first step, which was traced
            self._turns.ready({"parameters": self.model.count_params()})
        elif batch % self._num_steps:
            return
        else:
            self._turns.done((time.perf_counter() - self._start) / self._num_steps)
        self.model.stop_training = next(self._parts, None) is None
        self._start = time.perf_counter()
