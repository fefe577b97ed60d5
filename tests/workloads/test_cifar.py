"""CIFAR in memory: splits and standardisation."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tfoptcmp.workloads.data.cifar import mean_and_deviation

from tfoptcmp import workloads
from tfoptcmp.workload import MissingData

NAMES = ("cifar10_resnet32", "cifar100_all_cnn_c", "cifar10_vgg16")


def test_mean_and_deviation_are_numpys():
    images = np.random.default_rng(0).integers(0, 256, (2_050, 2, 2, 3), np.uint8)
    mean, deviation = mean_and_deviation(images)
    assert mean == pytest.approx(images.mean(dtype=np.float64), rel=1e-12)
    assert deviation == pytest.approx(images.std(dtype=np.float64), rel=1e-12)


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
