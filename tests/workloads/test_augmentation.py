"""Random crops and flips, and batches that vary by them as a function of (seed, step)."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.data.augmentation import crop_and_flip
from tfoptcmp.workloads.data.in_memory import ArrayBatches


def image() -> tf.Tensor:
    """Pixels that tell their row, column and channel, none 0."""
    return tf.reshape(tf.range(1.0, 5 * 4 * 2 + 1), [1, 5, 4, 2])


def variants(padding: int) -> list[np.ndarray]:
    """Every crop of the padded image and of its mirror image, by NumPy."""
    height, width = 5, 4
    found = []
    for mirrored in (image().numpy()[0], image().numpy()[0, :, ::-1]):
        padded = np.pad(mirrored, [(padding, padding), (padding, padding), (0, 0)])
        found += [
            padded[top : top + height, left : left + width]
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
        ]
    return found


@pytest.mark.parametrize("padding", [0, 1])
def test_crops_are_all_those_of_the_padded_image_and_its_mirror_image(padding):
    images = tf.repeat(image(), 1_000, axis=0)
    seen = crop_and_flip(images, tf.constant([1, 2], tf.int64), padding=padding).numpy()
    expected = variants(padding)
    counts = [int((seen == one).all(axis=(1, 2, 3)).sum()) for one in expected]
    assert sum(counts) == 1_000  # nothing else is seen
    # Theory: equally often; 5 standard deviations of the binomial distribution.
    share = 1 / len(expected)
    assert np.abs(np.array(counts) - 1_000 * share).max() < 5 * np.sqrt(1_000 * share)


def source() -> ArrayBatches:
    x = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8)
    return ArrayBatches(
        (x, np.arange(50)),
        batch_size=16,
        prepare=lambda x: tf.cast(x, tf.float32),
        augment=functools.partial(crop_and_flip, padding=2),
    )


def batches(augmentation_seed: int, start: int = 0, stop: int = 6, seed: int = 3):
    dataset = source().batches(
        seed=seed, augmentation_seed=augmentation_seed, start=start, stop=stop
    )
    return list(dataset.as_numpy_iterator())


def test_augmentation_is_a_function_of_its_seed_and_the_step():
    first, again, late, other = batches(7), batches(7), batches(7, start=4), batches(8)
    for (x, y), (x_again, y_again) in zip(first + first[4:], again + late, strict=True):
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
    for (x, y), (x_other, y_other) in zip(first, other, strict=True):
        np.testing.assert_array_equal(y, y_other)  # the order is the other seed's
        assert not np.array_equal(x, x_other)


def test_an_example_is_varied_anew_in_every_step():
    x = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    batches = ArrayBatches(
        (x, np.zeros(1, int)),
        batch_size=1,
        prepare=lambda x: tf.cast(x, tf.float32),
        augment=functools.partial(crop_and_flip, padding=4),
    ).batches(seed=0, augmentation_seed=0, start=0, stop=20)
    assert len({x.tobytes() for x, _ in batches.as_numpy_iterator()}) > 10
