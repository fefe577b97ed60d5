"""Pre-activation residual stages (He et al. 2016b, "Identity mappings"), for both our ResNets.

As in TensorFlow's official ResNet (tensorflow/models, official/r1/resnet/resnet_model.py, whose
momentum of the moving averages Choi et al. have), and unlike He et al.: the first block of every
stage normalises its input before the paths split, and its shortcut is a 1x1 convolution, in the
first stage, too, where the shape stays. Convolutions have no biases; their initial weights are
truncated normal of variance 1 / inputs, half of He's. Those with strides pad both sides equally,
unlike TensorFlow's "same", so that the centres of their windows are the pixels of the shortcut. All
other shortcuts are the identity.
"""

from collections.abc import Callable, Sequence

import keras

Normalisation = Callable[..., keras.Layer]
"""Makes one normalising layer, which takes an `activation`."""

# The official ResNet's 1e-5, as TensorFlow's fused operation raises it for cuDNN's sake.
BATCH_NORM_EPSILON = 1.001e-5


def convolution(
    x: keras.KerasTensor, filters: int, size: int, *, strides: int = 1
) -> keras.KerasTensor:
    """Convolves images of height h into ones of height ceil(h / strides), for odd sizes."""
    if strides > 1 and size > 1:
        x = keras.layers.ZeroPadding2D(size // 2)(x)
    return keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(),
    )(x)


def activation(x: keras.KerasTensor, normalisation: Normalisation) -> keras.KerasTensor:
    """Normalises, then rectifies."""
    return normalisation(activation="relu")(x)


def residual_stage(
    x: keras.KerasTensor,
    convolutions: Sequence[tuple[int, int]],
    *,
    num_blocks: int,
    strides: int,
    normalisation: Normalisation,
) -> keras.KerasTensor:
    """A stage of blocks of the same width.

    Args:
        x: Images [batch, height, width, channels].
        convolutions: (filters, size) of a block's convolutions, in order.
        num_blocks: Blocks in the stage.
        strides: Of the first block: of its first 3x3 convolution and of its shortcut.
        normalisation: Comes before every convolution, with a ReLU after it.

    Returns:
        The stage's sum of shortcut and residual, not yet normalised.
    """
    out_filters, _ = convolutions[-1]
    strided = [size for _, size in convolutions].index(3)
    for block in range(num_blocks):
        residual = activation(x, normalisation)
        if block == 0:
            x = convolution(residual, out_filters, 1, strides=strides)
        for i, (filters, size) in enumerate(convolutions):
            if i > 0:
                residual = activation(residual, normalisation)
            residual = convolution(
                residual, filters, size, strides=strides if block == 0 and i == strided else 1
            )
        x = keras.layers.Add()([x, residual])
    return x
