"""CIFAR in memory: splits, standardisation, augmentation as a function of (seed, step)."""

import functools
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import workloads
from tfoptcmp.workload import MissingData
from workloads.data.augmentation import crop_and_flip
from workloads.data.cifar import mean_and_deviation
from workloads.data.in_memory import ArrayBatches

NAMES = ("cifar10_resnet32", "cifar100_all_cnn_c", "cifar10_vgg16")


def test_mean_and_deviation_are_numpys():
    images = np.random.default_rng(0).integers(0, 256, (2_050, 2, 2, 3), np.uint8)
    mean, deviation = mean_and_deviation(images)
    assert mean == pytest.approx(images.mean(dtype=np.float64), rel=1e-12)
    assert deviation == pytest.approx(images.std(dtype=np.float64), rel=1e-12)


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


@pytest.mark.parametrize("name", NAMES)
def test_mock_data_load_at_every_scale_and_are_partial(name, tmp_path):
    workload = workloads.get(name)
    for scale in workload.budgets:
        budget = workload.budget(scale)
        with tfds.testing.mock_data(num_examples=40):
            splits = workload.load(budget, str(tmp_path))
        assert splits.num_examples == {"train": 36, "validation": 4, "test": 40}
        assert "40 of 50000 train examples, 40 of 10000 test examples" in splits.partial
        assert splits.num_classes == (100 if "100" in name else 10)
        x, y = next(iter(splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)))
        assert (x.shape, y.shape) == ((budget.batch_size, 32, 32, 3), (budget.batch_size,))
        seen = np.concatenate([x for x, _ in splits.evaluation["test"]])
        assert abs(seen.mean()) < 0.1  # the training split's constants, on noise of the same kind
        assert seen.std() == pytest.approx(1, abs=0.1)


def test_vgg_is_not_cropped(tmp_path):
    workload = workloads.get("cifar10_vgg16")
    with tfds.testing.mock_data(num_examples=10):
        splits = workload.load(workload.budget("smoke"), str(tmp_path))
    x, _ = next(iter(splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)))
    assert not (x.numpy() == 0).all(axis=(2, 3)).any()  # no row of padding


def test_missing_cifar_is_said(tmp_path):
    workload = workloads.get("cifar10_vgg16")
    with pytest.raises(MissingData, match=r"tfoptcmp-data --workload=cifar10_resnet32 --prepare"):
        workload.load(workload.budget("smoke"), str(tmp_path))


def test_the_real_cifar10():
    data_dir = Path(os.environ.get("TFOPTCMP_DATA_DIR", "nowhere"))
    if not (data_dir / "cifar10").exists():
        pytest.skip("TFOPTCMP_DATA_DIR does not name a directory with prepared cifar10")
    workload = workloads.get("cifar10_vgg16")
    splits = workload.load(workload.budget("smoke"), str(data_dir))
    assert splits.num_examples["train"] == 45_000
    assert splits.num_examples["validation"] == 200  # of 5,000; the scale's
    x = np.concatenate([x for x, _ in splits.evaluation["train"]])
    assert abs(x.mean()) < 0.1
    assert x.std() == pytest.approx(1, abs=0.05)
