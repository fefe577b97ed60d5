"""Text as streams of characters, for models that carry their state from batch to batch.

A split of n characters is cut into `batch_size` contiguous streams. A batch is a window of
`sequence_length` characters of each stream, and the next batch is the next window: row i of a batch
continues row i of the batch before. The target of each character is the next one.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tfoptcmp.workloads.data.order import pipeline_options

from tfoptcmp.workload import Splits

PADDING = -1  # A target that no loss and no metric counts.


def encode(text: str, vocabulary: str) -> np.ndarray:
    """Returns the index in `vocabulary` of each character, int32 [len(text)].

    Raises:
        ValueError: If a character is not in the vocabulary.
    """
    index = {character: i for i, character in enumerate(vocabulary)}
    unknown = sorted(set(text) - set(index))
    if unknown:
        raise ValueError(f"characters must be in the vocabulary; got {unknown!r}")
    return np.fromiter((index[character] for character in text), np.int32, len(text))


class TextStreams:
    """A `TrainingSource` of windows of text, in the order of the text whatever the seed.

    The order is fixed, as in DeepOBS, because a state can only be carried from a window to the
    next. The end of the text, which does not fill a window in every stream, is left out.

    Attributes:
        steps_per_epoch: Windows of a stream; after them the text starts again.
        num_targets: Characters predicted in an epoch.
    """

    def __init__(self, codes: np.ndarray, *, batch_size: int, sequence_length: int) -> None:
        """Cuts the text into streams.

        Args:
            codes: The text, int32 [n].
            batch_size: Number of streams.
            sequence_length: Characters of a stream in one batch.

        Raises:
            ValueError: If the text does not fill one batch.
        """
        self.steps_per_epoch = (len(codes) - 1) // (batch_size * sequence_length)
        if self.steps_per_epoch < 1:
            raise ValueError(
                f"batch_size * sequence_length must be < {len(codes)}, the characters of the text; "
                f"got {batch_size} * {sequence_length}"
            )
        stream_length = self.steps_per_epoch * sequence_length
        self.num_targets = batch_size * stream_length
        self._sequence_length = sequence_length
        with tf.device("CPU:0"):  # Where tf.data runs.
            self._x, self._y = (
                tf.constant(part[: self.num_targets].reshape(batch_size, stream_length))
                for part in (codes[:-1], codes[1:])
            )
        # Traced once; a trial's dataset only wraps it.
        self._window = tf.function(self._slice, autograph=False).get_concrete_function(
            tf.TensorSpec([], tf.int64)
        )

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns the windows of the steps start, ..., stop - 1.

        Args:
            seed: Has no effect, the order is that of the text.
            augmentation_seed: Has no effect, text is not augmented.
            start: First step.
            stop: One after the last step.

        Returns:
            Batches (x, y), both int32 [batch_size, sequence_length].
        """
        del seed, augmentation_seed
        windows = tf.data.Dataset.range(start, stop).map(self._window)
        return windows.prefetch(2).with_options(pipeline_options())

    def _slice(self, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        start = step % self.steps_per_epoch * self._sequence_length
        stop = start + self._sequence_length
        shape = [self._x.shape[0], self._sequence_length]
        return (
            tf.ensure_shape(self._x[:, start:stop], shape),
            tf.ensure_shape(self._y[:, start:stop], shape),
        )


def evaluation_windows(
    codes: np.ndarray, *, batch_size: int, sequence_length: int
) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Returns all of a text in windows of streams, padded at the end of the streams.

    Args:
        codes: The text, int32 [n], n >= 2.
        batch_size: Number of streams.
        sequence_length: Characters of a stream in one batch.

    Returns:
        Batches (x, y), both int32 [batch_size, sequence_length]; y is PADDING after the end of a
        stream. Each character of the text but the first is a target once.
    """
    num_targets = len(codes) - 1
    stream_length = -(-num_targets // batch_size)
    num_windows = -(-stream_length // sequence_length)

    def windows(part: np.ndarray, padding: int) -> np.ndarray:
        streams = np.full(batch_size * stream_length, padding, np.int32)
        streams[:num_targets] = part
        padded = np.full((batch_size, num_windows * sequence_length), padding, np.int32)
        padded[:, :stream_length] = streams.reshape(batch_size, stream_length)
        return padded.reshape(batch_size, num_windows, sequence_length).swapaxes(0, 1)

    x, y = windows(codes[:-1], 0), windows(codes[1:], PADDING)
    return [(tf.constant(x), tf.constant(y)) for x, y in zip(x, y, strict=True)]


def splits_of_text(
    texts: Mapping[str, np.ndarray],
    *,
    vocabulary_size: int,
    batch_size: int,
    sequence_length: int,
    partial: str = "",
) -> Splits:
    """Makes a workload's splits of encoded texts.

    Args:
        texts: Split name to text, int32 [n]; "train", "validation" and any others.
        vocabulary_size: Number of different characters.
        batch_size: Streams that each split is cut into.
        sequence_length: Characters of a stream in one batch.
        partial: What the data lack; "" if complete.

    Returns:
        Splits that evaluate "train" on its beginning, as long as validation. Examples are counted
        in predicted characters.
    """
    train = TextStreams(texts["train"], batch_size=batch_size, sequence_length=sequence_length)
    evaluated = {**texts, "train": texts["train"][: len(texts["validation"])]}
    return Splits(
        train=train,
        evaluation={
            name: evaluation_windows(codes, batch_size=batch_size, sequence_length=sequence_length)
            for name, codes in evaluated.items()
        },
        num_classes=vocabulary_size,
        num_examples={
            **{name: len(codes) - 1 for name, codes in texts.items()},
            "train": train.num_targets,
        },
        partial=partial,
    )
