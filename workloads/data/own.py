"""The splits of a user's workload: arrays, or training batches from a function."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.data.examples import as_examples
from tfoptcmp.workloads.data.in_memory import (
    EVALUATION_BATCH_SIZE,
    Batch,
    evaluation_batches,
    num_rows,
    splits_of_arrays,
    spread_rows,
    tensors,
)
from tfoptcmp.workloads.data.order import pipeline_options

from tfoptcmp.workload import Budget, DoesNotFit, Splits


def load(
    budget: Budget, data_dir: str | None, *, examples: Mapping[str, Any], num_classes: int
) -> Splits:
    """Makes the splits; `data_dir` is not needed. See `Workload.load`.

    Args:
        budget: Says the batch size.
        data_dir: Of nothing.
        examples: Split name to (x, y) or (x, y, weights); "train" may be a function from (seed,
            step) to a batch of such.
        num_classes: Of the labels; 0 if they are no class numbers.

    Raises:
        ValueError: If a batch is larger than the training data.
    """
    train = examples["train"]
    if not callable(train):
        if budget.batch_size > num_rows(train):
            raise ValueError(
                f"batch_size must be <= {num_rows(train)}, the training examples; got "
                f"{budget.batch_size}"
            )
        return splits_of_arrays(
            examples,
            num_classes=num_classes,
            batch_size=budget.batch_size,
            prepare=lambda x: x,
            measure_rows=spread_rows,  # people's data are often sorted by class
        )
    source = FunctionBatches(train)
    measured = max(1, -(-min(EVALUATION_BATCH_SIZE, 10 * budget.batch_size) // budget.batch_size))
    others = {name: split for name, split in examples.items() if name != "train"}
    evaluation = {
        "train": [source.batch(0, step) for step in range(measured)],
        **{name: evaluation_batches(split, prepare=lambda x: x) for name, split in others.items()},
    }
    return Splits(
        train=source,
        evaluation=evaluation,
        num_classes=num_classes,
        num_examples={
            # As far as anybody knows: what a trial sees.
            "train": budget.steps * budget.batch_size,
            **{name: num_rows(split) for name, split in others.items()},
        },
    )


class FunctionBatches:
    """A `TrainingSource` of a function from (seed, step) to a batch."""

    steps_per_epoch: int | None = None

    def __init__(self, function: Callable[[int, int], Batch]) -> None:
        self._function = function
        self._first = _tensors(function(0, 0))
        self._kinds = [part.dtype for part in keras.tree.flatten(self._first)]
        self._shapes = [part.shape for part in keras.tree.flatten(self._first)]

    def batch(self, seed: int, step: int) -> Batch:
        """Returns the batch of a step.

        Raises:
            DoesNotFit: If it is not like that of the first step.
        """
        batch = _tensors(self._function(seed, step))
        if (got := _described(batch)) != (first := _described(self._first)):
            raise DoesNotFit(
                f"train must give batches of one shape and type; got {got} at step {step} with the "
                f"seed {seed}, and {first} at step 0"
            )
        return batch

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns the batches of the steps start, ..., stop - 1, all of the first one's shape."""

        def call(step: Any) -> list[Any]:
            return [np.asarray(part) for part in keras.tree.flatten(self.batch(seed, int(step)))]

        def batch(step: tf.Tensor) -> Any:
            parts = tf.numpy_function(call, [step], self._kinds)
            for part, shape in zip(parts, self._shapes, strict=True):
                part.set_shape(shape)
            return keras.tree.pack_sequence_as(self._first, parts)

        return tf.data.Dataset.range(start, stop).map(batch).with_options(pipeline_options())


def _tensors(batch: Any) -> Batch:
    return tensors(as_examples(batch, "train"))


def _described(batch: Batch) -> str:
    return str(
        keras.tree.map_structure(lambda part: f"{part.dtype.name} {list(part.shape)}", batch)
    ).replace("'", "")
