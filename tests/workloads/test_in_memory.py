"""Batches of arrays are a function of (seed, step)."""

import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.data import in_memory
from tfoptcmp.workloads.data.in_memory import ArrayBatches, splits_of_arrays


def examples(num: int) -> tuple[np.ndarray, np.ndarray]:
    """Examples whose input and label are their index."""
    return np.arange(num, dtype=np.uint8)[:, np.newaxis], np.arange(num)


def source(num: int, batch_size: int) -> ArrayBatches:
    return ArrayBatches(
        examples(num), batch_size=batch_size, prepare=lambda x: tf.cast(x, tf.float32)
    )


def labels(batches: ArrayBatches, seed: int, start: int, stop: int) -> np.ndarray:
    dataset = batches.batches(seed=seed, augmentation_seed=0, start=start, stop=stop)
    return np.array([y for _, y in dataset.as_numpy_iterator()])


def test_inputs_go_with_their_labels_in_constant_shapes():
    dataset = source(10, 4).batches(seed=1, augmentation_seed=0, start=0, stop=5)
    x_spec, y_spec = dataset.element_spec
    assert (x_spec.shape, x_spec.dtype) == ((4, 1), tf.float32)
    assert (y_spec.shape, y_spec.dtype) == ((4,), tf.int32)
    for x, y in dataset.as_numpy_iterator():
        np.testing.assert_array_equal(x[:, 0], y)


def test_every_epoch_shows_every_example_once_in_a_new_order():
    # 15 batches of 4 are 6 epochs of 10; batches cross from one epoch into the next.
    epochs = labels(source(10, 4), 3, 0, 15).reshape(6, 10)
    for epoch in epochs:
        assert sorted(epoch) == list(range(10))
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_a_batch_larger_than_the_data_repeats_them():
    (batch,) = labels(source(3, 6), 0, 0, 1)
    assert sorted(batch) == [0, 0, 1, 1, 2, 2]


def test_a_late_start_continues_the_same_sequence():
    batches = source(10, 4)
    np.testing.assert_array_equal(labels(batches, 3, 0, 15)[7:], labels(batches, 3, 7, 15))


# TensorFlow's index_shuffle would take 3 + 256 for 3.
@pytest.mark.parametrize("other", [0, 4, 3 + 256, 3 + 2**32, 3 + 2**62])
def test_seeds_differ(other):
    batches = source(100, 50)
    assert not np.array_equal(labels(batches, 3, 0, 1), labels(batches, other, 0, 1))


def test_a_second_source_gives_the_same_batches():
    np.testing.assert_array_equal(labels(source(50, 8), 5, 0, 20), labels(source(50, 8), 5, 0, 20))


def test_evaluation_is_in_order_and_train_is_a_subset_as_long_as_validation():
    x, y = examples(255)
    splits = splits_of_arrays(
        {"train": (x, y), "validation": (x[:5], y[:5]), "test": (x, y)},
        num_classes=10,
        batch_size=4,
        prepare=lambda x: tf.cast(x, tf.float32),
    )
    assert splits.num_examples == {"train": 255, "validation": 5, "test": 255}
    assert [len(y) for _, y in splits.evaluation["test"]] == [250, 5]  # as measured
    seen = {
        name: np.concatenate([y for _, y in split]).tolist()
        for name, split in splits.evaluation.items()
    }
    assert seen == {
        "train": list(range(5)),
        "validation": list(range(5)),
        "test": list(range(255)),
    }


def test_batches_made_ahead_are_those_made_between_steps(monkeypatch):
    between = labels(source(10, 4), 3, 0, 15)
    monkeypatch.setattr(in_memory, "_MOST_BYTES_AT_ONCE", 0)
    np.testing.assert_array_equal(labels(source(10, 4), 3, 0, 15), between)
