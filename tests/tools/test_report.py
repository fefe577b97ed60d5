"""The program on tables of other tools, and on what it cannot read."""

import json

import pytest

from tests.programs import run


def report(*arguments):
    return run("report", *arguments)


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
    for expected in ("Looked for: ", "DeepOBS", "CSV", "importers.md", "tfoptcmp-audit --columns"):
        assert expected in done.stderr
    assert list(tmp_path.iterdir()) == []
    missing = report(tmp_path / "nowhere")
    assert (missing.returncode, "nowhere cannot be read" in missing.stderr) == (2, True)


def test_a_smaller_search_space_is_asked_about_by_a_flag(tmp_path):
    rows = [f"{name},0.{i:02}5,{10.0**-i}" for name in ("sgd", "adam") for i in range(1, 10)]
    (tmp_path / "mine.csv").write_text("\n".join(["optimizer,validation,epsilon", *rows]))
    refused = report(tmp_path / "mine.csv", "--restrict=adam:eps=1e-9..1e-7")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "--restrict: hyperparameter of 'adam' must be one of ['epsilon']" in refused.stderr
    done = report(tmp_path / "mine.csv", "--restrict=adam:epsilon=1e-9..1e-7", "--json")
    assert done.returncode == 0, done.stderr
    (box,) = json.loads(done.stdout)["comparisons"][0]["restrictions"]
    assert box["pairs"][0]["change"] == "not answerable"
    assert box["no_space"] == [
        "adam: search the restricted ranges with the tool that made these trials"
    ]


def test_json_and_files_of_spaces_exclude_each_other(table):
    done = report(table, "--json", "--write_space")
    assert done.returncode == 2
    assert "leave out --write_space, or --json" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    "flag",
    ["--write_space", "--output_dir=x", "--figure_format=pdf", "--restrict=a:epsilon=1e-9..1e-7"],
)
def test_the_best_trials_alone_take_no_flags_of_reports(table, flag):
    done = report(table, "--best", flag)
    assert done.returncode == 2
    assert f"leave out {flag.partition('=')[0]}" in done.stderr
    assert not done.stdout
