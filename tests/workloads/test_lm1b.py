"""Encoded sentences: what the model sees, the cache, batches as a function of (seed, step)."""

import os
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from tfoptcmp.workloads.data import lm1b
from tfoptcmp.workloads.data.subwords import (
    BEGIN,
    END,
    PAD,
    Sentences,
    batch,
    read_corpus,
    write_corpus,
)

from tests.workloads.prepared import write_data_set
from tfoptcmp import workloads
from tfoptcmp.workload import MissingData

WORKLOAD = workloads.get("lm1b_transformer")
BUDGET = WORKLOAD.budget("smoke")

TEXTS = [f"the {a} {b} sat on the {c} ." for a in ("old", "red") for b in ("cat", "dog", "hen")
         for c in ("mat", "roof", "table", "garden wall")]  # fmt: skip


def sentences() -> Sentences:
    """Sentences of 3, 0, 1 and 5 subwords."""
    return Sentences(
        tokens=np.arange(10, 19, dtype=np.uint16), starts=np.array([0, 3, 3, 4, 9], np.int64)
    )


def test_rows_begin_end_and_are_padded():
    x, y = batch(sentences(), np.array([0, 1, 2, 3]), 5)
    # By hand; the last sentence is cut before its end.
    assert x.tolist() == [
        [BEGIN, 10, 11, 12, PAD],
        [BEGIN, PAD, PAD, PAD, PAD],
        [BEGIN, 13, PAD, PAD, PAD],
        [BEGIN, 14, 15, 16, 17],
    ]
    assert y.tolist() == [
        [10, 11, 12, END, -1],
        [END, -1, -1, -1, -1],
        [13, END, -1, -1, -1],
        [14, 15, 16, 17, 18],
    ]
    assert (x.dtype, y.dtype) == (np.int32, np.int32)


def test_a_corpus_is_written_once_and_read_back(tmp_path):
    directory = tmp_path / "cache" / "corpus"
    texts = {"train": lambda: TEXTS, "test": lambda: TEXTS[:3]}
    write_corpus(directory, texts, vocabulary_size=60)
    corpus = read_corpus(directory)
    assert {split: len(found) for split, found in corpus.splits.items()} == {"train": 24, "test": 3}
    assert 20 < corpus.vocabulary_size <= 60
    model = sentencepiece.SentencePieceProcessor(model_file=str(directory / "vocabulary.model"))
    train = corpus.splits["train"]
    for i in (0, 5, 23):
        tokens = train.tokens[train.starts[i] : train.starts[i + 1]].tolist()
        assert model.decode(tokens) == TEXTS[i]
        assert min(tokens) > END
    # Another process was quicker: its files stay.
    written = {path.name: path.read_bytes() for path in directory.iterdir()}
    write_corpus(directory, texts, vocabulary_size=60)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == written
    assert [path.name for path in directory.parent.iterdir()] == ["corpus"]


def test_nothing_is_left_of_a_corpus_that_could_not_be_read(tmp_path):
    def torn():
        yield from TEXTS
        raise OSError("torn")

    with pytest.raises(OSError, match="torn"):
        write_corpus(
            tmp_path / "corpus", {"train": lambda: TEXTS, "test": torn}, vocabulary_size=60
        )
    assert list(tmp_path.iterdir()) == []


def test_a_vocabulary_too_large_for_two_bytes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="vocabulary_size must be <= 65536"):
        write_corpus(tmp_path / "corpus", {"train": lambda: TEXTS}, vocabulary_size=70_000)


def test_batches_are_a_function_of_seed_and_step():
    source = lm1b.SentenceBatches(sentences(), batch_size=3, sequence_length=4)

    def batches(seed, start=0):
        dataset = source.batches(seed=seed, augmentation_seed=0, start=start, stop=8)
        return list(dataset.as_numpy_iterator())

    first, late, other = batches(1), batches(1, start=5), batches(2)
    for (x, y), (x_late, y_late) in zip(first[5:], late, strict=True):
        np.testing.assert_array_equal(x, x_late)
        np.testing.assert_array_equal(y, y_late)
    assert any(
        not np.array_equal(x, x_other) for (x, _), (x_other, _) in zip(first, other, strict=True)
    )
    assert {x.shape for x, _ in first} == {(3, 4)}
    # Every epoch of 4 sentences shows each once: 24 rows are 6 epochs.
    seconds = np.concatenate([y[:, 0] for _, y in first]).reshape(6, 4)
    assert (np.sort(seconds, axis=1) == sorted([10, END, 13, 14])).all()


def test_evaluation_shows_every_target_once_in_short_rows():
    batches = lm1b.evaluation_batches(sentences(), 5)
    y = np.concatenate([y.numpy().ravel() for _, y in batches])
    # By hand: lengths 3 + 1, 0 + 1, 1 + 1, and 5 of 5 + 1 that fit.
    assert (y >= 0).sum() == 4 + 1 + 2 + 5
    assert batches[0][0].shape == (4, 5)


def check(splits, num_classes):
    assert splits.num_classes == num_classes
    x, y = next(iter(splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)))
    assert x.shape == y.shape == (BUDGET.batch_size, 32)
    for name in ("validation", "test"):
        counted = sum(int((y.numpy() >= 0).sum()) for _, y in splits.evaluation[name])
        assert counted == splits.num_examples[name]


@pytest.fixture
def data_dir(tmp_path):
    """A small prepared LM1B."""
    examples = [{"text": text.encode()} for text in TEXTS]
    splits = {"train": [examples[:10], examples[10:]], "test": [examples[:5]]}
    write_data_set(tmp_path / "data", "lm1b", "1.1.0", splits)
    return tmp_path / "data"


def test_sentences_are_encoded_beside_the_data_once(data_dir):
    splits = WORKLOAD.load(BUDGET, str(data_dir))
    check(splits, splits.num_classes)
    assert splits.partial == ("LM1B: 24 of 30301028 train examples, 5 of 306688 test examples")
    assert sum(len(y) for _, y in splits.evaluation["validation"]) == 2  # by hand: 5 // 2
    assert sum(len(y) for _, y in splits.evaluation["test"]) == 3
    (cached,) = (data_dir / "tfoptcmp").iterdir()
    before = {path: path.stat().st_mtime_ns for path in cached.iterdir()}
    again = WORKLOAD.load(BUDGET, str(data_dir))
    assert {path: path.stat().st_mtime_ns for path in cached.iterdir()} == before
    assert again.num_examples == splits.num_examples


def test_where_nothing_may_be_written_the_cache_is_at_home(data_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    data_dir.chmod(0o555)
    WORKLOAD.load(BUDGET, str(data_dir))
    assert [path.name for path in data_dir.iterdir()] == ["lm1b"]
    assert len(list((tmp_path / "home" / ".cache" / "tfoptcmp").iterdir())) == 1


def test_missing_lm1b_is_said(tmp_path):
    with pytest.raises(MissingData, match="tfoptcmp-data --workload=lm1b_transformer --prepare"):
        WORKLOAD.load(BUDGET, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_real_sample(tmp_path, monkeypatch):
    data_dir = Path(os.environ.get("TFOPTCMP_DATA_DIR", "nowhere"))
    if not (data_dir / "lm1b").exists():
        pytest.skip("TFOPTCMP_DATA_DIR does not name a directory with prepared lm1b")
    (tmp_path / "lm1b").symlink_to(data_dir / "lm1b")
    splits = WORKLOAD.load(BUDGET, str(tmp_path))
    check(splits, 4_000)
    assert "LM1B: " in splits.partial
    x, _ = next(iter(splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)))
    assert WORKLOAD.build(BUDGET, splits)(x).shape == (32, 32, 4_000)
