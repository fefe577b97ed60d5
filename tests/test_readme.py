"""The Python in the README runs unchanged; its programs and the targets of its links exist."""

import configparser
import re
from collections import Counter
from pathlib import Path

import pytest

from tests import examples
from tests.results.published import (
    AT_DEFAULT,
    DIGITS,
    DIRECTORIES,
    FASHION,
    FINAL,
    INITIAL,
    REFINED,
    SEVEN,
    acting,
    counts,
    in_two_spaces,
    one_line,
    points,
    read,
    together,
)
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.answer import answer
from tfoptcmp.analysis.report.tables import format_table
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import Verdict, inclusion_verdicts, judge

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def test_python_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    after = examples.run(README, tmp_path)
    assert after["blocks"] == 1
    assert after["model"].optimizer.epsilon == 1.0


def test_the_answer_on_contestants_is_that_of_the_published_study():
    (comparison,) = read_comparisons(DIGITS / "contestants-quasirandom")
    said = f"digits_simple_cnn: {answer(ranking(comparison))}"
    assert said in one_line(README.read_text(encoding="utf-8"))


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


def test_its_pages_are_those_of_the_site_in_the_same_order():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    trees = re.findall(r"```{toctree}\n(?::[^\n]*\n)*\n(.*?)```", index, re.S)
    reference = {"api/index", "contributing", "changelog"}
    pages = [page for tree in trees for page in tree.split() if page not in reference]
    text = README.read_text(encoding="utf-8").partition("## Documentation")[2]
    assert pages and re.findall(r"\(docs/([\w-]+)\.md\)", text) == pages


def test_the_finding_is_what_the_published_studies_say():
    text = README.read_text(encoding="utf-8")
    comparison = read(SEVEN)
    assert comparison.tuning_budget == 20
    # `tests/results` holds the tables of results/README.md to the studies.
    published = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| (\d\.\d\d %.*) \|$", text, re.M)
    shown = format_table(comparison, "markdown").splitlines()
    lines = [line for line in shown if line.startswith("| ")][2:9]
    assert row.replace(" %", "").split(" | ") == [line.split(" | ")[2] for line in lines]
    assert all(line in published for line in lines)


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_the_short_answer_is_what_the_published_studies_say(page):
    text = one_line((ROOT / page).read_text(encoding="utf-8"))
    at_default = [f"{rule}_default_epsilon" for rule in ("adam", "nadam")]
    for studies, order, others, words in (
        (
            (FASHION, AT_DEFAULT),
            -1,
            "nesterov",
            "{} and {} % test error, and Nesterov is third with",
        ),
        (
            (SEVEN, DIRECTORIES["digits, `epsilon_at_default`"]),
            1,
            "momentum",
            "the lowest, {} and {} %, which cannot be told apart from Momentum's",
        ),
    ):
        found = ranking(together(*studies))
        places = {place.contestant.name: place for place in found.places}
        assert list(places)[:2] == at_default[::order]
        said = words.format(*(f"{100 * places[name].mean:.2f}" for name in at_default))
        assert f"{said} {100 * places[others].mean:.2f} %" in text
        alike = [place.contestant.name for place in found.alike]
        assert (others in alike) == ("cannot be told apart" in words)
        assert "sgd" not in alike
    (first,) = ranking(read(DIRECTORIES["War and Peace, `rate_alone`"])).alike
    assert first.contestant.name == "adam"


def test_the_finding_says_that_the_number_of_trials_decides():
    text = one_line(README.read_text(encoding="utf-8"))
    for budget, sign, words in ((1, 1, "ahead of Adam by {}"), (10, -1, "it is behind by {}")):
        comparison = read(FASHION, budget)
        assert comparison.tuning_budget == budget
        sgd, adam = comparison.named("sgd"), comparison.named("adam")
        j = judge(comparison, sgd, adam, "test", inclusion=False)
        assert min(sign * j.low, sign * j.high) > 0
        assert words.format(points(j, sign)) in text


def test_the_finding_counts_the_verdicts_of_the_published_studies():
    text = one_line(README.read_text(encoding="utf-8"))
    comparison = read(SEVEN)
    verdicts = inclusion_verdicts(comparison)
    found = Counter(str(j.verdict) for j in verdicts.judgements)
    kept = found["equivalent"] + found["holds"]
    assert not found["violated"]
    assert (
        f"Of these {found.total()} tests, {found['better']} say better, {kept} say equivalent or "
        f"no worse, {found['not decided']} are not decided, and none is violated"
    ) in text
    places = ranking(comparison)
    alike = [place.contestant.title for place in places.alike]
    assert f"{', '.join(alike[:-1])} and {alike[-1]} cannot be told apart." in text
    (sgd,) = places.behind
    assert sgd.contestant.name == "sgd"
    assert f"SGD is behind by {100 * sgd.behind:.2f} percentage points." in text
    earlier = read(FINAL)
    judged = inclusion_verdicts(earlier).judgements
    violated = [j for j in judged if j.verdict is Verdict.VIOLATED]
    assert {j.general.name for j in violated} == {"rmsprop"}
    assert f"{len(violated)} of the {len(judged)} tests of the six rules were **violated**" in text
    refined = read(REFINED)
    for one in (earlier, refined):
        assert (one.num_trials, one.tuning_budget) == (100, 10)
    before, now = (
        100 * (one.named("rmsprop").feasible["test_metric"] > 0.25).mean()
        for one in (earlier, refined)
    )
    assert f"{before:.0f} % of RMSProp's trials ended above 25 % test error" in text
    assert f"it is {now:.0f} %, and none of the {len(judged)} is violated" in text
    assert counts(REFINED).total() == len(judged)
    assert not counts(REFINED)["violated"]
    comparison = read(INITIAL)
    judged = inclusion_verdicts(comparison).judgements
    undecided = sum(not j.verdict.decided for j in judged)
    assert f"leave {undecided} of {len(judged)} tests undecided" in text


def test_the_finding_says_which_rules_act_as_others():
    counted = {one.name: acting(one) for one in read(SEVEN).contestants}
    assert counted["rmsprop"] == counted["adam"] == {"momentum": 200}
    assert counted["nadam"] == {"nesterov": 198} and counted["rmsterov"] == {"nesterov": 200}
    assert not any(counted[name] for name in ("sgd", "momentum", "nesterov"))
    found = "all 200 trials of RMSProp and of Adam"
    for path in (README, ROOT / "docs" / "results.md"):
        text = one_line(path.read_text(encoding="utf-8"))
        assert found in text and "198 of NAdam's and all of RMSterov's" in text
    ours = in_two_spaces(
        SEVEN / "round-2" / "adam",
        DIGITS / "epsilon_at_default-quasirandom" / "round-2" / "adam_default_epsilon",
    )
    assert ours.high < 0 and ours.verdict is Verdict.NOT_DECIDED


def test_the_finding_on_fashion_mnist_is_what_the_published_study_says():
    text = one_line(README.read_text(encoding="utf-8"))
    comparison = read(FASHION)
    nine = together(FASHION, AT_DEFAULT)
    assert nine.tuning_budget == 5
    first, second, third, *_ = ranking(nine).places
    assert [one.contestant.name for one in (first, second, third)] == [
        *("nadam_default_epsilon", "adam_default_epsilon", "nesterov")
    ]
    means = f"{100 * first.mean:.2f} and {100 * second.mean:.2f} % test error"
    assert f"NAdam and Adam lead: at K = 5 they have {means}, and Nesterov has" in text
    assert f"Nesterov has {100 * third.mean:.2f} %" in text
    gains = [
        points(in_two_spaces(FASHION / "round-2" / rule, Path(one.contestant.directory)), sign=-1)
        for rule, one in (("nadam", first), ("adam", second))
    ]
    anchor = "results/README.md#simple-cnn-on-fashion-mnist-epsilon-at-its-default"
    assert f"themselves]({anchor}) at the default by {gains[0]} and {gains[1]} points" in text
    decided = {
        (p.a, p.b) for look in comparison.looks.looks for p in look.pairs if p.verdict == "better"
    }
    assert decided == {("sgd", name) for name in ("momentum", "nesterov", "adam", "nadam")}
    assert "does show: SGD is behind Momentum, Nesterov, Adam and NAdam." in text
