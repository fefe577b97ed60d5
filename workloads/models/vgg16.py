"""VGG-16 with batch norm and dropout, for 32x32 images (Wilson et al. 2017).

Wilson et al. trained the network of S. Zagoruyko's cifar.torch: 13 convolutions and 2 dense layers,
each but the last with batch norm. Taken from there, from memory: where the dropouts are, the
initial weights of the convolutions (normal, variance 2 / fan out), epsilon and decay of the batch
norm.

Ours: layers before a batch norm have no biases. Biases there have no effect on the function, and a
gradient of zero except for rounding, which an adaptive rule with a small epsilon turns into steps
of full size.
"""

import keras
from tfoptcmp.workloads.layers.batch_norm import BatchNormalization
from tfoptcmp.workloads.layers.dropout import Dropout

from tfoptcmp.workload import Budget, Splits

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Filters of the convolutions of each block."""


def vgg16(image_shape: tuple[int, int, int], *, num_classes: int) -> keras.Model:
    """Builds the network: images to logits.

    L2 regularisation is for all kernels, of convolutions and of dense layers.

    Args:
        image_shape: (height, width, channels), height and width multiples of 32.
        num_classes: Number of logits.

    Returns:
        An uncompiled model from float32 [batch, height, width, channels] to float32 logits
        [batch, num_classes]. 32x32x3 images and 10 classes give 14,987,210 trainable parameters and
        9,472 moving averages.
    """
    image = x = keras.Input(image_shape)
    for block, filters_of_block in enumerate(_BLOCKS):
        for i, filters in enumerate(filters_of_block):
            x = keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer=keras.initializers.VarianceScaling(
                    2.0, mode="fan_out", distribution="untruncated_normal"
                ),
            )(x)
            x = _activation(x)
            if i < len(filters_of_block) - 1:
                x = Dropout(0.3 if block == 0 else 0.4)(x)
        x = keras.layers.MaxPooling2D(2, strides=2)(x)
    x = Dropout(0.5)(keras.layers.Flatten()(x))
    x = _activation(keras.layers.Dense(512, use_bias=False)(x))
    x = Dropout(0.5)(x)
    # float32 whatever the dtype policy: the softmax of the loss needs the digits.
    logits = keras.layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(image, logits, name="vgg16")


def _activation(x: keras.KerasTensor) -> keras.KerasTensor:
    return BatchNormalization(momentum=0.9, epsilon=1e-3, activation="relu")(x)


def build(budget: Budget, splits: Splits, *, image_shape: tuple[int, int, int]) -> keras.Model:
    """Builds the network for a workload's classes; see `Workload.build`."""
    return vgg16(image_shape, num_classes=splits.num_classes)
