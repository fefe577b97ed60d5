"""Random numbers in place of missing data sets, to test that everything runs.

Written in TFDS's layout of prepared data sets, so that the workloads read them like the real ones.
A network trained on them learns nothing, and every result says so.
"""

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tfoptcmp.workloads.data.tfds import is_prepared, open_builder

from tfoptcmp.workload import Budget, DataSet, Splits, Workload

_NUM_EXAMPLES = 1_000
_IMAGE_SIZE = 64  # where a data set's images are of many sizes
_SENTENCE_WORDS = 20
_SPLIT_WORDS = 60_000  # of a text that is one example
_DIFFERENT_WORDS = 5_000


def load_mock(workload: Workload, budget: Budget, data_dir: Path) -> Splits:
    """Loads a workload with random numbers instead of its data.

    Args:
        workload: One that reads data sets.
        budget: As for the real data.
        data_dir: Directory of mock data sets and nothing else; missing ones are written.
    """
    needed = [data_set for data_set in workload.data_sets if not data_set.optional]
    for data_set in needed:
        if not is_prepared(data_set, str(data_dir)):
            _write(data_set, data_dir)
    titles = " and ".join(data_set.title for data_set in needed)
    splits = workload.load(budget, str(data_dir))
    return replace(splits, partial=f"MOCK DATA, random numbers instead of {titles}")


def _write(data_set: DataSet, data_dir: Path) -> None:
    builder = open_builder(data_set, str(data_dir))
    features = builder.info.features
    examples = {
        split: list(enumerate(_examples(features, data_set.sizes[split], seed)))
        for seed, split in enumerate(data_set.sizes)
    }
    # TFDS would report a download and show progress bars.
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        tfds.dataset_builders.store_as_tfds_dataset(
            name=data_set.name,
            version=builder.version,
            features=features,
            split_datasets=examples,
            data_dir=data_dir,
            description=f"Random numbers in place of {data_set.title}.",
            file_format="tfrecord",
        )


def _examples(
    features: tfds.features.FeaturesDict, official_size: int, seed: int
) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(_DIFFERENT_WORDS)]
    num_words = _SPLIT_WORDS if official_size == 1 else _SENTENCE_WORDS
    for _ in range(min(_NUM_EXAMPLES, official_size)):
        yield {name: _value(feature, rng, words, num_words) for name, feature in features.items()}


def _value(
    feature: tfds.features.FeatureConnector,
    rng: np.random.Generator,
    words: list[str],
    num_words: int,
) -> Any:
    match feature:
        case tfds.features.Image():
            shape = [size or _IMAGE_SIZE for size in feature.shape]
            return rng.integers(0, 256, shape, dtype=np.uint8)
        case tfds.features.ClassLabel():
            return int(rng.integers(feature.num_classes))
        case tfds.features.Text():
            return " ".join(rng.choice(words, num_words))
    raise AssertionError(f"no mock of {feature}")
