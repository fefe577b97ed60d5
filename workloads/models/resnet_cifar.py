"""ResNet-32 for 32x32 images (He et al. 2016a, section 4.2, with the block of He et al. 2016b).

Reconstructed from memory of Choi et al. 2019, appendix B. Where that says nothing it follows
TensorFlow's official ResNet (`residual`), also in the epsilon of the batch norm and the Glorot
uniform initial weights of the last layer. He et al. 2016a pad with zeros where the shape changes,
and have no 1x1 convolutions.
"""

import functools

import keras
from tfoptcmp.workloads.layers.batch_norm import BatchNormalization
from tfoptcmp.workloads.models.residual import (
    BATCH_NORM_EPSILON,
    activation,
    convolution,
    residual_stage,
)

from tfoptcmp.workload import Budget, Splits


def resnet_cifar(
    image_shape: tuple[int, int, int], *, num_classes: int, blocks_per_stage: int = 5
) -> keras.Model:
    """Builds the network of 6 * blocks_per_stage + 2 layers: images to logits.

    L2 regularisation is for all kernels, of the convolutions and of the last layer.

    Args:
        image_shape: (height, width, channels).
        num_classes: Number of logits.
        blocks_per_stage: n of He et al.; 5 is ResNet-32.

    Returns:
        An uncompiled model from float32 [batch, height, width, channels] to float32 logits
        [batch, num_classes]. ResNet-32 has 466,970 trainable parameters on 32x32x3 images with 10
        classes, and 2,272 moving averages.
    """
    normalisation = functools.partial(
        BatchNormalization, momentum=0.997, epsilon=BATCH_NORM_EPSILON
    )
    image = keras.Input(image_shape)
    x = convolution(image, 16, 3)
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        x = residual_stage(
            x,
            [(filters, 3), (filters, 3)],
            num_blocks=blocks_per_stage,
            strides=strides,
            normalisation=normalisation,
        )
    x = keras.layers.GlobalAveragePooling2D()(activation(x, normalisation))
    # float32 whatever the dtype policy: the softmax of the loss needs the digits.
    logits = keras.layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(image, logits, name=f"resnet{6 * blocks_per_stage + 2}")


def build(budget: Budget, splits: Splits, *, image_shape: tuple[int, int, int]) -> keras.Model:
    """Builds the network for a workload's classes; see `Workload.build`."""
    return resnet_cifar(image_shape, num_classes=splits.num_classes)
