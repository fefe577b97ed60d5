"""Causality, padding and positions of the Transformer, in a small one."""

import keras
import numpy as np
import pytest
from tfoptcmp.workloads.layers.positions import SinusoidalPositions
from tfoptcmp.workloads.models.transformer import transformer

VOCABULARY_SIZE = 13


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return transformer(
        vocabulary_size=VOCABULARY_SIZE,
        num_layers=2,
        width=16,
        feed_forward_width=32,
        num_heads=4,
    )


def tokens(shape=(2, 7)):
    return np.random.default_rng(0).integers(1, VOCABULARY_SIZE, shape).astype(np.int32)


@pytest.mark.parametrize("changed", [0, 3, 6])
def test_a_token_changes_nothing_before_it(network, changed):
    x = tokens()
    y = x.copy()
    y[:, changed] = x[:, changed] % (VOCABULARY_SIZE - 1) + 1
    before, after = np.asarray(network(x)), np.asarray(network(y))
    np.testing.assert_array_equal(after[:, :changed], before[:, :changed])
    # Itself and everything after it see the change.
    assert np.all(np.any(np.abs(after - before)[:, changed:] > 1e-6, axis=-1))


@pytest.mark.parametrize("padded", [slice(0, 3), slice(2, 4), slice(5, 7)])
def test_padding_does_not_influence_tokens(network, padded):
    x = tokens()
    x[:, padded] = 0
    before = np.asarray(network(x))
    embeddings = network.layers[1].embeddings
    assert embeddings.path.endswith("embeddings")
    kept = embeddings.numpy()
    changed = kept.copy()
    changed[0] += 10.0
    embeddings.assign(changed)
    after = np.asarray(network(x))
    embeddings.assign(kept)
    np.testing.assert_array_equal(after[x != 0], before[x != 0])
    assert np.all(np.isfinite(before)), "padding before the first token sees nothing at all"


def test_order_matters(network):
    x = tokens((1, 7))
    swapped = x[:, [1, 0, 2, 3, 4, 5, 6]]
    assert not np.array_equal(x, swapped)
    assert np.max(np.abs(network(swapped)[:, -1] - network(x)[:, -1])) > 1e-4


def test_saved_and_loaded(network, tmp_path):
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(tokens()), network(tokens()))


def test_embedding_and_softmax_are_separate(network):
    embedding, *_, softmax = network.trainable_variables
    assert embedding.shape == (VOCABULARY_SIZE, 16)
    assert softmax.shape == (16, VOCABULARY_SIZE)


def test_initial_weights_of_the_attention_are_glorot_uniform():
    keras.utils.set_random_seed(0)
    network = transformer(
        vocabulary_size=8, num_layers=1, width=256, feed_forward_width=8, num_heads=4
    )
    (attention,) = [
        layer for layer in network.layers if isinstance(layer, keras.layers.MultiHeadAttention)
    ]
    # theory: those of a 256x256 matrix, though Keras's kernel is [256, 4, 64] or [4, 64, 256].
    limit = (6 / (256 + 256)) ** 0.5
    kernels = [v.numpy() for v in attention.trainable_variables]
    assert len(kernels) == 4
    for kernel in kernels:
        assert np.max(np.abs(kernel)) == pytest.approx(limit, rel=1e-3)
        assert np.std(kernel) == pytest.approx(limit / 3**0.5, rel=0.01)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_positions_by_definition(policy):
    embeddings = np.random.default_rng(0).normal(size=(2, 50, 8)).astype(np.float32)
    codes = np.empty((50, 8))
    for p in range(50):
        for i in range(4):
            codes[p, 2 * i] = np.sin(p / 10_000 ** (2 * i / 8))
            codes[p, 2 * i + 1] = np.cos(p / 10_000 ** (2 * i / 8))
    expected = embeddings * 8**0.5 + codes
    actual = SinusoidalPositions(dtype=policy)(embeddings)
    tolerance = 1e-5 if policy == "float32" else 1e-2
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
