"""CIFAR-10 and CIFAR-100: 45,000 training, 5,000 validation and 10,000 test images of 32x32.

From every image the mean over all pixels and channels of the training split is subtracted, and the
result divided by their standard deviation: two numbers, computed anew at each load.
"""

import functools
import math

import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.data.augmentation import crop_and_flip
from tfoptcmp.workloads.data.catalogue import partial_text
from tfoptcmp.workloads.data.in_memory import splits_of_arrays
from tfoptcmp.workloads.data.tfds import read_arrays

from tfoptcmp.workload import Budget, DataSet, Splits


def load(
    budget: Budget, data_dir: str | None, *, data_set: DataSet, num_classes: int, padding: int
) -> Splits:
    """Reads CIFAR as prepared by TFDS; the last tenth of its training split validates.

    Args:
        budget: For the batch size and perhaps, in its options, "evaluated_examples": the most
            images of each split that are evaluated.
        data_dir: Directory with prepared data sets; None for TFDS's default.
        data_set: CIFAR-10 or CIFAR-100.
        num_classes: 10 or 100.
        padding: Training images are padded by this many pixels on each side, cropped to their size
            at random and mirrored at random; 0 leaves only the mirroring.

    Raises:
        MissingData: If the data set is missing or not readable.
    """
    found = {split: read_arrays(data_set, split, data_dir=data_dir) for split in data_set.sizes}
    images, labels = found["train"]
    num_train = len(labels) - len(labels) // 10
    evaluated = slice(budget.options.get("evaluated_examples"))
    mean, deviation = mean_and_deviation(images[:num_train])
    return splits_of_arrays(
        {
            "train": (images[:num_train], labels[:num_train]),
            "validation": (images[num_train:][evaluated], labels[num_train:][evaluated]),
            "test": (found["test"][0][evaluated], found["test"][1][evaluated]),
        },
        num_classes=num_classes,
        batch_size=budget.batch_size,
        prepare=lambda images: (tf.cast(images, tf.float32) - mean) / deviation,
        augment=functools.partial(crop_and_flip, padding=padding),
        partial=partial_text(
            data_set, {split: len(labels) for split, (_, labels) in found.items()}
        ),
    )


def mean_and_deviation(images: np.ndarray) -> tuple[float, float]:
    """Returns mean and standard deviation of all numbers in a uint8 array, exact to rounding."""
    # By the histogram, in parts: 45,000 images as float64 would take 1.1 GB.
    parts = np.array_split(images, 1 + len(images) // 1000)
    histograms = (np.bincount(part.ravel(), minlength=256) for part in parts)
    counts = sum(histograms, start=np.zeros(256, np.intp))
    values = np.arange(256)
    mean = float(counts @ values / counts.sum())
    return mean, math.sqrt(counts @ (values - mean) ** 2 / counts.sum())
