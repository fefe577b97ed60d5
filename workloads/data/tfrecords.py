"""Reads records of prepared TFDS data sets by their number, whichever file they are in.

A TFRecord file is a sequence of records, each with its length before it (8 bytes, then 4 of a
checksum) and 4 bytes of a checksum after it. If it is known where each record starts, any record
can be read. So the order of examples can be a function of (seed, step) even if they do not fit in
memory, and a trial can resume at any step without reading what came before. Finding the starts
takes one short read per record.
"""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tfoptcmp.workloads.data.tfds import check_files, open_builder, reading

from tfoptcmp.workload import DataSet, MissingData

_HEADER_BYTES, _FOOTER_BYTES = 12, 4


@dataclass(frozen=True, kw_only=True)
class Records:
    """The records of one split.

    Attributes:
        features: TFDS's features, which decode a record.
        paths: Files, in order.
        files: Which file each record is in, int32 [n].
        starts: Where in its file each record's data start, int64 [n].
        lengths: Bytes of each record's data, int64 [n].
    """

    features: tfds.features.FeaturesDict
    paths: Sequence[Path]
    files: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.files)

    def part(self, some: slice) -> "Records":
        """Returns some of the records."""
        return replace(
            self, files=self.files[some], starts=self.starts[some], lengths=self.lengths[some]
        )

    def read(self, index: np.ndarray) -> np.ndarray:
        """Returns the data of some records, bytes [number of indices].

        Args:
            index: Numbers of the records, int [number of indices].
        """
        files = {file: os.open(self.paths[file], os.O_RDONLY) for file in set(self.files[index])}
        try:
            data = [os.pread(files[self.files[i]], self.lengths[i], self.starts[i]) for i in index]
        finally:
            for descriptor in files.values():
                os.close(descriptor)
        return np.array(data, dtype=object)


def open_records(data_set: DataSet, split: str, *, data_dir: str | None) -> Records:
    """Finds the records of a split that TFDS has prepared as TFRecord files.

    Args:
        data_set: The data set.
        split: TFDS's name of the split.
        data_dir: Directory with prepared data sets; None for TFDS's default.

    Raises:
        MissingData: If the split is missing, a file ends in the middle of a record, or the number
            of records differs from TFDS's description.
    """
    builder = open_builder(data_set, data_dir)
    where = Path(builder.data_dir)
    with reading(data_set, split, where):
        builder.as_dataset(split=split, shuffle_files=False)  # says what is missing, reads nothing
        info = builder.info.splits[split]
        if builder.info.file_format.value != "tfrecord":
            raise ValueError(f"the files must be TFRecord; got {builder.info.file_format.value!r}")
        check_files(builder, split)
        paths = [Path(path) for path in info.filepaths]
        found = [_find(path) for path in paths]
        lengths = [len(starts) for starts, _ in found]
        if lengths != list(info.shard_lengths):
            raise ValueError(f"{sum(lengths)} records instead of {info.num_examples}")
    return Records(
        features=builder.info.features,
        paths=paths,
        files=np.repeat(np.arange(len(paths), dtype=np.int32), lengths),
        starts=np.concatenate([starts for starts, _ in found]),
        lengths=np.concatenate([lengths for _, lengths in found]),
    )


def _find(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns start and length of the data of each record of a file, int64 [n] both."""
    starts, lengths = [], []
    with open(path, "rb", buffering=0) as file:
        # Otherwise every short read would also fetch the data after it.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        end, size = 0, os.fstat(file.fileno()).st_size
        while end < size:
            header = os.pread(file.fileno(), _HEADER_BYTES, end)
            if len(header) < _HEADER_BYTES:
                break
            (length,) = struct.unpack_from("<Q", header)
            starts.append(end + _HEADER_BYTES)
            lengths.append(length)
            end += _HEADER_BYTES + length + _FOOTER_BYTES
    if end != size:
        raise MissingData(f"{path} ends in the middle of a record; delete it and prepare it again")
    return np.array(starts, np.int64), np.array(lengths, np.int64)
