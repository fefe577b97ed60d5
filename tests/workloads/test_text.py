"""Streams of text: windows continue each other, evaluation counts every character."""

import keras
import numpy as np
import pytest
from tfoptcmp.workloads.data.text import PADDING, TextStreams, encode, evaluation_windows
from tfoptcmp.workloads.models.lstm import lstm


def windows(streams: TextStreams, start: int, stop: int, seed: int = 0):
    dataset = streams.batches(seed=seed, augmentation_seed=0, start=start, stop=stop)
    return list(dataset.as_numpy_iterator())


def test_encode_refuses_characters_it_does_not_know():
    assert encode("abba", "ab").tolist() == [0, 1, 1, 0]
    with pytest.raises(ValueError, match="'c'"):
        encode("abc", "ab")


def test_streams_are_contiguous_and_start_again():
    # By hand: 20 characters, 2 streams of 3 windows of 3; the targets are 1, ..., 18.
    streams = TextStreams(np.arange(20, dtype=np.int32), batch_size=2, sequence_length=3)
    assert (streams.steps_per_epoch, streams.num_targets) == (3, 18)
    first, second, third, fourth = windows(streams, 0, 4)
    np.testing.assert_array_equal(first[0], [[0, 1, 2], [9, 10, 11]])
    np.testing.assert_array_equal(first[1], [[1, 2, 3], [10, 11, 12]])
    np.testing.assert_array_equal(second[0], [[3, 4, 5], [12, 13, 14]])
    np.testing.assert_array_equal(third[1], [[7, 8, 9], [16, 17, 18]])
    np.testing.assert_array_equal(fourth[0], first[0])
    # A late start and another seed give the same text.
    np.testing.assert_array_equal(windows(streams, 2, 3, seed=1)[0][0], third[0])
    with pytest.raises(ValueError, match="must be < 20"):
        TextStreams(np.arange(20), batch_size=4, sequence_length=5)


@pytest.mark.parametrize("num", [2, 7, 12, 13, 14, 100])
def test_evaluation_counts_every_character_but_the_first_once(num):
    codes = np.arange(num, dtype=np.int32)
    batches = [
        (x.numpy(), y.numpy())
        for x, y in evaluation_windows(codes, batch_size=3, sequence_length=4)
    ]
    x = np.concatenate([x for x, _ in batches], axis=1)
    y = np.concatenate([y for _, y in batches], axis=1)
    assert all(batch.shape == (3, 4) for pair in batches for batch in pair)
    counted = y != PADDING
    assert sorted(y[counted]) == list(range(1, num))
    np.testing.assert_array_equal(x[counted] + 1, y[counted])
    # Padding comes after all that a stream predicts, so no state has seen it.
    assert (np.diff(counted.astype(int), axis=1) <= 0).all()


def test_lstm_of_the_paper_has_its_parameters():
    # By hand: 83*128 + 2 * 4*(128*128 + 128*128 + 128) + 128*83 + 83.
    assert lstm(vocabulary_size=83, batch_size=50).count_params() == 284_499


def test_lstm_carries_its_state_across_batches():
    keras.utils.set_random_seed(0)
    model = lstm(vocabulary_size=7, batch_size=2, units=8)
    codes = np.random.default_rng(0).integers(7, size=(2, 12))
    whole = keras.ops.convert_to_numpy(model(codes))

    def logits_of_second_half() -> np.ndarray:
        return keras.ops.convert_to_numpy(model(codes[:, 6:]))

    def reset() -> None:
        for layer in model.layers:
            if isinstance(layer, keras.layers.LSTM):
                layer.reset_states()

    reset()
    model(codes[:, :6])
    np.testing.assert_allclose(logits_of_second_half(), whole[:, 6:], atol=1e-6)
    reset()
    assert np.abs(logits_of_second_half() - whole[:, 6:]).max() > 1e-4


def test_lstm_forget_bias_and_initial_kernels():
    keras.utils.set_random_seed(0)
    model = lstm(vocabulary_size=83, batch_size=1)
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.LSTM))
    bias = keras.ops.convert_to_numpy(layer.cell.bias)
    # By hand: gates in Keras's order i, f, c, o.
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 128))
    recurrent = keras.ops.convert_to_numpy(layer.cell.recurrent_kernel)
    # Theory: Glorot uniform of [128, 512], limit sqrt(6 / 640).
    assert np.abs(recurrent).max() == pytest.approx(np.sqrt(6 / 640), rel=1e-3)
