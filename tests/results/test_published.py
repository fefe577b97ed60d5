"""The published studies are drawn and run again, and results/README.md quotes them rightly."""

import resource
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tests.programs import run
from tests.results.published import (
    FASHION,
    FINAL,
    REFINED,
    RESULTS,
    STUDIES,
    one_line,
    read,
    section_on,
)
from tfoptcmp import workloads
from tfoptcmp.analysis.ranges.boundary import why_not_final
from tfoptcmp.analysis.report.answer import answer
from tfoptcmp.analysis.report.tables import format_table
from tfoptcmp.analysis.report.verdict_tables import matrix_cells
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import inclusion_verdicts
from tfoptcmp.study.pack import pack, unpack
from tfoptcmp.study.read import read_config, read_study


def test_reports_and_figures_are_drawn_again_in_minutes(tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    script = RESULTS.parent / "tools" / "results.sh"
    done = subprocess.run([script, tmp_path], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Two minutes on a quiet machine; of processor time, which other work on the machine stretches.
    assert spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime < 25 * len(STUDIES)
    left_out = [line for line in done.stdout.splitlines() if "left out" in line]
    assert all("-steps_x0.5: left out" in line for line in left_out)  # half of figure 10
    for directory in STUDIES:
        report = tmp_path / directory.relative_to(RESULTS) / "report.html"
        assert report.stat().st_size > 50_000
    for figures, numbers in (
        (tmp_path, ("1", "2", "4", "5", "9", "10")),
        (tmp_path / "seven-rules", ("1", "2", "5", "9", "10")),
    ):
        drawn = {path.stem.split("-")[0] for path in figures.glob("figure*.png")}
        assert drawn == {f"figure{number}" for number in numbers}
    for drawn in (".", "war-and-peace", "fashion-mnist"):
        assert (tmp_path / drawn / "protocols.png").is_file()


@pytest.mark.parametrize(
    ("directory", "tuning_budget"),
    [*((directory, None) for directory in STUDIES), (FINAL, 20)],
    ids=lambda value: value.name if isinstance(value, Path) else f"K={value}",
)
def test_the_readme_quotes_what_the_studies_say(directory, tuning_budget):
    name = f"`{directory.relative_to(RESULTS.parent)}`"
    text = section_on(name if tuning_budget is None else f"at K = {tuning_budget}\n")
    comparison = read(directory, tuning_budget)
    heading, said = text.split("\n\n")[:2]
    assert "\n" not in heading
    assert one_line(said) == f"**{answer(ranking(comparison))}**"
    results, *_ = format_table(comparison, "markdown").split("\n\n| optimizer | trial |")
    expected = [line for line in results.splitlines() if line.startswith("| ")]
    assert len(expected) == 2 + len(comparison.contestants)
    verdicts = inclusion_verdicts(comparison)
    if verdicts.tested:
        expected += [f"| {' | '.join(row)} |" for row in matrix_cells(verdicts)]
    shown = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in shown if "---" not in row] == [
        row for row in expected if "---" not in row
    ]


@pytest.mark.parametrize("directory", [REFINED, FASHION], ids=lambda path: path.parent.name)
def test_the_final_space_is_that_of_the_last_round(directory):
    comparison = read(directory)
    assert not any(why_not_final(one) for one in comparison.contestants)
    spaces = workloads.get(directory.parent.name).spaces["final"]
    assert {name: signature.space.dimensions for name, signature in spaces.items()} == {
        one.name: dict(one.dimensions) for one in comparison.contestants
    }


def test_a_published_trial_can_be_run_again(tmp_path):
    study = REFINED / "round-2" / "sgd"  # whose space is the final one
    config = read_config(study / "study.json")
    done = run(
        "train",
        *("--workload=digits_simple_cnn", "--optimizer=sgd", "--space=final", "--trial=3"),
        *(f"--seed={config.seed}", f"--threads_per_trial={config.threads_per_trial}"),
        *(f"--output_dir={tmp_path}", "--measure_all"),
    )
    assert done.returncode == 0, done.stderr
    published = read_study(study).measurements(3)
    again = pd.read_csv(tmp_path / "measurements.csv")
    assert list(again.step) == [row["step"] for row in published]
    # Another kind of processor rounds differently, which training amplifies: compare the beginning.
    assert again.train_loss[0] == pytest.approx(published[0]["train_loss"], rel=1e-3)


def test_published_studies_are_packed_and_can_be_unpacked(tmp_path):
    study = tmp_path / "sgd"
    shutil.copytree(RESULTS / "cpu" / "digits_simple_cnn" / "final-quasirandom" / "sgd", study)
    packed = {path.name: path.read_bytes() for path in study.iterdir()}
    assert set(packed) == {"study.json", "trials.csv", "measurements.csv.gz"}
    before = read_study(study)
    unpack(study)
    assert read_study(study).trials == before.trials
    assert len(list(study.glob("trials/*"))) == 100
    pack(study)
    # Compressed bytes depend on the version of zlib.
    assert (study / "trials.csv").read_bytes() == packed["trials.csv"]
