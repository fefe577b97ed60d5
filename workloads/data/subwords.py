"""A corpus of sentences as subword numbers, encoded once and then mapped from disk.

The vocabulary is a SentencePiece unigram model (Kudo 2018) of the training split. Encoded sentences
are stored one after the other in an array on disk, so that each can be read by its number. So their
order can be a function of (seed, step), and a trial can resume at any step, even if the corpus is
larger than memory.
"""

import io
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece

# Numbers of the vocabulary that are not subwords. The Transformer uses 0 for padding.
PAD, BEGIN, END, UNKNOWN = range(4)

# More do not change a vocabulary much; these take minutes.
_VOCABULARY_SENTENCES = 1_000_000

# A constant, because sums in the training depend on it, and with them perhaps a subword.
_VOCABULARY_THREADS = 8

_SENTENCES_AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """Encoded sentences.

    Attributes:
        tokens: All subwords, one sentence after the other, uint16 [number of subwords].
        starts: Where each sentence starts, and finally the end, int64 [number of sentences + 1].
    """

    tokens: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Subwords of each sentence, int64 [number of sentences]."""
        return np.diff(self.starts)

    def part(self, start: int, stop: int) -> "Sentences":
        """Returns the sentences start, ..., stop - 1."""
        return Sentences(tokens=self.tokens, starts=self.starts[start : stop + 1])


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Encoded splits of a corpus.

    Attributes:
        splits: Split name to sentences.
        vocabulary_size: Number of tokens: subwords and PAD, BEGIN, END, UNKNOWN.
    """

    splits: Mapping[str, Sentences]
    vocabulary_size: int


def read_corpus(directory: Path) -> Corpus:
    """Returns what `write_corpus` wrote; the tokens stay on disk."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(directory / "vocabulary.model"))
    return Corpus(
        splits={
            path.stem: Sentences(
                tokens=np.memmap(path, np.uint16, mode="r"),
                starts=np.load(path.with_suffix(".starts.npy")),
            )
            for path in sorted(directory.glob("*.tokens"))
        },
        vocabulary_size=model.vocab_size(),
    )


def write_corpus(
    directory: Path, texts: Mapping[str, Callable[[], Iterable[str]]], *, vocabulary_size: int
) -> None:
    """Trains a vocabulary and encodes a corpus into a new directory, completely or not at all.

    Takes some seconds for 5,000 sentences, and about 20 minutes for the 30 million of LM1B.

    Args:
        directory: Only for this corpus and vocabulary. If another process creates it meanwhile,
            that one is kept.
        texts: Split name to a function that starts reading its sentences; "train" has the
            vocabulary trained on its first million.
        vocabulary_size: Number of tokens, <= 65,536; fewer if the text does not have that many.
    """
    if vocabulary_size > 2**16:
        raise ValueError(f"vocabulary_size must be <= 65536, two bytes; got {vocabulary_size!r}")
    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{directory.name}.", dir=directory.parent))
    try:
        model = _vocabulary(texts["train"](), vocabulary_size)
        (unfinished / "vocabulary.model").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        for split, read in texts.items():
            _write_split(unfinished / f"{split}.tokens", read(), processor)
        unfinished.chmod(0o755)  # mkdtemp's directory is for one user
        try:
            os.rename(unfinished, directory)
        except OSError:
            if not directory.exists():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def batch(sentences: Sentences, index: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns sentences for the model: the preceding tokens, and the next token.

    Args:
        sentences: The sentences to choose from.
        index: Numbers of the sentences, int [n].
        length: Positions of a row; longer sentences are cut.

    Returns:
        (x, y), both int32 [n, length]: x is BEGIN and the subwords, then PAD; y is the subwords and
        END, then -1, which no loss and no metric counts.
    """
    start, stop = sentences.starts[index, np.newaxis], sentences.starts[index + 1, np.newaxis]
    position = start + np.arange(length)
    tokens = sentences.tokens[np.minimum(position, len(sentences.tokens) - 1)].astype(np.int32)
    y = np.where(position < stop, tokens, np.where(position == stop, END, -1)).astype(np.int32)
    x = np.concatenate([np.full((len(index), 1), BEGIN, np.int32), tokens[:, :-1]], axis=1)
    return np.where(y >= 0, x, PAD), y


def _vocabulary(sentences: Iterable[str], vocabulary_size: int) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=itertools.islice(sentences, _VOCABULARY_SENTENCES),
        model_writer=model,
        model_type="unigram",
        vocab_size=vocabulary_size,
        hard_vocab_limit=False,  # fewer, rather than an error, for small corpora
        num_threads=_VOCABULARY_THREADS,
        pad_id=PAD,
        bos_id=BEGIN,
        eos_id=END,
        unk_id=UNKNOWN,
        minloglevel=2,
    )
    return model.getvalue()


def _write_split(
    path: Path, texts: Iterable[str], processor: sentencepiece.SentencePieceProcessor
) -> None:
    lengths: list[np.ndarray] = []
    with open(path, "wb") as file:
        for some in _chunks(texts, _SENTENCES_AT_ONCE):
            encoded = processor.encode(some)
            lengths.append(np.array([len(sentence) for sentence in encoded]))
            tokens = itertools.chain.from_iterable(encoded)
            np.fromiter(tokens, np.uint16, lengths[-1].sum()).tofile(file)
    starts = np.concatenate([[0], *lengths]).cumsum()
    np.save(path.with_suffix(".starts.npy"), starts.astype(np.int64))


def _chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    texts = iter(texts)
    while chunk := list(itertools.islice(texts, size)):
        yield chunk
