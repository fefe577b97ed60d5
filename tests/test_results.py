"""The published studies in results/: they reproduce what the README there says."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.tables import format_table
from tfoptcmp.study.pack import pack, unpack
from tfoptcmp.study.read import read_config, read_study

RESULTS = Path(__file__).parents[1] / "results"
STUDIES = sorted({path.parents[1] for path in RESULTS.glob("*/*/*/*/study.json")})


def test_reports_and_figures_are_drawn_again_in_minutes(tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    script = RESULTS.parent / "tools" / "results.sh"
    done = subprocess.run([script, tmp_path], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A minute on a quiet machine; of processor time, which other work on the machine stretches.
    assert spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime < 180
    assert "left out" not in done.stdout
    for directory in STUDIES:
        report = tmp_path / directory.relative_to(RESULTS) / "report.html"
        assert report.stat().st_size > 50_000
    figures = {path.stem.split("-")[0] for path in tmp_path.glob("figure*.png")}
    assert figures == {"figure1", "figure2", "figure4", "figure5"}


@pytest.mark.parametrize("directory", STUDIES, ids=lambda path: path.name)
def test_the_readme_quotes_what_the_studies_say(directory):
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert f"`{directory.relative_to(RESULTS.parent)}`" in text
    for comparison in read_comparisons(directory):
        results, _ = format_table(comparison, "markdown").split("\n\n| optimizer | trial |")
        rows = [line for line in results.splitlines() if line.startswith("| ")]
        assert len(rows) == 2 + len(comparison.contestants)
        assert all(row in text for row in rows)


def test_a_published_trial_can_be_run_again(tmp_path):
    study = RESULTS / "cpu" / "digits_simple_cnn" / "final-quasirandom" / "sgd"
    config = read_config(study / "study.json")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tfoptcmp.tools.train", "--workload=digits_simple_cnn"),
            *("--optimizer=sgd", "--space=final", "--trial=3", f"--seed={config.seed}"),
            *(f"--threads_per_trial={config.threads_per_trial}", f"--output_dir={tmp_path}"),
        ],
        capture_output=True,
        text=True,
        timeout=240,
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
