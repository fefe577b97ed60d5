"""Small data sets in TFDS's layout, for code that reads the files directly."""

import json
from pathlib import Path

import tensorflow as tf


def write_data_set(
    data_dir: Path,
    name: str,
    version: str,
    splits: dict[str, list[list[dict[str, bytes | int]]]],
) -> None:
    """Writes a data set; `splits` has the examples of each file of a split, as feature to value."""
    name, _, config = name.partition("/")
    directory = data_dir / name / config / version
    directory.mkdir(parents=True)
    for split, files in splits.items():
        for i, examples in enumerate(files):
            file = directory / f"{name}-{split}.tfrecord-{i:05d}-of-{len(files):05d}"
            with tf.io.TFRecordWriter(str(file)) as writer:
                for example in examples:
                    writer.write(_example(example))
    info = {
        "name": name,
        "version": version,
        "fileFormat": "tfrecord",
        "splits": [
            {
                "name": split,
                "numBytes": "1",
                "shardLengths": [str(len(examples)) for examples in files],
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            }
            for split, files in splits.items()
        ],
    }
    if config:
        info["configName"] = config
    (directory / "dataset_info.json").write_text(json.dumps(info))


def _example(features: dict[str, bytes | int]) -> bytes:
    found = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, bytes)
        else tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        for name, value in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=found)).SerializeToString()
