"""Reading prepared TFDS data: complete, partial, missing, torn."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfoptcmp import workloads
from tfoptcmp.workload import MissingData

WORKLOAD = workloads.get("fashion_mnist_simple_cnn")
BUDGET = WORKLOAD.budget("smoke")


@pytest.fixture
def data_dir() -> Path:
    """The directory with the real, prepared Fashion-MNIST."""
    if "TFOPTCMP_DATA_DIR" not in os.environ:
        pytest.skip("TFOPTCMP_DATA_DIR does not name a directory of prepared TFDS data")
    found = Path(os.environ["TFOPTCMP_DATA_DIR"])
    if not (found / "fashion_mnist").exists():
        pytest.skip(f"no fashion_mnist in {found}")
    return found


@pytest.fixture
def torn_dir(tmp_path: Path) -> Path:
    """A data set in TFDS's layout, except for the bytes of its records."""
    version = Path(tfds.builder("fashion_mnist", data_dir=tmp_path).data_dir)
    version.mkdir(parents=True)
    splits = [
        {
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            "name": name,
            "numBytes": "100",
            "shardLengths": ["10"],
        }
        for name in ("train", "test")
    ]
    info = {"name": "fashion_mnist", "version": "3.0.1", "fileFormat": "tfrecord", "splits": splits}
    (version / "dataset_info.json").write_text(json.dumps(info))
    for name in ("train", "test"):
        shard = version / f"fashion_mnist-{name}.tfrecord-00000-of-00001"
        shard.write_bytes(b"torn" * 50)
    return tmp_path


def test_missing_data_is_said_in_seconds(tmp_path):
    start = time.monotonic()
    with pytest.raises(MissingData) as error:
        WORKLOAD.load(BUDGET, str(tmp_path))
    assert time.monotonic() - start < 10
    for part in (
        "fashion_mnist",
        str(tmp_path),
        "--data_dir",
        "downloads/manual",
        "dataset-fashion-mnist",
    ):
        assert part in str(error.value)
    assert list(tmp_path.iterdir()) == []  # Nothing incomplete is left.


@pytest.mark.parametrize(
    ("num_bytes", "message"),
    # By hand: 10 records have 16 bytes each beside their data.
    [("100", "200 bytes instead of 260"), ("1", "corrupted record")],
)
def test_torn_records_are_said(torn_dir, num_bytes, message):
    (info,) = torn_dir.glob("*/*/dataset_info.json")
    info.write_text(info.read_text().replace('"100"', f'"{num_bytes}"'))
    with pytest.raises(MissingData, match=rf"'train' of data set.*not readable.*{message}"):
        WORKLOAD.load(BUDGET, str(torn_dir))


def test_absent_records_are_said(torn_dir):
    (records,) = torn_dir.glob("*/*/*-train.tfrecord*")
    records.unlink()
    with pytest.raises(MissingData, match=r"'train' of data set 'fashion_mnist'.*not readable"):
        WORKLOAD.load(BUDGET, str(torn_dir))


def test_absent_split_is_said(torn_dir):
    (info,) = torn_dir.glob("*/*/dataset_info.json")
    described = json.loads(info.read_text())
    described["splits"] = [split for split in described["splits"] if split["name"] != "train"]
    info.write_text(json.dumps(described))
    with pytest.raises(MissingData, match=r"'train' of data set 'fashion_mnist'.*not readable"):
        WORKLOAD.load(BUDGET, str(torn_dir))


def test_torn_description_is_said(torn_dir):
    (info,) = torn_dir.glob("*/*/dataset_info.json")
    info.write_text('{"name": "fashion')
    with pytest.raises(MissingData, match="not readable"):
        WORKLOAD.load(BUDGET, str(torn_dir))


def test_records_fewer_than_described_are_said(data_dir, tmp_path):
    copy = tmp_path / "fashion_mnist"
    shutil.copytree(data_dir / "fashion_mnist", copy)
    (info,) = copy.glob("*/dataset_info.json")
    info.chmod(0o644)
    info.write_text(info.read_text().replace('"60000"', '"60001"'))
    start = time.monotonic()
    with pytest.raises(MissingData, match=r"not readable.*33677636 bytes instead of 33677652"):
        WORKLOAD.load(BUDGET, str(tmp_path))
    assert time.monotonic() - start < 5  # by the sizes of the files, without reading them


def test_fewer_than_the_official_examples_are_partial(tmp_path):
    with tfds.testing.mock_data(num_examples=48):
        splits = WORKLOAD.load(BUDGET, str(tmp_path))
    assert splits.num_examples == {"train": 44, "validation": 4, "test": 48}
    assert splits.partial == (
        "Fashion-MNIST: 48 of 60000 train examples, 48 of 10000 test examples"
    )
    (x, y) = next(iter(splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)))
    assert (x.shape, y.shape) == ((256, 28, 28, 1), (256,))
    model = WORKLOAD.build(BUDGET, splits)
    assert model.count_params() == 3_274_634  # The paper's network; by hand.
    assert model(x).shape == (256, 10)


def test_the_real_fashion_mnist(data_dir):
    splits = WORKLOAD.load(WORKLOAD.budget("paper"), str(data_dir))
    assert splits.num_examples == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert splits.partial == ""
    test_labels = np.concatenate([y for _, y in splits.evaluation["test"]])
    assert np.bincount(test_labels).tolist() == [1_000] * 10  # The official test set.
    x = np.concatenate([x for x, _ in splits.evaluation["train"]])
    assert (x.min(), x.max(), len(x)) == (0.0, 1.0, 5_000)
    # Recorded elsewhere for the 60,000 training images: mean 0.2860.
    assert x.mean() == pytest.approx(0.286, abs=0.005)
