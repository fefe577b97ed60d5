"""The pages under docs/: their Python runs, their tables are complete, and the site builds."""

import ast
import importlib.util
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import examples
from tfoptcmp import workloads
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.answer import answer
from tfoptcmp.analysis.report.files import restriction_sections
from tfoptcmp.analysis.report.restrictions import format_sections
from tfoptcmp.analysis.report.tables import format_table
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.restriction import parse_box, with_boxes
from tfoptcmp.analysis.statistics.verdicts import all_pairs
from tfoptcmp.keras_rules import KERAS_RULES
from tfoptcmp.rules import RULES

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def test_python_examples_of_a_newcomer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    after = examples.run(DOCS / "compare.md", tmp_path)
    assert after["blocks"] == 1
    assert after["SIGNATURES"]["digits_simple_cnn"]["initial"]["sign"].space.arguments


def test_the_page_on_contestants_quotes_the_published_study():
    page = (DOCS / "compare.md").read_text(encoding="utf-8")
    directory = "results/cpu/digits_simple_cnn/contestants-quasirandom"
    assert f"`{directory}`" in page
    (comparison,) = read_comparisons(DOCS.parent / directory)
    said = " ".join(line.removeprefix("> ") for line in page.splitlines() if line[:2] == "> ")
    assert said == f"**{answer(ranking(comparison))}**"
    table, *_ = format_table(comparison, "markdown").split("\n\n| optimizer | trial |")
    assert [line for line in page.splitlines() if line.startswith("| ") and "---" not in line] == [
        line for line in table.splitlines() if line.startswith("| ") and "---" not in line
    ]
    # The pairs of a forest plot are decided or not.
    found = all_pairs(comparison, "test")
    decided = sum(j.verdict.decided for j in found)
    assert f"only {decided} of {len(found)} pairs are decided" in page


def test_python_examples_of_the_library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    after = examples.run(DOCS / "library.md", tmp_path)
    assert after["blocks"] == 3
    assert after["model"].optimizer.epsilon == 1.0
    assert len(after["tuner"].oracle.end_order) == 3
    assert after["trials"].feasible.sum() == 5


@pytest.mark.parametrize(
    ("page", "names"), [("workloads.md", workloads.names()), ("rules.md", (*RULES, *KERAS_RULES))]
)
def test_tables_name_every_workload_and_rule(page, names):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert not [name for name in names if f"| `{name}` |" not in text]


def test_the_page_on_audits_has_every_finding_and_no_other():
    text = (DOCS / "audit.md").read_text(encoding="utf-8")
    text = re.sub(r"\{term\}`(\w+)[^`]*`", r"\1", text.partition("## All findings\n")[2])
    shown = re.findall(r"^\| (.+?) \|", text.partition("\n\n##")[0], re.M)[1:]
    titles = []
    for path in (DOCS.parent / "tfoptcmp" / "analysis" / "audit").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "title":
                titles += titles_of(node.value)
    assert len(set(titles)) > 25
    assert set(shown) == set(titles)


def titles_of(node):
    """All that an expression may be; what is filled in is "..."."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(parts) for parts in itertools.product(*map(titles_of, node.values))]
    if isinstance(node, ast.Call):  # one of three
        assert ast.unparse(node) == "_title(answered)"
        return ["with epsilon near its default ..."]
    if isinstance(node, ast.IfExp):
        return [*titles_of(node.body), *titles_of(node.orelse)]
    return titles_of(node.value) if isinstance(node.value, ast.IfExp) else ["..."]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_page_leads_to_the_glossary(page):
    assert "{term}`" in page.read_text(encoding="utf-8")


def test_the_output_about_another_space_is_what_the_published_trials_give():
    page = (DOCS / "restrict.md").read_text(encoding="utf-8")
    command, output = re.search(
        r"```bash\n(tfoptcmp-report results/.*?)```\n\n```text\n(.*?)```", page, re.DOTALL
    ).groups()
    boxes = [parse_box(text) for text in re.findall(r"--restrict=(\S+)", command)]
    asked = with_boxes(read_comparisons(DOCS.parent / command.split()[1]), boxes)
    (sections,) = restriction_sections(asked, "report")
    said = format_sections(asked[0], sections).split("\nD: ")[0]
    lines = [[line.rstrip() for line in text.strip().splitlines()] for text in (output, said)]
    assert lines[0] == lines[1]


def test_the_site_builds_without_a_warning(tmp_path):
    """Doctests and local links included."""
    _skip_without_sphinx()
    done = subprocess.run(
        [sys.executable, DOCS / "build.py", tmp_path],
        capture_output=True,
        text=True,
        cwd=DOCS.parent,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reference = (tmp_path / "html" / "api" / "optimizers.html").read_text(encoding="utf-8")
    assert 'id="tfoptcmp.optimizers.Adam"' in reference


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    _skip_without_sphinx()
    spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    (tmp_path / "a.html").write_text(
        '<h1 id="here"></h1><a href="#here"></a><a href="a.html#here"></a><a href="b.png"></a>'
        '<a href="https://example.org/nowhere"></a><a href="a.html#there"></a><img src="c.png">'
    )
    (tmp_path / "b.png").touch()
    assert list(build.broken_links(tmp_path)) == ["a.html: a.html#there", "a.html: c.png"]


def _skip_without_sphinx():
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(package, reason=f"building the site takes {package} (extra: docs)")
