"""The Python in the README runs unchanged; its programs and the targets of its links exist."""

import configparser
import re
from pathlib import Path

import pytest

from tests import examples
from tfoptcmp.analysis import load_studies

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def test_python_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    after = examples.run(README, tmp_path)
    assert after["blocks"] == 2
    assert after["SIGNATURES"]["digits_simple_cnn"]["initial"]["lion"].space.arguments
    assert after["model"].optimizer.epsilon == 1.0


def test_it_names_every_program():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    scripts = setup["options.entry_points"]["console_scripts"].split("\n")
    programs = {line.split("=")[0].strip() for line in scripts if line}
    assert set(re.findall(r"^\| `([\w-]+)` \|", README.read_text("utf-8"), re.M)) == programs


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_files_that_it_links_to_exist(name):
    missing = [link for link in examples.local_links(ROOT / name) if not (ROOT / link).exists()]
    assert not missing


def test_the_finding_is_what_the_published_studies_say():
    text = README.read_text(encoding="utf-8")
    one_line = " ".join(text.split())
    trials = load_studies(ROOT / "results" / "cpu" / "digits_simple_cnn" / "final-quasirandom")
    mean = 100 * trials[trials.feasible].groupby("signature").test_metric.mean()
    assert f"SGD {mean['sgd']:.1f} %, Adam {mean['adam']:.1f} % on average" in one_line
    # `test_results` holds the tables of results/README.md to the studies.
    published = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    [row] = re.findall(r"^\| (5\.24 %.*) \|$", text, re.M)
    cells = row.replace(" %", "").split(" | ")
    assert len(cells) == 6
    assert all(f"| {cell} |" in published for cell in cells)
