"""The Simple CNN against the paper's order of its layers."""

import keras
import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.models.simple_cnn import simple_cnn


def of_the_paper(shape):
    """Each ReLU comes before the pooling."""
    image = x = keras.Input(shape)
    for filters in (32, 64):
        x = keras.layers.Conv2D(filters, 5, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2, strides=2)(x)
    x = keras.layers.Dense(16, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(10)(x))


def test_pooling_before_the_relu_changes_nothing():
    shape = (8, 8, 1)
    network = simple_cnn(shape, num_classes=10, dense_units=16)
    expected = of_the_paper(shape)
    expected.set_weights(network.get_weights())
    # Of few values, so that windows have ties, and flat parts, so that some are zero throughout.
    x = tf.constant(np.random.default_rng(0).integers(0, 3, (6, *shape)), tf.float32)
    x *= tf.constant([[[1.0]]] * 4 + [[[0.0]]] * 4)
    found = []
    for model in (network, expected):
        with tf.GradientTape() as tape:
            logits = model(x)
            objective = tf.reduce_sum(logits * tf.range(10.0))
        found.append([logits, *tape.gradient(objective, model.trainable_variables)])
    for ours, papers in zip(*found, strict=True):
        np.testing.assert_allclose(ours, papers, rtol=1e-5, atol=1e-6)
