"""LM1B as batches of encoded sentences, one sentence per row.

The official training split trains; the first half of the held-out sentences validates, the second
half tests. Vocabulary and encoded sentences are kept beside the prepared data set, in the directory
`tfoptcmp` of the same `data_dir`, or, if that cannot be written, in `~/.cache/tfoptcmp`: about 2.5
GB for the whole of LM1B. They are made at the first load (`tfoptcmp.workloads.data.subwords`).
"""

import functools
import hashlib
import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging
from tfoptcmp.workloads.data.catalogue import LM1B, partial_text
from tfoptcmp.workloads.data.order import index_batches, pipeline_options
from tfoptcmp.workloads.data.subwords import Corpus, Sentences, batch, read_corpus, write_corpus
from tfoptcmp.workloads.data.tfds import iterate_texts, open_builder, root

from tfoptcmp.workload import Budget, Splits

# The logits of a batch of 128 positions and 32,000 tokens take 1 GB.
_EVALUATION_BATCH_SIZE = 64


class SentenceBatches:
    """A `TrainingSource` of sentences, in the order of `tfoptcmp.workloads.data.order`."""

    steps_per_epoch: int | None = None  # The model carries no state from batch to batch.

    def __init__(self, sentences: Sentences, *, batch_size: int, sequence_length: int) -> None:
        """Takes the sentences; they stay on disk.

        Args:
            sentences: The training split.
            batch_size: Sentences per batch.
            sequence_length: Positions of a row; longer sentences are cut.
        """
        self._sentences = sentences
        self._batch_size = batch_size
        self._sequence_length = sequence_length

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> tf.data.Dataset:
        """Returns the batches of the steps start, ..., stop - 1.

        Args:
            seed: Of the order of the sentences, >= 0.
            augmentation_seed: Has no effect, text is not augmented.
            start: First step.
            stop: One after the last step.

        Returns:
            Batches (x, y), both int32 [batch_size, sequence_length], as `subwords.batch` has them.
        """
        del augmentation_seed
        shape = [self._batch_size, self._sequence_length]

        def rows(index: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            x, y = tf.numpy_function(
                lambda index: batch(self._sentences, index, self._sequence_length),
                [index],
                (tf.int32, tf.int32),
            )
            return tf.ensure_shape(x, shape), tf.ensure_shape(y, shape)

        indices = index_batches(
            len(self._sentences), self._batch_size, seed=seed, start=start, stop=stop
        )
        return indices.map(rows).prefetch(2).with_options(pipeline_options())


def evaluation_batches(
    sentences: Sentences, sequence_length: int
) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Returns all sentences once, in batches of similar length, with rows no longer than needed."""
    order = np.argsort(sentences.lengths, kind="stable")
    batches = []
    for index in np.split(order, range(_EVALUATION_BATCH_SIZE, len(order), _EVALUATION_BATCH_SIZE)):
        longest = int(sentences.lengths[index].max()) + 1  # with END
        x, y = batch(sentences, index, min(longest, sequence_length))
        batches.append((tf.constant(x), tf.constant(y)))
    return batches


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads LM1B as prepared by TFDS; encodes it if that has not been done yet.

    Args:
        budget: For the batch size and, in its options, "sequence_length" (positions),
            "vocabulary_size" (tokens), and perhaps "evaluated_examples": the most sentences of each
            split that are evaluated.
        data_dir: Directory with prepared data sets; None for TFDS's default.

    Raises:
        MissingData: If the data set is missing or not readable.
    """
    corpus = _corpus(int(budget.options["vocabulary_size"]), data_dir)
    sequence_length = int(budget.options["sequence_length"])
    train, held_out = corpus.splits["train"], corpus.splits["test"]
    half = len(held_out) // 2
    most = int(budget.options.get("evaluated_examples", half))
    evaluated = {
        "train": train.part(0, min(most, half, len(train))),
        "validation": held_out.part(0, min(most, half)),
        "test": held_out.part(half, min(half + most, len(held_out))),
    }
    return Splits(
        train=SentenceBatches(train, batch_size=budget.batch_size, sequence_length=sequence_length),
        evaluation={
            name: evaluation_batches(sentences, sequence_length)
            for name, sentences in evaluated.items()
        },
        num_classes=corpus.vocabulary_size,
        num_examples={
            name: int(np.minimum(sentences.lengths + 1, sequence_length).sum())
            for name, sentences in {**evaluated, "train": train}.items()
        },
        partial=partial_text(LM1B, {name: len(split) for name, split in corpus.splits.items()}),
    )


def _corpus(vocabulary_size: int, data_dir: str | None) -> Corpus:
    texts = {
        split: functools.partial(iterate_texts, LM1B, split, data_dir=data_dir)
        for split in LM1B.sizes
    }
    for read in texts.values():
        next(read())  # reports missing data before minutes are spent
    builder = open_builder(LM1B, data_dir)
    # Identifies the sentences: their number in each file, and their bytes.
    described = [
        (split, info.shard_lengths, info.num_bytes) for split, info in builder.info.splits.items()
    ]
    identity = hashlib.sha256(repr(described).encode()).hexdigest()[:12]
    name = f"lm1b-{vocabulary_size}-{identity}"
    beside = root(builder) / "tfoptcmp" / name
    at_home = Path("~/.cache/tfoptcmp").expanduser() / name
    for directory in (beside, at_home):
        if directory.exists():
            return read_corpus(directory)
    directory = beside if _is_writable(root(builder)) else at_home
    logging.warning("encoding LM1B into %s, once; all of it takes about 20 minutes", directory)
    write_corpus(directory, texts, vocabulary_size=vocabulary_size)
    return read_corpus(directory)


def _is_writable(directory: Path) -> bool:
    # Root may write anywhere; a directory without write permission is meant to stay unchanged.
    return os.access(directory, os.W_OK) and bool(directory.stat().st_mode & 0o222)
