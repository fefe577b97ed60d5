import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from tfoptcmp.analysis.report import write_report
from tfoptcmp.analysis.summary import LIMITS
from tfoptcmp.records import StudyError

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects texts and attributes, and fails where tags do not nest."""

    def __init__(self, source):
        super().__init__()
        self.open, self.texts, self.attributes, self.tags = [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data.strip())

    @property
    def text(self):
        return " ".join(text for text in self.texts if text)


def test_one_file_says_it_all(six_rules, tmp_path):
    files = write_report(six_rules, tmp_path / "new" / "report")
    source = files.html.read_text(encoding="utf-8")
    page = Page(source)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert not re.search(r"https?:", source)
    pictures = [value for name, value in page.attributes if name == "src"]
    assert len(pictures) == 1
    assert pictures[0].startswith("data:image/svg+xml;base64,")
    text = page.text
    for limit in LIMITS:
        assert limit in text
    for expected in (
        "N = 10 feasible trials, K = 2",
        "RMSProp",
        "log-uniform in [1e-10, 1e+10)",
        "test <space>",
        "tfoptcmp-tune --workload=digits_simple_cnn",
        "tensorflow 2.21.0",
        "8 pairs, 32 tests",
    ):
        assert expected in text
    # Summary first.
    assert text.index("tuning with K = 2 trials") < text.index("Search spaces")


def test_figures_and_tables_beside_it(six_rules, tmp_path):
    files = write_report([six_rules], tmp_path)
    assert [path.name for path in files.figures] == [
        "results-1-digits_simple_cnn.png",
        "results-1-digits_simple_cnn.svg",
    ]
    assert [path.name for path in files.tables] == ["results.csv", "results.md", "results.tex"]
    table = pd.read_csv(files.tables[0])
    assert list(table.optimizer) == ["sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam"]
    assert all(path.exists() for path in (*files.figures, *files.tables))


def test_written_again_it_is_the_same(six_rules, tmp_path):
    first = write_report(six_rules, tmp_path).html.read_bytes()
    assert write_report(six_rules, tmp_path).html.read_bytes() == first


def test_hostile_names_are_only_text(tmp_path, make_signature, write_study):
    hostile = "<script>alert('x')</script>/../$x$"
    write_study(
        tmp_path / "s",
        make_signature("sgd"),
        [0.1, 0.2, 0.3, 0.4],
        workload=hostile,
        partial="<b>half</b>",
        provenance={"command": '"><img src=x onerror=alert(1)>', "<i>key</i>": ["<u>"]},
    )
    files = write_report(tmp_path / "s", tmp_path / "out")
    assert {path.parent for path in files.figures} == {tmp_path / "out"}
    page = Page(files.html.read_text(encoding="utf-8"))
    assert not {"script", "b", "i", "u"} & set(page.tags)
    assert page.tags.count("img") == 1
    assert hostile in page.text
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_several_workloads_in_one_report(six_rules, tmp_path, make_signature, write_study):
    write_study(tmp_path / "b", make_signature("adam"), [0.1] * 5, workload="pydocs_lstm")
    files = write_report([six_rules, tmp_path / "b"], tmp_path / "out")
    assert len(files.figures) == 4
    page = Page(files.html.read_text(encoding="utf-8"))
    assert page.tags.count("h2") == 3
    assert set(pd.read_csv(files.tables[0]).workload) == {"digits_simple_cnn", "pydocs_lstm"}


def test_nothing_but_infeasible_trials(tmp_path, make_signature, write_study):
    write_study(tmp_path / "s", make_signature("sgd"), [], infeasible=3)
    page = Page(write_report(tmp_path / "s", tmp_path / "out").html.read_text(encoding="utf-8"))
    assert "no feasible trial" in page.text


def test_directory_that_cannot_be_written(six_rules, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot write the report to"):
        write_report(six_rules, tmp_path / "file" / "report")
