"""ImageNet as batches of images that are decoded when they are needed.

The official 1,281,167 training images train, the official 50,000 validation images validate, and
ImageNet-V2 (Recht et al. 2019), where it has been prepared, tests. The mean RGB of training images
is subtracted from every pixel: the mean over the centre crops of 1,000 images evenly spaced over
the training split, computed anew at each load, with a standard error of about 0.005.
"""

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tfoptcmp.workloads.data.catalogue import IMAGENET, IMAGENET_V2, partial_text
from tfoptcmp.workloads.data.jpeg import centre_crop, random_crop
from tfoptcmp.workloads.data.order import index_batches, pipeline_options
from tfoptcmp.workloads.data.tfds import is_prepared
from tfoptcmp.workloads.data.tfrecords import Records, open_records

from tfoptcmp.workload import Budget, Splits

_MEAN_EXAMPLES = 1_000
_EVALUATION_BATCH_SIZE = 250


class ImageBatches:
    """A `TrainingSource` of JPEG files, in the order of `tfoptcmp.workloads.data.order`."""

    steps_per_epoch: int | None = None  # The model carries no state from batch to batch.

    def __init__(
        self, records: Records, *, batch_size: int, image_size: int, mean: tf.Tensor
    ) -> None:
        """Takes the files; they stay on disk.

        Args:
            records: The training split.
            batch_size: Images per batch.
            image_size: Height and width, pixels.
            mean: RGB to subtract, float32 [3] in [0, 1].
        """
        self._records = records
        self._batch_size = batch_size

        def image(record: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            jpeg, label = _jpeg_and_label(records, record)
            return random_crop(jpeg, seed, size=image_size) - mean, label

        # Traced once; a trial's dataset only wraps it.
        self._image = tf.function(image, autograph=False).get_concrete_function(
            tf.TensorSpec([], tf.string), tf.TensorSpec([2], tf.int32)
        )

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns the batches of the steps start, ..., stop - 1.

        Args:
            seed: Of the order of the images, >= 0.
            augmentation_seed: Of the crops and colours of every step and every image in it.
            start: First step.
            stop: One after the last step.

        Returns:
            Batches (x float32 [batch_size, image_size, image_size, 3], y int32 [batch_size]).
        """

        def read(index: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seeds = tf.random.stateless_uniform(
                [self._batch_size, 2], [augmentation_seed, step], None, None, tf.int32
            )
            return tf.numpy_function(self._records.read, [index], tf.string), seeds

        indices = index_batches(
            len(self._records), self._batch_size, seed=seed, start=start, stop=stop
        )
        return _decoded(indices.map(read), self._image, self._batch_size)


def evaluation_batches(records: Records, image_size: int, mean: tf.Tensor) -> tf.data.Dataset:
    """Returns the centre crops of all images in their order; the last batch may be smaller."""

    def image(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        jpeg, label = _jpeg_and_label(records, record)
        return centre_crop(jpeg, size=image_size) - mean, label

    indices = tf.data.Dataset.range(len(records)).batch(_EVALUATION_BATCH_SIZE)
    read = indices.map(lambda index: tf.numpy_function(records.read, [index], tf.string))
    return _decoded(read, image, _EVALUATION_BATCH_SIZE)


def mean_rgb(records: Records, image_size: int) -> tf.Tensor:
    """Returns the mean of the centre crops of some images, float32 [3] in [0, 1]."""
    step = -(-len(records) // _MEAN_EXAMPLES)
    some = evaluation_batches(records.part(slice(None, None, step)), image_size, tf.zeros(3))
    means = np.concatenate([tf.reduce_mean(x, axis=[1, 2]).numpy() for x, _ in some])
    return tf.constant(means.mean(axis=0, dtype=np.float64), tf.float32)


def load(budget: Budget, data_dir: str | None, *, ghost_batch_size: int) -> Splits:
    """Reads ImageNet as prepared by TFDS, with ImageNet-V2 as test if it is prepared too.

    Args:
        budget: For the batch size and, in its options, "image_size" (pixels) and perhaps
            "evaluated_examples": the most images of each split that are evaluated.
        data_dir: Directory with prepared data sets; None for TFDS's default.
        ghost_batch_size: Images that the network normalises together, if a batch has that many.

    Raises:
        MissingData: If ImageNet is missing, or one of the two is not readable.
        ValueError: If the batch does not divide into ghost batches.
    """
    if budget.batch_size % min(ghost_batch_size, budget.batch_size):
        raise ValueError(
            f"batch_size must be a multiple of {ghost_batch_size}, the ghost batch, or smaller; "
            f"got {budget.batch_size!r}"
        )
    image_size = int(budget.options["image_size"])
    train, validation = (
        open_records(IMAGENET, split, data_dir=data_dir) for split in IMAGENET.sizes
    )
    most = int(budget.options.get("evaluated_examples", len(validation)))
    evaluated = {
        "train": train.part(slice(min(most, len(validation)))),
        "validation": validation.part(slice(most)),
    }
    partial = partial_text(IMAGENET, {"train": len(train), "validation": len(validation)})
    if is_prepared(IMAGENET_V2, data_dir):
        test = open_records(IMAGENET_V2, "test", data_dir=data_dir)
        evaluated["test"] = test.part(slice(most))
        partial = "; ".join(filter(None, [partial, partial_text(IMAGENET_V2, {"test": len(test)})]))
    mean = mean_rgb(train, image_size)
    return Splits(
        train=ImageBatches(train, batch_size=budget.batch_size, image_size=image_size, mean=mean),
        evaluation={
            name: evaluation_batches(records, image_size, mean)
            for name, records in evaluated.items()
        },
        num_classes=train.features["label"].num_classes,
        num_examples={
            name: len(records) for name, records in {**evaluated, "train": train}.items()
        },
        partial=partial,
    )


def _jpeg_and_label(records: Records, record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    features = records.features.deserialize_example(
        record, decoders={"image": tfds.decode.SkipDecoding()}
    )
    return features["image"], tf.cast(features["label"], tf.int32)


def _decoded(
    read: tf.data.Dataset, image: Callable[..., object], batch_size: int
) -> tf.data.Dataset:
    """Decodes batches of records one by one, on all processors, and batches the images."""
    examples = read.prefetch(1).unbatch()
    num_threads = len(os.sched_getaffinity(0))
    images = examples.map(image, num_parallel_calls=num_threads)
    return images.batch(batch_size).prefetch(2).with_options(pipeline_options(num_threads))
