"""Files of other tools, written by their documented form."""

import pytest


@pytest.fixture
def write(tmp_path):
    def write(text, name="results.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write
