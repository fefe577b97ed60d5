"""The program on tables of other tools, and on what it cannot read."""

import subprocess
import sys

import pytest


def report(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tfoptcmp.tools.report", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture
def table(tmp_path):
    rows = [f"{name},0.{i}5,{i}" for name in ("sgd", "adam") for i in range(1, 6)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["optimizer,validation,remark", *rows]))
    return path


@pytest.mark.parametrize("flag", ["--csv={}", "{}"])
def test_report_of_a_table_lies_beside_it(table, flag):
    done = report(flag.format(table))
    assert done.returncode == 0, done.stderr
    beside = table.parent / "mine-report"
    assert f"Report:   {beside / 'report.html'}" in done.stdout
    assert (beside / "results-1-mine.png").stat().st_size > 5_000
    assert "N = 5 feasible trials, K = 2" in done.stdout
    assert "Columns that were not read: remark" in done.stdout
    assert "Spaces:" not in done.stdout and "tensorboard" not in done.stdout


def test_what_cannot_be_read_is_told_what_was_looked_for(tmp_path):
    done = report(tmp_path)
    assert done.returncode == 2
    for expected in ("Looked for: ", "study.json", "DeepOBS", "CSV", "tfoptcmp-audit --columns"):
        assert expected in done.stderr
    assert list(tmp_path.iterdir()) == []
    missing = report(tmp_path / "nowhere")
    assert (missing.returncode, "nowhere cannot be read" in missing.stderr) == (2, True)
