"""War and Peace as a TFDS data set: Project Gutenberg's book 2600, cut as in DeepOBS.

The text comes from a local file if there is one (the only `.txt` file in TFDS's manual directory),
otherwise from Project Gutenberg. Its header and footer are cut off; line ends stay unchanged, CRLF
in the edition of DeepOBS. Project Gutenberg has changed the text since. Any edition can be used;
`edition` says whether it is that of DeepOBS, as results are to be compared with theirs.

train is the first 80 % of the text without its last tenth, which is validation, and test the rest:
2,351,653, 261,295 and 653,237 characters. Each split is one example.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds
from absl import logging
from tfoptcmp.workloads.data.catalogue import WAR_AND_PEACE
from tfoptcmp.workloads.data.text import encode, splits_of_text
from tfoptcmp.workloads.data.tfds import iterate_texts

from tfoptcmp.workload import Budget, Splits

URL = "https://www.gutenberg.org/files/2600/2600-0.txt"

# The text that DeepOBS prepares: 3,266,185 characters, 83 different ones.
DEEPOBS_MD5 = "bd1e094502d466b56a711e00b3f71b14"

_START = re.compile(r"\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG EBOOK.*?\*\*\*\s*", re.DOTALL)
_END = re.compile(r"\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG EBOOK")


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads War and Peace as prepared by `tfoptcmp-data`. See `Workload.load`."""
    parts = {
        split: "".join(iterate_texts(WAR_AND_PEACE, split, data_dir=data_dir))
        for split in WAR_AND_PEACE.sizes
    }
    text = "".join(parts.values())
    vocabulary = "".join(sorted(set(text)))
    return splits_of_text(
        {split: encode(part, vocabulary) for split, part in parts.items()},
        vocabulary_size=len(vocabulary),
        batch_size=budget.batch_size,
        sequence_length=int(budget.options["sequence_length"]),
        partial=edition(text),
    )


class WarAndPeace(tfds.core.GeneratorBasedBuilder):
    """TFDS's builder `war_and_peace`."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The plain text of the book, as the only .txt file."

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            homepage="https://www.gutenberg.org/ebooks/2600",
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, str]]]]:
        path = _local_file(dl_manager) or dl_manager.download(URL)
        text = strip_gutenberg(Path(path).read_bytes().decode("utf-8-sig"))
        if "Tolstoy" not in text[:1000]:
            raise ValueError(f"{path} must be War and Peace; it begins {text[:60]!r}")
        if note := edition(text):
            logging.warning("%s", note)
        return {name: _example(name, part) for name, part in cut(text).items()}

    def _generate_examples(self) -> None:
        """Not used: `_split_generators` returns the examples themselves."""


def strip_gutenberg(text: str) -> str:
    """Returns a text without Project Gutenberg's header and footer, if it has them."""
    if start := _START.search(text):
        text = text[start.end() :]
    if end := _END.search(text):
        line_end = "\r\n" if "\r\n" in text else "\n"
        text = text[: end.start()].rstrip() + line_end
    return text


def cut(text: str) -> dict[str, str]:
    """Returns the splits, which follow each other in the text: train, validation, test."""
    num_train = len(text) * 8 // 10
    num_fitted = num_train * 9 // 10
    return {
        "train": text[:num_fitted],
        "validation": text[num_fitted:num_train],
        "test": text[num_train:],
    }


def edition(text: str) -> str:
    """Says how a text differs from that of DeepOBS; "" if it does not."""
    md5 = hashlib.md5(text.encode()).hexdigest()
    if md5 == DEEPOBS_MD5:
        return ""
    return (
        f"War and Peace: another edition than that of DeepOBS ({len(text)} characters, md5 {md5}; "
        f"there 3266185, md5 {DEEPOBS_MD5})"
    )


def _local_file(dl_manager: tfds.download.DownloadManager) -> Path | None:
    try:
        found = sorted(Path(dl_manager.manual_dir).glob("*.txt"))
    except AssertionError:  # No such directory, or nothing in it.
        return None
    if len(found) > 1:
        raise ValueError(
            f"{dl_manager.manual_dir} must have one .txt file; got {[path.name for path in found]}"
        )
    return found[0] if found else None


def _example(name: str, text: str) -> Iterator[tuple[str, dict[str, str]]]:
    yield name, {"text": text}
