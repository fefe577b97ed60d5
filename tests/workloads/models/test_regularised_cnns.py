"""Where VGG-16 and All-CNN-C drop activations, and what they start from."""

import keras
import numpy as np
import pytest
from tfoptcmp.workloads.layers.dropout import Dropout
from tfoptcmp.workloads.models.all_cnn_c import all_cnn_c
from tfoptcmp.workloads.models.vgg16 import vgg16

from tfoptcmp.training.model import TrialModel


def outline(network):
    """Filters, units and rates of the layers that have them, and pooling, in order."""
    shown = {
        keras.layers.Conv2D: lambda layer: layer.filters,
        keras.layers.Dense: lambda layer: layer.units,
        Dropout: lambda layer: layer.rate,
        keras.layers.MaxPooling2D: lambda layer: "pool",
    }
    return [
        show(layer)
        for layer in network.layers
        for kind, show in shown.items()
        if isinstance(layer, kind)
    ]


def test_vgg16_by_wilson_et_al():
    keras.utils.set_random_seed(0)
    network = vgg16((32, 32, 3), num_classes=10)
    # .3 after the first convolution, .4 after the others but the last of each block.
    block_3 = [0.4, 256, 0.4, 256, "pool"]
    block_4 = [512, 0.4, 512, 0.4, 512, "pool"]
    assert outline(network) == [
        *(64, 0.3, 64, "pool"),
        *(128, 0.4, 128, "pool"),
        *(256, *block_3),
        *block_4,
        *block_4,
        *(0.5, 512, 0.5, 10),
    ]
    kernel = next(v for v in network.trainable_variables if v.shape == (3, 3, 256, 512))
    # theory: variance 2 / fan out.
    assert np.std(kernel) == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    assert np.max(np.abs(kernel)) > 3 * np.std(kernel), "not truncated"


def test_all_cnn_c_by_deepobs():
    keras.utils.set_random_seed(0)
    network = all_cnn_c((32, 32, 3), num_classes=100)
    assert outline(network) == [
        *(0.2, 96, 96, 96),
        *(0.5, 192, 192, 192),
        *(0.5, 192, 192, 100),
    ]
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.output.shape[1] for layer in convolutions] == [32, 32, 16, 16, 16, 8, 6, 6, 6]
    assert all(np.all(layer.bias.numpy() == np.float32(0.1)) for layer in convolutions)
    # theory: Glorot's 2 / (fan in + fan out).
    expected = (2 / (9 * 192 + 9 * 192)) ** 0.5
    assert np.std(convolutions[4].kernel) == pytest.approx(expected, rel=0.01)
    assert np.min(network(np.random.default_rng(0).normal(size=(4, 32, 32, 3)))) >= 0


def test_l2_of_all_cnn_c_is_that_of_deepobs():
    network = all_cnn_c((32, 32, 3), num_classes=100)
    kernels = TrialModel(network, steps_per_epoch=None, regularisation=("l2",)).kernels
    # TensorFlow 1's l2_regularizer(5e-4), Keras's L2(2.5e-4), and l2 = 5e-4 of the trainer.
    keras_l2 = keras.regularizers.L2(2.5e-4)
    ours = 5e-4 / 2 * sum(np.sum(kernel.numpy().astype(np.float64) ** 2) for kernel in kernels)
    assert float(sum(keras_l2(kernel.value) for kernel in kernels)) == pytest.approx(ours, rel=1e-5)
