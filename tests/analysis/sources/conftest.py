"""Files of other tools, written by their documented form."""

import csv
import shlex
from itertools import pairwise

import pytest

from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.sources.mapping import TableMap, parse_assignments


@pytest.fixture
def write(tmp_path):
    def write(text, name="results.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def followed():
    """Does what the command at the end of a refusal says."""

    def followed(message):
        assert "\n" not in message
        program, path, *words = shlex.split(
            "tfoptcmp-audit" + message.rpartition("tfoptcmp-audit")[2]
        )
        assert program == "tfoptcmp-audit"
        maps = [text for flag, text in pairwise(words) if flag == "--map"]
        ignore = [one.partition("=")[2] for one in words if one.startswith("--ignore=")]
        assert len(words) == 2 * len(maps) + len(ignore) + ("--maximize" in words)
        return read_comparisons(
            path,
            how=TableMap(
                columns=parse_assignments(maps, "--map"),
                ignore=tuple(next(csv.reader(ignore), ())),
                maximize="--maximize" in words,
            ),
        )

    return followed
