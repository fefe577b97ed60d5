"""Reads data sets that `tensorflow_datasets` has prepared; never downloads.

The only module that imports `tensorflow_datasets`. TFDS without a network hangs for minutes, and
fails in as many ways as it has layers: here each failure becomes one `MissingData`, in seconds.
"""

from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from tfoptcmp.workload import MissingData


def read_arrays(
    name: str, split: str, *, data_dir: str | None, official_files: str
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of a labelled image data set into memory, in the order of its files.

    Args:
        name: TFDS's name of the data set.
        split: TFDS's name of the split.
        data_dir: Directory with prepared data sets; None for TFDS's default.
        official_files: For the message: what the official files are and where else to get them.

    Returns:
        (images uint8 [n, height, width, channels], labels int64 [n]).

    Raises:
        MissingData: If the split is not there, not readable, or not as long as it says.
    """
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # TFDS, protobuf and json have no common error.
        raise MissingData(
            f"data set {name!r} in {data_dir or 'the default directory of TFDS'} is not readable "
            f"({type(error).__name__}: {error}); delete it there and prepare it again"
        ) from error
    where = Path(builder.data_dir)
    try:
        dataset = builder.as_dataset(split=split, as_supervised=True, shuffle_files=False)
        # Not batch_size=-1: it aborts the process under tfds.testing.mock_data.
        batches = list(dataset.batch(1000).as_numpy_iterator())
    except AssertionError as error:  # How TFDS says "not prepared".
        raise MissingData(_how_to_get(name, where, official_files)) from error
    except Exception as error:  # Torn or missing files: errors of TensorFlow, of any kind.
        reason = next(iter(str(error).splitlines()), "")
        raise MissingData(
            f"split {split!r} of data set {name!r} in {where} is not readable "
            f"({type(error).__name__}: {reason}); delete {where} and prepare it again"
        ) from error
    # TFDS itself refuses records that are fewer than its dataset_info.json says.
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    return images, labels


def partial_text(title: str, *, found: dict[str, int], official: dict[str, int]) -> str:
    """Says which splits have fewer examples than the official data set; "" if none.

    Args:
        title: The data set, for people.
        found: Split name to number of examples read.
        official: Split name to number of examples that there should be.
    """
    lacking = [
        f"{found[split]} of {number} {split} examples"
        for split, number in official.items()
        if found[split] < number
    ]
    return f"{title}: {', '.join(lacking)}" if lacking else ""


def _how_to_get(name: str, where: Path, official_files: str) -> str:
    root = where.parents[1]
    prepare = (
        f"python -c \"import tensorflow_datasets as tfds; tfds.load('{name}', data_dir='{root}')\""
    )
    return (
        f"data set {name!r} is not in {where}, and nothing is downloaded unasked. Ways to get it:\n"
        f"  - name the directory that has it prepared: --data_dir=...\n"
        f"  - with a network, run: {prepare}\n"
        f"  - without one, put {official_files} into {root / 'downloads' / 'manual'} and run "
        f"the same command"
    )
