"""All-CNN-C (Springenberg et al. 2015), as in DeepOBS (Schneider et al. 2019)."""

import keras
from tfoptcmp.workloads.layers.convolution import Conv2D
from tfoptcmp.workloads.layers.dropout import Dropout

from tfoptcmp.workload import Budget, Splits

_CONVOLUTIONS = (
    # (filters, size, strides, padding, share of its inputs dropped)
    (96, 3, 1, "same", 0.2),
    (96, 3, 1, "same", 0.0),
    (96, 3, 2, "same", 0.0),
    (192, 3, 1, "same", 0.5),
    (192, 3, 1, "same", 0.0),
    (192, 3, 2, "same", 0.0),
    (192, 3, 1, "valid", 0.5),
    (192, 1, 1, "same", 0.0),
)
"""All but the last, which has as many filters as there are classes."""


def all_cnn_c(image_shape: tuple[int, int, int], *, num_classes: int) -> keras.Model:
    """Builds the network: images to logits, which are never negative.

    Initial kernels are Glorot normal, initial biases 0.1. DeepOBS regularises the kernels by
    TensorFlow's `l2_regularizer(5e-4)`, which is 5e-4 / 2 times the sum of squares: `l2` = 5e-4 in
    our convention, and L2(2.5e-4) of Keras.

    Args:
        image_shape: (height, width, channels).
        num_classes: Number of logits.

    Returns:
        An uncompiled model from float32 [batch, height, width, channels] to float32 logits
        [batch, num_classes]. 3 channels and 100 classes give 1,387,108 parameters.
    """
    image = x = keras.Input(image_shape)
    last = (num_classes, 1, 1, "same", 0.0)
    for filters, size, strides, padding, dropout in (*_CONVOLUTIONS, last):
        if dropout:
            x = Dropout(dropout)(x)
        x = Conv2D(
            filters,
            size,
            strides=strides,
            padding=padding,
            activation="relu",
            kernel_initializer="glorot_normal",
            bias_initializer=keras.initializers.Constant(0.1),
        )(x)
    # float32 whatever the dtype policy: the softmax of the loss needs the digits.
    logits = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.Model(image, logits, name="all_cnn_c")


def build(budget: Budget, splits: Splits, *, image_shape: tuple[int, int, int]) -> keras.Model:
    """Builds the network for a workload's classes; see `Workload.build`."""
    return all_cnn_c(image_shape, num_classes=splits.num_classes)
