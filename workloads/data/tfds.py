"""Reads data sets that `tensorflow_datasets` has prepared; downloads only in `prepare`.

TFDS without a network hangs for minutes, and fails in many ways: here each failure becomes one
`MissingData`, in seconds. Only this module and our own builders import `tensorflow_datasets`.
"""

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tfoptcmp.workloads.registry import WORKLOADS

from tfoptcmp.imported import named
from tfoptcmp.workload import DataSet, MissingData

# Length and checksums of a record of a TFRecord file, which TFDS does not count.
_RECORD_OVERHEAD_BYTES = 16


def read_arrays(
    data_set: DataSet, split: str, *, data_dir: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of a labelled image data set into memory, in the order of its files.

    Args:
        data_set: One whose images all have the same size.
        split: TFDS's name of the split.
        data_dir: Directory with prepared data sets; None for TFDS's default.

    Returns:
        (images uint8 [n, height, width, channels], labels int64 [n]).

    Raises:
        MissingData: If the split is missing, not readable, or not as long as it should be.
    """
    batches = [
        (features["image"], features["label"]) for features in _batches(data_set, split, data_dir)
    ]
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return images, labels


def iterate_texts(data_set: DataSet, split: str, *, data_dir: str | None) -> Iterator[str]:
    """Reads one split of a text data set, in the order of its files.

    Args:
        data_set: One whose examples have a "text".
        split: TFDS's name of the split.
        data_dir: Directory with prepared data sets; None for TFDS's default.

    Raises:
        MissingData: As soon as the split turns out to be missing, not readable, or not as long as
            it should be.
    """
    for features in _batches(data_set, split, data_dir):
        for text in features["text"]:
            yield text.decode()


def open_builder(data_set: DataSet, data_dir: str | None) -> tfds.core.DatasetBuilder:
    """Returns TFDS's builder of a data set, prepared or not.

    Raises:
        MissingData: If the prepared data are not readable.
    """
    try:
        if not data_set.builder:
            return tfds.builder(data_set.name, data_dir=data_dir)
        return named(data_set.builder)(data_dir=data_dir)
    except Exception as error:  # TFDS, protobuf and json have no common error.
        raise MissingData(
            f"data set {data_set.name!r} in {data_dir or 'the default directory of TFDS'} is not "
            f"readable ({type(error).__name__}: {error}); delete it there and prepare it again"
        ) from error


def is_prepared(data_set: DataSet, data_dir: str | None) -> bool:
    """Returns whether TFDS has prepared a data set, even if it is damaged.

    Raises:
        MissingData: If its description is not readable.
    """
    # Not builder.is_prepared(), which logs a warning if it is not.
    return (Path(open_builder(data_set, data_dir).data_dir) / "dataset_info.json").exists()


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The state of a data set on disk.

    Attributes:
        where: Its directory, which may be missing.
        num_examples: Split name to number of examples, by TFDS's description; None if the data set
            has not been prepared.
        size_bytes: Of the files in the directory.
    """

    where: Path
    num_examples: dict[str, int] | None
    size_bytes: int


def look(data_set: DataSet, data_dir: str | None) -> Prepared:
    """Returns the state of a data set on disk, without reading its examples.

    Raises:
        MissingData: If its description is not readable, or names files that are missing or too
            short.
    """
    builder = open_builder(data_set, data_dir)
    where = Path(builder.data_dir)
    if not is_prepared(data_set, data_dir):
        return Prepared(where=where, num_examples=None, size_bytes=0)
    num_examples = {}
    for split in data_set.sizes:
        with reading(data_set, split, where):
            check_files(builder, split)
            num_examples[split] = builder.info.splits[split].num_examples
    size_bytes = sum(path.stat().st_size for path in where.iterdir())
    return Prepared(where=where, num_examples=num_examples, size_bytes=size_bytes)


def check_files(builder: tfds.core.DatasetBuilder, split: str) -> None:
    """Finds missing or truncated files by their sizes, as reading them may take minutes.

    Args:
        builder: Of a prepared data set.
        split: TFDS's name of the split.

    Raises:
        FileNotFoundError: If a file is absent.
        ValueError: If the files are shorter than in TFDS's description.
    """
    info = builder.info.splits[split]
    paths = [Path(path) for path in info.filepaths]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing")
    if builder.info.file_format is not tfds.core.FileFormat.TFRECORD:
        return  # others may compress what the description counts uncompressed
    found = sum(path.stat().st_size for path in paths)
    # The number of bytes is shown in MiB, hence the int.
    described = int(info.num_bytes) + _RECORD_OVERHEAD_BYTES * info.num_examples
    if found < described:
        raise ValueError(f"the files have {found} bytes instead of {described}")


def prepare(data_set: DataSet, *, data_dir: str | None, manual_dir: str | None) -> None:
    """Downloads a data set and prepares it, with TFDS's progress bars on stderr.

    Args:
        data_set: Which.
        data_dir: Where to put it; None for TFDS's default directory.
        manual_dir: Directory with official files, used instead of the network; None for
            `downloads/manual` in `data_dir`.

    Raises:
        MissingData: If its files cannot be downloaded, or are not what they should be.
    """
    builder = open_builder(data_set, data_dir)
    where = Path(builder.data_dir)
    by_hand = Path(manual_dir) if manual_dir else root(builder) / "downloads" / "manual"
    config = tfds.download.DownloadConfig(manual_dir=by_hand)
    try:
        if not (by_hand.exists() and any(by_hand.iterdir())):
            _find_host(data_set.host)
        builder.download_and_prepare(download_config=config)
    except Exception as error:  # No network, no space, a wrong checksum: no common error.
        raise MissingData(
            f"data set {data_set.name!r} cannot be prepared in {where} "
            f"({type(error).__name__}: {_first_line(error)}); put {data_set.official_files} into "
            f"{by_hand}, or name another directory: --manual_dir=..."
        ) from error


def root(builder: tfds.core.DatasetBuilder) -> Path:
    """Returns the directory of prepared data sets that contains a builder's: its `data_dir`."""
    return Path(builder.data_dir).parents[builder.info.full_name.count("/")]


@contextmanager
def reading(data_set: DataSet, split: str, where: Path) -> Iterator[None]:
    """Turns what goes wrong in reading a split into `MissingData`."""
    try:
        yield
    except MissingData:
        raise
    except AssertionError as error:  # How TFDS says "not prepared".
        raise MissingData(_how_to_get(data_set, where)) from error
    except Exception as error:  # Truncated or missing files: TensorFlow errors of any kind.
        raise MissingData(
            f"split {split!r} of data set {data_set.name!r} in {where} is not readable "
            f"({type(error).__name__}: {_first_line(error)}); delete {where} and prepare it again"
        ) from error


def _batches(
    data_set: DataSet, split: str, data_dir: str | None
) -> Iterator[dict[str, np.ndarray]]:
    builder = open_builder(data_set, data_dir)
    with reading(data_set, split, Path(builder.data_dir)):
        # TFDS itself refuses records that are fewer than its dataset_info.json says. Not its
        # batch_size=-1: it aborts the process under tfds.testing.mock_data.
        dataset = builder.as_dataset(split=split, shuffle_files=False)
        if is_prepared(data_set, data_dir):  # else it is tfds.testing.mock_data
            check_files(builder, split)
        yield from dataset.batch(1000).as_numpy_iterator()


def _find_host(host: str) -> None:
    """Raises an error at once if there is no network; TFDS tries for three minutes."""
    if host and not urllib.request.getproxies():
        socket.getaddrinfo(host, 443)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")


def _how_to_get(data_set: DataSet, where: Path) -> str:
    workload = next(name for name, w in WORKLOADS.items() if data_set in w.data_sets)
    data_dir = where.parents[data_set.name.count("/") + 1]
    command = f"tfoptcmp-data --workload={workload} --prepare --data_dir={data_dir}"
    ways = [
        "name the directory that has it prepared: --data_dir=...",
        f"with a network, run: {command}",
        f"without one, put {data_set.official_files} into {data_dir / 'downloads' / 'manual'} and "
        "run the same command",
    ]
    if not data_set.host:
        del ways[1]
        ways[1] = (
            f"put {data_set.official_files} into {data_dir / 'downloads' / 'manual'} and run: "
            f"{command}"
        )
    return (
        f"data set {data_set.name!r} is not in {where}, and nothing is downloaded unless you ask. "
        "Ways to get it:\n  - " + "\n  - ".join(ways)
    )
