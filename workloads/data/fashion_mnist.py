"""Fashion-MNIST: 55,000 training, 5,000 validation and 10,000 test images of 28x28 in [0, 1].

The split is that of Shallue et al. (2019); scaling the inputs, without augmentation, is ours.
"""

import tensorflow as tf
from tfoptcmp.workloads.data.catalogue import FASHION_MNIST, partial_text
from tfoptcmp.workloads.data.in_memory import splits_of_arrays
from tfoptcmp.workloads.data.tfds import read_arrays

from tfoptcmp.workload import Budget, Splits


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads Fashion-MNIST as prepared by TFDS; the last twelfth of its training split validates.

    See `Workload.load`. If the budget has "evaluated_examples", at most that many images of each
    split are evaluated.
    """
    found = {
        split: read_arrays(FASHION_MNIST, split, data_dir=data_dir) for split in FASHION_MNIST.sizes
    }
    images, labels = found["train"]
    num_train = len(labels) - len(labels) // 12
    evaluated = slice(budget.options.get("evaluated_examples"))
    return splits_of_arrays(
        {
            "train": (images[:num_train], labels[:num_train]),
            "validation": (images[num_train:][evaluated], labels[num_train:][evaluated]),
            "test": (found["test"][0][evaluated], found["test"][1][evaluated]),
        },
        num_classes=10,
        batch_size=budget.batch_size,
        prepare=lambda images: tf.cast(images, tf.float32) / 255,
        partial=partial_text(
            FASHION_MNIST, {split: len(labels) for split, (_, labels) in found.items()}
        ),
    )
