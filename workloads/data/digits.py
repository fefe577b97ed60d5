"""scikit-learn's digits: 1,797 images of 8x8 pixels in memory, which come with the package.

1,197 images train, 300 validate and 300 test; the split is fixed, and stratified by class.
"""

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tfoptcmp.workloads.data.in_memory import splits_of_arrays

from tfoptcmp.workload import Budget, Splits

NUM_HELD_OUT = 300  # Of each of validation and test.


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads the digits; `data_dir` is not needed. See `Workload.load`."""
    digits = load_digits()
    images, labels = digits.images[..., np.newaxis].astype(np.uint8), digits.target
    indices = np.arange(len(labels))
    rest, test = train_test_split(indices, test_size=NUM_HELD_OUT, stratify=labels, random_state=0)
    train, validation = train_test_split(
        rest, test_size=NUM_HELD_OUT, stratify=labels[rest], random_state=0
    )
    splits = {"train": train, "validation": validation, "test": test}
    return splits_of_arrays(
        {name: (images[index], labels[index]) for name, index in splits.items()},
        num_classes=10,
        batch_size=budget.batch_size,
        prepare=lambda images: tf.cast(images, tf.float32) / 16,  # Pixels are 0, ..., 16.
    )
