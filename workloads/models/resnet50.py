"""ResNet-50 with pre-activation blocks (He et al. 2016a and b) and ghost batch normalisation.

Reconstructed from memory of Choi et al. 2019, appendix B: the block, ghost batches of 32 images and
the moving averages' decay of 0.9. Where that says nothing it follows TensorFlow's official ResNet:
a bottleneck's strides are in its 3x3 convolution, the first convolution is not normalised before
the pooling; epsilon of the batch norm; Glorot uniform initial weights of the last layer.
"""

import functools

import keras
from tfoptcmp.workloads.layers.ghost_batch_norm import GhostBatchNormalization
from tfoptcmp.workloads.models.residual import (
    BATCH_NORM_EPSILON,
    activation,
    convolution,
    residual_stage,
)

from tfoptcmp.workload import Budget, Splits


def resnet50(
    image_shape: tuple[int, int, int], *, num_classes: int, ghost_batch_size: int = 32
) -> keras.Model:
    """Builds the network: images to logits.

    L2 regularisation is for all kernels, of the convolutions and of the last layer.

    Args:
        image_shape: (height, width, channels), height and width multiples of 32.
        num_classes: Number of logits.
        ghost_batch_size: Images that are normalised together.

    Returns:
        An uncompiled model from float32 [batch, height, width, channels] to float32 logits
        [batch, num_classes]. With 3 channels and 1,000 classes it has 25,549,352 trainable
        parameters and 45,440 moving averages.
    """
    normalisation = functools.partial(
        GhostBatchNormalization,
        ghost_batch_size=ghost_batch_size,
        momentum=0.9,
        epsilon=BATCH_NORM_EPSILON,
    )
    image = keras.Input(image_shape)
    x = convolution(image, 64, 7, strides=2)
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for filters, num_blocks, strides in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        x = residual_stage(
            x,
            [(filters, 1), (filters, 3), (4 * filters, 1)],
            num_blocks=num_blocks,
            strides=strides,
            normalisation=normalisation,
        )
    x = keras.layers.GlobalAveragePooling2D()(activation(x, normalisation))
    # float32 whatever the dtype policy: the softmax of the loss needs the digits.
    logits = keras.layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(image, logits, name="resnet50")


def build(budget: Budget, splits: Splits, *, ghost_batch_size: int) -> keras.Model:
    """Builds the network for a workload's classes and its budget's "image_size" (pixels).

    Batches that are smaller than a ghost batch are normalised as a whole. See `Workload.build`.
    """
    image_size = int(budget.options["image_size"])
    return resnet50(
        (image_size, image_size, 3),
        num_classes=splits.num_classes,
        ghost_batch_size=min(ghost_batch_size, budget.batch_size),
    )
