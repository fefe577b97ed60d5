"""War and Peace from Project Gutenberg's file to the splits."""

import os
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from tfoptcmp.workloads.data.catalogue import WAR_AND_PEACE
from tfoptcmp.workloads.data.tfds import prepare
from tfoptcmp.workloads.data.war_and_peace import cut, edition, strip_gutenberg

from tfoptcmp import workloads
from tfoptcmp.workload import MissingData

WORKLOAD = workloads.get("war_and_peace_lstm")
BUDGET = WORKLOAD.budget("smoke")

BOOK = "WAR AND PEACE\r\n\r\nBy Leo Tolstoy\r\n\r\n" + '"Well, Prince", she said.\r\n' * 2_000


def put(directory: Path, text: str, name: str = "2600-0.txt") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text, encoding="utf-8", newline="")
    return directory


@pytest.mark.parametrize("word", ["THE", "THIS"])
def test_header_and_footer_are_cut_off(word):
    start = (
        f"The Project Gutenberg EBook\r\n*** START OF {word} PROJECT GUTENBERG EBOOK X ***\r\n\r\n"
    )
    end = f"\r\n\r\n*** END OF {word} PROJECT GUTENBERG EBOOK X ***\r\nLicence\r\n"
    assert strip_gutenberg(start + BOOK + end) == BOOK
    unix = (start + BOOK + end).replace("\r", "")
    assert strip_gutenberg(unix) == BOOK.replace("\r", "")  # no character that the text has not
    assert strip_gutenberg(BOOK) == BOOK


def test_splits_follow_each_other():
    parts = cut("".join(map(chr, range(100))))
    assert "".join(parts.values()) == "".join(map(chr, range(100)))
    assert [len(part) for part in parts.values()] == [72, 8, 20]  # by hand


def test_another_edition_is_usable_and_said(tmp_path):
    prepare(
        WAR_AND_PEACE,
        data_dir=str(tmp_path),
        manual_dir=str(put(tmp_path / "book", "\ufeff" + BOOK)),
    )
    splits = WORKLOAD.load(BUDGET, str(tmp_path))
    assert splits.num_classes == len(set(BOOK))
    assert splits.num_examples["test"] == len(BOOK) - len(BOOK) * 8 // 10 - 1
    assert "another edition than that of DeepOBS" in splits.partial
    assert f"{len(BOOK)} characters" in splits.partial


def test_a_text_put_where_tfds_looks_is_found(tmp_path):
    put(tmp_path / "downloads" / "manual", BOOK)
    prepare(WAR_AND_PEACE, data_dir=str(tmp_path), manual_dir=None)
    assert WORKLOAD.load(BUDGET, str(tmp_path)).num_classes == len(set(BOOK))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": BOOK, "b.txt": BOOK}, r"must have one \.txt file; got \['a.txt', 'b.txt'\]"),
        ({"a.txt": "It was a dark night."}, r"must be War and Peace; it begins 'It was a dark"),
    ],
)
def test_other_files_are_refused(tmp_path, files, message):
    for name, text in files.items():
        put(tmp_path / "manual", text, name)
    with pytest.raises(MissingData, match=message):
        prepare(WAR_AND_PEACE, data_dir=str(tmp_path), manual_dir=str(tmp_path / "manual"))


def test_missing_text_is_said(tmp_path):
    with pytest.raises(MissingData, match="tfoptcmp-data --workload=war_and_peace_lstm --prepare"):
        WORKLOAD.load(BUDGET, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_it_is_said_at_once(tmp_path, monkeypatch):
    def no_network(*_):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    start = time.monotonic()
    with pytest.raises(MissingData, match=r"cannot be prepared.*not known.*--manual_dir"):
        prepare(WAR_AND_PEACE, data_dir=str(tmp_path), manual_dir=None)
    assert time.monotonic() - start < 10  # TFDS tries for 205 s


def test_the_text_of_deepobs(tmp_path):
    if "TFOPTCMP_DATA_DIR" not in os.environ:
        pytest.skip("TFOPTCMP_DATA_DIR does not name a directory of data")
    manual_dir = Path(os.environ["TFOPTCMP_DATA_DIR"]).parent / "raw" / "tolstoi"
    if not manual_dir.exists():
        pytest.skip(f"no {manual_dir}")
    prepare(WAR_AND_PEACE, data_dir=str(tmp_path), manual_dir=str(manual_dir))
    splits = WORKLOAD.load(BUDGET, str(tmp_path))
    # DeepOBS's constants: 83 characters, 653,237 of test, of which the first is no target.
    assert splits.num_classes == 83
    assert splits.num_examples["test"] == 653_236
    assert splits.partial == ""
    assert splits.train.steps_per_epoch == 940  # by hand: 2,351,652 // 2,500
    assert WORKLOAD.build(BUDGET, splits).count_params() == 284_499
    assert edition("") != ""
