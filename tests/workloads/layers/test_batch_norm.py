"""Our batch norms against Keras's own, which composes the same of elementary operations."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.layers.batch_norm import BatchNormalization
from tfoptcmp.workloads.layers.ghost_batch_norm import GhostBatchNormalization

SHAPE = (6, 4, 5, 3)
ARGUMENTS = {"momentum": 0.9, "epsilon": 1e-5}


def results(layer, x, *, jit_compile=False, then=tf.identity):
    """Outputs and gradients of a weighted sum in training, then moving averages, then inference."""
    rng = np.random.default_rng(1)
    layer.build(x.shape)
    for variable in (layer.gamma, layer.beta):
        if variable is not None:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    weights = tf.constant(rng.normal(size=x.shape), tf.float32)

    @tf.function(jit_compile=jit_compile)
    def train(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = then(layer(x, training=True))
            objective = tf.reduce_sum(weights * tf.cast(outputs, tf.float32))
        return outputs, tape.gradient(objective, [x, *layer.trainable_variables])

    outputs, gradients = train(x)
    averages = [v.numpy() for v in (layer.moving_mean, layer.moving_variance)]
    found = (outputs, *gradients, *averages, then(layer(x)))
    return [np.asarray(tf.cast(a, tf.float32)) for a in found]


def images(shape=SHAPE, mean=3.0):
    return tf.constant(np.random.default_rng(0).normal(mean, 2.0, shape), tf.float32)


def assert_all_close(actual, desired, **tolerances):
    assert len(actual) == len(desired)
    for a, b in zip(actual, desired, strict=True):
        np.testing.assert_allclose(a, b, **tolerances)


@pytest.mark.parametrize(
    "layer",
    [
        lambda **kwargs: BatchNormalization(**kwargs),
        lambda **kwargs: GhostBatchNormalization(ghost_batch_size=6, **kwargs),
        lambda **kwargs: GhostBatchNormalization(ghost_batch_size=32, **kwargs),
    ],
    ids=["fused", "ghost of the batch", "ghost larger than the batch"],
)
@pytest.mark.parametrize("shape", [SHAPE, (6, 3)], ids=["images", "vectors"])
@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}], ids=["full", "no scale", "no center"]
)
def test_equals_keras(layer, shape, options):
    x = images(shape)
    assert_all_close(
        results(layer(**ARGUMENTS, **options), x),
        results(keras.layers.BatchNormalization(**ARGUMENTS, **options), x),
        rtol=2e-5,
        atol=2e-5,
    )


@pytest.mark.parametrize("ghost_batch_size", [None, 2, 6], ids=["fused", "ghosts", "one ghost"])
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}], ids=["full", "no scale", "no center"]
)
def test_an_activation_is_a_layer_after_it(options, jit_compile, ghost_batch_size):
    def layer(**more):
        if ghost_batch_size is None:
            return BatchNormalization(**ARGUMENTS, **options, **more)
        return GhostBatchNormalization(
            ghost_batch_size=ghost_batch_size, **ARGUMENTS, **options, **more
        )

    x = images()
    found = results(layer(activation="relu"), x, jit_compile=jit_compile)
    assert 0 < np.mean(found[0] == 0) < 1
    expected = results(layer(), x, jit_compile=jit_compile, then=tf.nn.relu)
    assert_all_close(found, expected, rtol=2e-5, atol=2e-5)
    # Other activations are Keras's, and what is no ReLU is not fused with it.
    outputs = layer(activation="tanh")(x, training=True)
    np.testing.assert_allclose(outputs, np.tanh(layer()(x, training=True)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["float16", "bfloat16"])
@pytest.mark.parametrize("ghost_batch_size", [None, 2])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_variables_of_few_digits(policy, ghost_batch_size, activation):
    def layer(dtype):
        if ghost_batch_size is None:
            return BatchNormalization(dtype=dtype, activation=activation, **ARGUMENTS)
        return GhostBatchNormalization(
            ghost_batch_size=ghost_batch_size, dtype=dtype, activation=activation, **ARGUMENTS
        )

    ours = layer(policy)
    found = results(ours, images())
    assert ours.gamma.dtype == ours.moving_mean.dtype == policy
    # Of gradients that add up with both signs, few digits are left.
    for got, expected in zip(found, results(layer("float32"), images()), strict=True):
        assert np.abs(got - expected).mean() < 0.05 * np.abs(expected).mean()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("ghost_batch_size", [None, 2])
def test_other_dtypes(ghost_batch_size, policy):
    def layer(dtype):
        if ghost_batch_size is None:
            return BatchNormalization(dtype=dtype, **ARGUMENTS)
        return GhostBatchNormalization(ghost_batch_size=ghost_batch_size, dtype=dtype, **ARGUMENTS)

    # Its square overflows float16; rounded, so that all see the same numbers.
    x = tf.cast(tf.cast(images(mean=300.0), tf.bfloat16), tf.float32)
    ours = layer(policy)
    assert_all_close(results(ours, x), results(layer("float32"), x), rtol=1e-2, atol=1e-2)
    assert ours(x, training=True).dtype == keras.DTypePolicy(policy).compute_dtype
    # The statistics have more digits than the outputs.
    expected = layer("float32")
    results(expected, x)
    expected(x, training=True)
    np.testing.assert_allclose(ours.moving_mean, expected.moving_mean, rtol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, expected.moving_variance, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_ghosts_are_normalised_each_by_itself(jit_compile):
    x = images()
    layer = GhostBatchNormalization(ghost_batch_size=2, **ARGUMENTS)
    outputs, x_gradient, gamma, beta, mean, variance, inference = results(
        layer, x, jit_compile=jit_compile
    )
    rng = np.random.default_rng(1)
    expected_gamma, expected_beta = rng.uniform(0.5, 1.5, 3), rng.uniform(0.5, 1.5, 3)
    weights = rng.normal(size=SHAPE)
    parts = []
    for start in (0, 2, 4):
        part = keras.layers.BatchNormalization(**ARGUMENTS)
        part.build((2, *SHAPE[1:]))
        part.gamma.assign(expected_gamma)
        part.beta.assign(expected_beta)
        ghost = x[start : start + 2]
        with tf.GradientTape() as tape:
            tape.watch(ghost)
            y = part(ghost, training=True)
            objective = tf.reduce_sum(y * weights[start : start + 2].astype(np.float32))
        gradients = tape.gradient(objective, [ghost, *part.trainable_variables])
        parts.append([y, *gradients, part.moving_mean, part.moving_variance])
    outputs_of_parts, x_gradients, gammas, betas, means, variances = zip(*parts, strict=True)
    close = {"rtol": 2e-5, "atol": 2e-5}
    np.testing.assert_allclose(outputs, np.concatenate(outputs_of_parts), **close)
    np.testing.assert_allclose(x_gradient, np.concatenate(x_gradients), **close)
    np.testing.assert_allclose(gamma, np.sum(gammas, axis=0), **close)
    np.testing.assert_allclose(beta, np.sum(betas, axis=0), **close)
    # All start from the same averages, so that one step to the mean is the mean of the steps.
    np.testing.assert_allclose(mean, np.mean(means, axis=0), **close)
    np.testing.assert_allclose(variance, np.mean(variances, axis=0), **close)
    by_averages = (x - mean) / np.sqrt(variance + 1e-5) * expected_gamma + expected_beta
    np.testing.assert_allclose(inference, by_averages, **close)


def test_moving_averages_by_hand():
    # by hand: the ghosts (0, 2) and (4, 8) have means 1 and 6, biased variances 1 and 4.
    layer = GhostBatchNormalization(ghost_batch_size=2, momentum=0.9)
    layer(tf.reshape(tf.constant([0.0, 2.0, 4.0, 8.0]), (4, 1, 1, 1)), training=True)
    np.testing.assert_allclose(layer.moving_mean, [0.1 * 3.5], rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [0.9 + 0.1 * 2.5], rtol=1e-6)


def test_moving_variance_of_the_fused_operation_is_biased():
    # by hand: (0, 2) has the biased variance 1, the unbiased one is 2.
    layer = BatchNormalization(momentum=0.0)
    layer(tf.reshape(tf.constant([0.0, 2.0]), (2, 1, 1, 1)), training=True)
    np.testing.assert_allclose(layer.moving_variance, [1.0], rtol=1e-6)


def test_batch_size_unknown_when_traced():
    layer = GhostBatchNormalization(ghost_batch_size=2, **ARGUMENTS)
    known = layer(images(), training=True)

    @tf.function(input_signature=[tf.TensorSpec((None, *SHAPE[1:]))])
    def train(x):
        return layer(x, training=True)

    np.testing.assert_allclose(train(images()), known, rtol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        train(images()[:5])


def test_batch_that_does_not_divide_is_refused_in_training_only():
    layer = GhostBatchNormalization(ghost_batch_size=4)
    assert layer(images()).shape == SHAPE
    with pytest.raises(ValueError, match="multiple of the ghost batch size 4, or smaller; got 6"):
        layer(images(), training=True)
    with pytest.raises(ValueError, match="ghost_batch_size must be >= 1; got 0"):
        GhostBatchNormalization(ghost_batch_size=0)


@pytest.mark.parametrize("ghost_batch_size", [2, 6])
def test_frozen_layer_leaves_its_averages(ghost_batch_size):
    layer = GhostBatchNormalization(ghost_batch_size=ghost_batch_size)
    layer.trainable = False
    outputs = layer(images(), training=True)
    np.testing.assert_array_equal(layer.moving_mean, [0, 0, 0])
    np.testing.assert_allclose(outputs, layer(images()), rtol=1e-6)


def test_fused_layer_under_xla():
    assert_all_close(
        results(BatchNormalization(**ARGUMENTS), images(), jit_compile=True),
        results(BatchNormalization(**ARGUMENTS), images()),
        rtol=2e-5,
        atol=2e-5,
    )


def test_saved_and_loaded(tmp_path):
    image = x = keras.Input(SHAPE[1:])
    x = BatchNormalization(**ARGUMENTS, activation="relu")(x)
    x = GhostBatchNormalization(ghost_batch_size=2, **ARGUMENTS)(x)
    model = keras.Model(image, x)
    model(images(), training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[-1].ghost_batch_size == 2
    np.testing.assert_array_equal(loaded(images(), training=True), model(images(), training=True))
    np.testing.assert_array_equal(loaded(images()), model(images()))
