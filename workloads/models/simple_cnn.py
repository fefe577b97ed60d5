"""Simple CNN: two convolutions and a hidden layer (Choi et al. 2019, appendix B).

Reconstructed from memory of the paper; initial weights (Glorot uniform, zero biases) are ours.
"""

import keras
from tfoptcmp.workloads.layers.convolution import Conv2D

from tfoptcmp.workload import Budget, Splits


def simple_cnn(
    image_shape: tuple[int, int, int], *, num_classes: int, dense_units: int = 1024
) -> keras.Model:
    """Builds the network: images to logits.

    Args:
        image_shape: (height, width, channels), multiples of 4.
        num_classes: Number of logits.
        dense_units: Width of the hidden layer.

    Returns:
        An uncompiled model from float32 [batch, height, width, channels] to float32 logits
        [batch, num_classes]. 28x28x1 images, 10 classes and 1,024 units give 3,274,634
        parameters.
    """
    image = x = keras.Input(image_shape)
    for filters in (32, 64):
        x = Conv2D(filters, 5, padding="same")(x)
        # Before the ReLU, with which it commutes and which then has a quarter of the work.
        x = keras.layers.MaxPooling2D(2, strides=2)(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(dense_units, activation="relu")(x)
    # float32 whatever the dtype policy: the softmax of the loss needs the digits.
    logits = keras.layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(image, logits, name="simple_cnn")


def build(
    budget: Budget, splits: Splits, *, image_shape: tuple[int, int, int], dense_units: int = 1024
) -> keras.Model:
    """Builds the network for a workload's classes; see `Workload.build`."""
    return simple_cnn(image_shape, num_classes=splits.num_classes, dense_units=dense_units)
