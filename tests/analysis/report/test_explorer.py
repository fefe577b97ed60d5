"""The data of the explorer: those of the trials, small, and harmless in a page."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report import explorer
from tfoptcmp.analysis.report.explorer import explorer_data

NODE = shutil.which("node")

# As much of a page as the explorer needs, and what is asked of it.
PAGE = """
class Element {
  constructor(name, text) {
    Object.assign(this, {name, textContent: text, children: [], attributes: {}, style: {}});
    Object.assign(this, {value: "", listeners: {}});
    this.classList = {toggle() {}};
  }
  appendChild(child) { child.parent = this; this.children.push(child); return child; }
  replaceChildren() { this.children = []; }
  remove() { this.parent.children = this.parent.children.filter(one => one !== this); }
  setAttribute(key, value) { this.attributes[key] = value; }
  addEventListener(key, listener) { this.listeners[key] = listener; }
  all() { return this.children.flatMap(child => [child, ...child.all()]); }
  querySelector(name) { return this.all().find(one => one.name === name); }
  querySelectorAll(name) { return this.all().filter(one => one.name === name); }
  get rows() { return this.children; }
}
const [source, data, searches] = JSON.parse(require("fs").readFileSync(0));
const root = new Element("div");
root.appendChild(new Element("script", JSON.stringify(data)));
root.appendChild(new Element("svg")).namespaceURI = "svg";  // as that of any page
const document = {
  querySelectorAll: () => [root],
  createElement: name => new Element(name),
  createElementNS: (_, name) => new Element(name),
};
eval(source);
const body = root.querySelector("tbody");
const rows = () => body.children.map(row => row.children.map(cell => cell.textContent));
const found = {all: rows(), ticks: root.querySelectorAll("text").map(one => one.textContent)};
found.names = root.all().map(one => one.name);
const search = root.querySelector("input");
found.searched = searches.map(text => {
  search.value = text;
  search.listeners.input();
  return rows().map(row => row[0]);
});
console.log(JSON.stringify(found));
"""


@pytest.fixture
def comparison(six_rules):
    (found,) = read_comparisons(six_rules)
    return found


def test_trials_as_users_know_them(comparison):
    data = json.loads(explorer_data(comparison))
    assert data["unit"] == "%"
    assert [one["title"] for one in data["optimizers"]] == [
        one.title for one in comparison.contestants
    ]
    for one, shown in zip(comparison.contestants, data["optimizers"], strict=True):
        assert len(shown["trials"]) == len(one.ended)
        for (number, validation, _, values, curve), (_, row) in zip(
            shown["trials"], one.ended.iterrows(), strict=True
        ):
            assert number == row["trial"]
            if not row["feasible"]:
                assert validation is None
                continue
            assert validation == pytest.approx(100 * row["validation_metric"], rel=1e-3)
            known = dict(zip(data["names"], values, strict=True))
            for name, value in one.values_of(row).items():
                assert known[name] == pytest.approx(value, rel=1e-3)
            rows = one.measurements[one.measurements["trial"] == number]
            assert curve[0] == rows["step"].tolist()


def test_a_name_cannot_end_the_element(comparison):
    first, *others = comparison.contestants
    hostile = replace(first, title="</script><script>alert(1)</script>")
    data = explorer_data(replace(comparison, contestants=(hostile, *others)))
    assert "<" not in data
    assert json.loads(data)["optimizers"][0]["title"] == hostile.title


def test_of_many_trials_some_are_there(comparison, monkeypatch):
    total = sum(len(one.ended) for one in comparison.contestants)
    monkeypatch.setattr(explorer, "MOST_TRIALS", total // 2)
    data = json.loads(explorer_data(comparison))
    assert data["every"] == 3 if total % 2 else data["every"] == 2
    assert sum(len(one["trials"]) for one in data["optimizers"]) <= total // 2 + 6


def opened(comparison, *searches):
    """What the explorer's script shows of a comparison, all trials and those searched for."""
    source = (Path(explorer.__file__).parent / "explorer.js").read_text(encoding="utf-8")
    data = json.loads(explorer_data(comparison))
    done = subprocess.run(
        [NODE, "-e", PAGE],
        input=json.dumps([source, data, searches]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_node = pytest.mark.skipif(NODE is None, reason="needs node in PATH")


@needs_node
def test_what_was_not_tested_did_not_diverge(comparison):
    one = comparison.contestants[0]  # has trials that diverged
    one = replace(one, trials=one.trials.assign(test_metric=float("nan")))
    tests = {row[1] == "diverged": row[2] for row in opened(alone(comparison, one))["all"]}
    assert tests == {True: "diverged", False: "-"}


@needs_node
def test_a_search_needs_no_spaces(comparison):
    spaced, close, below = opened(
        comparison, "adam and validation >= 30", "adam,validation>=30", "adam,validation<=30"
    )["searched"]
    assert close == spaced
    assert close and below and not set(close) & set(below)


@needs_node
def test_without_hyperparameters_there_is_a_table_and_no_plot(comparison):
    one = comparison.contestants[0]
    one = replace(one, trials=one.trials.filter(regex="^(?!searched_)"))
    found = opened(alone(comparison, one))
    assert len(found["all"]) == len(one.ended)
    assert "select" not in found["names"] and found["names"].count("svg") == 2
    assert found["ticks"] == []


@needs_node
def test_where_all_diverged_no_results_are_at_the_axis(comparison):
    one = comparison.contestants[-1]
    one = replace(one, trials=one.trials.assign(feasible=False))
    ticks = opened(alone(comparison, one))["ticks"]
    assert not {"NaN", "Infinity", "-Infinity"} & set(ticks)
    assert len(ticks) == 5  # of a hyperparameter, and two names


def alone(comparison, one):
    return replace(comparison, contestants=(one,))
