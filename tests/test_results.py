"""The published studies in results/: they reproduce what the README there says."""

import functools
import math
import re
import resource
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tfoptcmp.tools.lab.protocols import differences
from tfoptcmp.tools.reproduction import claims
from tfoptcmp.tools.reproduction.plans import ALL_TUNED, Panel

from tests.programs import run
from tfoptcmp import workloads
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.ranges.boundary import why_not_final
from tfoptcmp.analysis.report.answer import answer
from tfoptcmp.analysis.report.lineage import share_at_guessing
from tfoptcmp.analysis.report.tables import format_table, rerun_cells
from tfoptcmp.analysis.report.verdict_tables import matrix_cells
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import Verdict, all_pairs, inclusion_verdicts, judge
from tfoptcmp.spaces import LogUniform
from tfoptcmp.study.pack import pack, unpack
from tfoptcmp.study.read import read_config, read_study

RESULTS = Path(__file__).parents[1] / "results"
STUDIES = sorted(
    {
        *(path.parents[1] for path in RESULTS.glob("*/*/*/*/study.json")),
        *(path.parent for path in RESULTS.glob("*/*/*/refinement.json")),
    }
)
DIGITS = RESULTS / "cpu" / "digits_simple_cnn"
SEVEN, REFINED, FINAL, INITIAL, DEFAULT = (
    DIGITS / f"{space}-quasirandom"
    for space in ("seven", "refined", "final", "initial", "default_epsilon")
)
FASHION, FEW_TRIALS, BY_HAND = (
    RESULTS / "cpu" / "fashion_mnist_simple_cnn" / f"{space}-quasirandom"
    for space in ("refined", "few_trials", "final")
)


@functools.cache
def read(directory, tuning_budget=None):
    """The comparison in a directory, once for all tests: what is drawn from it is kept with it."""
    (comparison,) = read_comparisons(directory, tuning_budget)
    return comparison


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
    assert (tmp_path / "protocols.png").is_file()
    assert (tmp_path / "war-and-peace" / "protocols.png").is_file()


README = (RESULTS / "README.md").read_text(encoding="utf-8")


def section_on(start):
    """The section of the README with this text, its heading and what is before the next one."""
    (found,) = [part for part in re.split(r"^#+ ", README, flags=re.M) if start in part]
    return found


def one_line(text):
    return " ".join(text.split())


def rows(cells):
    return [f"| {' | '.join(row)} |" for row in cells]


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
        expected += rows(matrix_cells(verdicts))
    shown = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in shown if "---" not in row] == [
        row for row in expected if "---" not in row
    ]


def counts(directory, tuning_budget=None):
    """How many tests came out how."""
    comparison = read(directory, tuning_budget)
    verdicts = inclusion_verdicts(comparison)
    found = Counter(str(j.verdict) for j in verdicts.judgements)
    assert sum(found.values()) == len(verdicts.judgements)
    return found


def test_the_readme_counts_the_verdicts_on_digits():
    text = one_line(section_on(f"`{FINAL.relative_to(RESULTS.parent)}`"))
    found = counts(FINAL)
    assert set(found) == {"better", "equivalent", "holds", "violated", "not decided"}
    assert (
        f"Of 32 tests (8 inclusions, four statistics) {found['better']} say better, "
        f"{found['equivalent']} equivalent and {found['holds']} holds. {found['violated']} are "
        f"violated and {found['not decided']} not decided."
    ) in text
    found = counts(FINAL, 20)
    assert (
        f"{found['better']} better, {found['equivalent']} equivalent, {found['holds']} holds, "
        f"{found['violated']} violated, {found['not decided']} not decided"
    ) in one_line(section_on("at K = 20\n"))
    found = counts(INITIAL)
    assert set(found) == {"better", "holds", "not decided"}
    assert (
        f"Of 32 tests {found['better']} say better, {found['holds']} holds, and "
        f"{found['not decided']} are not decided."
    ) in one_line(section_on(f"`{INITIAL.relative_to(RESULTS.parent)}`"))


def test_the_readme_counts_the_verdicts_on_contestants():
    directory = DIGITS / "contestants-quasirandom"
    text = one_line(section_on(f"`{directory.relative_to(RESULTS.parent)}`"))
    found = counts(directory)
    assert (
        f"Of 44 tests (11 inclusions, four statistics) {found['better']} say better, "
        f"{found['equivalent']} equivalent and {found['holds']} holds; {found['not decided']} are "
        f"not decided. {found['violated']} is violated, RMSProp's training loss against Momentum's"
    ) in text
    comparison = read(directory)
    again = {row[0]: row for row in rerun_cells(comparison)[1:]}
    assert again["Muon"][3:7] == ["0.67 %", "2.93 %", "2.33 %", "4.93 %"]
    assert (again["LAMB"][4], again["Lion"][4]) == ("1.33 %", "1.20 %")


def test_the_readme_counts_the_verdicts_on_seven_rules():
    text = one_line(section_on(f"`{SEVEN.relative_to(RESULTS.parent)}`"))
    found = counts(SEVEN)
    assert set(found) == {"better", "equivalent", "holds", "not decided"}
    assert (
        f"Of 40 tests (10 inclusions, four statistics) {found['better']} say better, "
        f"{found['equivalent']} equivalent and {found['holds']} holds. None is violated, and "
        f"{found['not decided']} are not decided, all of secondary statistics"
    ) in text
    comparison = read(SEVEN)
    judgements = inclusion_verdicts(comparison).judgements
    primary = Counter(str(j.verdict) for j in judgements if j.primary)
    assert primary == {"better": 6, "equivalent": 4}
    forecasts = [j.trials_needed_text for j in judgements if j.verdict is Verdict.NOT_DECIDED]
    assert sorted(forecasts) == ["> 2,000", "> 2,000", "about 1,300"]
    rounds = [each for one in comparison.contestants for each in one.rounds]
    assert f"{sum(len(each.trials) for each in rounds):,} trials of 100 steps" in text
    minutes = sum(float(each.trials["seconds"].sum()) for each in rounds) / 60
    assert f"{minutes:.0f} minutes on one core" in text


@pytest.mark.parametrize(
    ("title", "least", "last"),
    [
        ("what the literature's restrictions change\n", 3, "everything"),
        ("War and Peace: what is tuned, and what comes out\n", 3, "everything"),
    ],
)
def test_the_readme_says_what_restrictions_change(title, least, last):
    text = section_on(title)
    given = re.findall(r'^    "(.+)"=(results/\S+)', text, re.M)
    columns = [
        (name, read_comparisons([RESULTS.parent / one for one in directories.split("+")])[0])
        for name, directories in given
    ]
    assert len(columns) >= least and columns[-1][0] == last
    assert differences(columns) in text


def test_the_readme_says_what_an_epoch_of_war_and_peace_tells():
    text = one_line(section_on("on War and Peace: only a constant rate tuned\n"))
    novel = read(DIRECTORIES["War and Peace, `rate_alone`"])
    first, second, third = all_pairs(novel)
    for j, words in ((second, "percentage points of SGD"), (third, "of Momentum")):
        points = [f"{-100 * value:.2f}" for value in (j.difference, j.high, j.low)]
        assert "{} [{}, {}] {}".format(*points, words) in text
    shown = first.metric.difference_with(first.difference, first.low, first.high)
    assert f"({shown}), which {first.trials_needed_text} trials of each" in text
    sgd, _, adam = novel.contestants
    rates = sgd.feasible.nsmallest(5, "validation_metric")["searched_eta0"]
    assert f"its five best trials have rates of {rates.min():.1f} to {rates.max():.0f}" in text
    best = [100 * one.feasible["validation_metric"].min() for one in (sgd, adam)]
    assert "all 40 has {:.1f} % validation error, Adam's {:.1f} %".format(*best) in text
    assert "Every rule does worse than at a constant rate" in one_line(README)
    scheduled = read(DIRECTORIES["War and Peace, `rate_and_schedule`"])
    for one, other in zip(novel.contestants, scheduled.contestants, strict=True):
        assert in_two_spaces(Path(one.directory), Path(other.directory)).difference > 0


def test_the_readme_says_what_everything_tuned_changes_on_war_and_peace():
    wide = read(DIRECTORIES["War and Peace, `everything`"])
    sgd, _, adam = wide.contestants
    text = one_line(section_on("on War and Peace: everything tuned\n"))
    guessing = [(one.feasible["validation_metric"] > 0.8).sum() for one in wide.contestants]
    assert (
        f"In the last, {guessing[2]} of its {adam.num_feasible} trials end above 80 %, "
        f"{guessing[1]} of Momentum's and {guessing[0]} of SGD's"
    ) in text
    first = adam.rounds[0].feasible["validation_metric"]
    below = (first < 0.8).sum()
    assert f"Adam's first round {below} of {len(first)} trials ended below 80 % validation" in text
    frequent = 100 * sgd.feasible["validation_metric"].max()
    assert f"the most frequent character gives {frequent:.1f} %" in text
    begun = adam.rounds[0].dimensions
    highest = begun["alpha0_over_epsilon"].high * 1e-8
    assert begun["epsilon"].low < 1e-8
    assert f"at epsilon = 1e-8 they allow no rate above {highest:.0e}".replace("e-0", "e-") in text
    left = adam.dimensions["epsilon"]
    assert f"the last round searched epsilon between {left.low:g} and {left.high:g} only" in text
    first, second, third = all_pairs(wide)
    assert first.verdict is Verdict.BETTER
    assert {second.verdict, third.verdict} == {Verdict.NOT_DECIDED}
    needed = (
        f"{second.trials_needed_text} trials of each would probably decide Adam against SGD, "
        f"{third.trials_needed_text} Adam against Momentum"
    )
    assert needed.replace(">", "more than").lower() in text.lower()
    novel = read(DIRECTORIES["War and Peace, `rate_alone`"])
    alone, tuned = (
        100 * means_of(one).mean(one.contestants[2], "test", one.tuning_budget)
        for one in (novel, wide)
    )
    assert (
        f"the best of four trials has {tuned:.1f} % test error on average, where the best of four "
        f"learning rates has {alone:.1f} %"
    ) in one_line(PAGE)
    rate = novel.contestants[2].winner["used_learning_rate"]
    assert f"where the best constant rate (above) is {rate:.4f}" in text
    assert f"the best constant rate was {rate:.4f}" in one_line(PAGE)
    text = one_line(section_on("on War and Peace: what is tuned, and what comes out\n"))
    for before, after, words, sign in (
        (novel.contestants[0], sgd, "SGD gains {} percentage points", -1),
        (novel.contestants[2], adam, "Adam loses {}", 1),
    ):
        j = in_two_spaces(Path(before.directory), Path(after.directory))
        assert words.format(points(j, sign)) in text


def test_a_wider_range_of_the_ratio_does_not_bring_adams_lead_back_on_war_and_peace():
    wide = read(DIRECTORIES["War and Peace, `wide_ratio`"])
    (adam,) = wide.contestants
    text = one_line(section_on("LSTM on War and Peace: a wider range of the ratio to epsilon\n"))
    others = {
        study: next(
            one
            for one in read(DIRECTORIES[f"War and Peace, `{study}`"]).contestants
            if one.name == "adam"
        )
        for study in ("rate_alone", "everything")
    }
    told = {"everything": (text, one_line(PAGE)), "rate_alone": (text,)}
    for study, texts in told.items():
        j = in_two_spaces(Path(others[study].directory), Path(adam.directory))
        assert j.verdict is Verdict.WORSE
        assert all(f"by {points(j)}" in one for one in texts)
    trials = adam.feasible.sort_values("used_learning_rate")
    rates, good = trials["used_learning_rate"], trials["validation_metric"] < 0.8
    between = rates.between(3.7e-4, 0.09)
    assert good[between].all()
    low, high = (f"{rates[between].min():.5f}", f"{rates[between].max():.3f}")
    ends = "end below 80 % validation error, and"
    rest = f"{good[~between].sum()} of the other {len(trials) - between.sum()}"
    said = f"all {between.sum()} trials with a rate between {low} and {high} {ends} {rest}, whose"
    assert f"{said} rates go from {rates.min():.0e} to 430" in text
    assert 425 < rates.max() < 435
    said = (
        f"all {between.sum()} trials with a rate between {low} and {high}, ends chosen afterwards,"
    )
    assert f"{said} {ends} {rest}." in one_line(PAGE)
    begun = adam.rounds[0].dimensions
    assert begun["epsilon"].low < 1e-8
    assert begun["alpha0_over_epsilon"].high > 0.0096 / 1e-8
    assert adam.dimensions["epsilon"].high == 0.002
    assert "(beta_1 >= 0.96, beta_2 <= 0.998)" in text
    assert adam.dimensions["one_minus_beta1"].high == 0.04  # 0.1 is the default
    assert adam.dimensions["one_minus_beta2"].low == 0.002  # 0.001 is
    below = {
        study: int((one.feasible["validation_metric"] < 0.6).sum())
        for study, one in {**others, "wide_ratio": adam}.items()
    }
    assert (
        f"Below 60 % validation error end {below['rate_alone']} of 40 trials with the rate alone, "
        f"{below['everything']} of `everything` and {below['wide_ratio']} of `wide_ratio`"
    ) in one_line(PAGE)
    assert (
        f"{below['everything']} of its 40 trials end below 60 % validation error, where "
        f"{below['rate_alone']} did with the rate alone"
    ) in one_line(section_on("on War and Peace: what is tuned, and what comes out\n"))


PAGE = (RESULTS.parent / "docs" / "results.md").read_text(encoding="utf-8").split("```{include}")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.findall(r"^\|.*", PAGE, re.M)
]
DESCRIBED = [row for row in ROWS if len(row) == 5 and "`" in row[1]]
DIRECTORIES = {study: RESULTS / "cpu" / name.strip("`") for study, name, *_ in DESCRIBED}
CLAIMED = [row for row in ROWS if len(row) == 4 and row[1] in {*DIRECTORIES, "both"}]


def test_what_we_found_gives_the_difference_and_verdict_of_each_pair():
    count = 0
    for _, study, found, _ in CLAIMED:
        if study == "both":
            continue
        comparison = read(DIRECTORIES[study])
        statistic = "steps_to_target" if "in steps" in found else "test"
        known = [
            f"{j.special.title}, {j.general.title} "
            f"{j.metric.difference_with(j.difference, j.low, j.high)} ({j.verdict})"
            for j in all_pairs(comparison, statistic)
        ]
        said = re.findall(r"(?:: |; |^)((?:\w+, \w+) [+-][^;]*?\([\w ]+\))", found)
        assert len(said) == found.count("[")
        assert not [one for one in said if one not in known]
        count += len(said)
    assert count > 15


def test_what_we_found_gives_what_the_default_of_epsilon_changes():
    rows = [row for row in ROWS if len(row) == 4 and "`epsilon_at_default`" in row[1]]
    assert len(rows) == 2
    for _, studies, found, _ in rows:
        first, second = (
            DIRECTORIES[f"digits, {name}"] / "round-2" for name in studies.split(", ")[1:]
        )
        said = re.findall(r"(\w+) ([+-].*?) \(([\w ]+)\)", found)
        assert len(said) == found.count("[")
        for title, difference, verdict in said:
            j = in_two_spaces(first / title.lower(), second / f"{title.lower()}_default_epsilon")
            assert difference == j.metric.difference_with(j.difference, j.low, j.high)
            assert verdict == j.verdict
    wide, narrow = (DIRECTORIES[f"digits, `{name}`"] for name in ("wide_ratio", "seven"))
    gain = in_two_spaces(wide / "round-2" / "adam", narrow / "round-2" / "adam")
    assert f"Adam gains {points(gain)} pp" in one_line(PAGE)
    other = in_two_spaces(wide / "round-2" / "nadam", narrow / "round-2" / "nadam")
    assert other.low < 0 < other.high


def test_what_we_found_says_where_more_tuning_is_no_better():
    text = one_line(PAGE)
    alone, momentum = (DIGITS / f"{name}-quasirandom" for name in ("rate_alone", "momentum_at_0.9"))
    behind = {}
    for less in (alone, momentum):
        for study in sorted((less / "round-2").iterdir()):
            behind[less, study.name] = in_two_spaces(study, SEVEN / "round-2" / study.name)
    nesterov = behind[alone, "nesterov"]
    for less, name, words, sign, verdict in (
        (alone, "nesterov", "Nesterov is ahead, by {} pp, perhaps by less", 1, "not decided"),
        (alone, "sgd", "SGD perhaps, by {};", 1, "not decided"),
        (alone, "momentum", "Momentum is behind by {}, perhaps by less", -1, "not decided"),
        (alone, "rmsprop", "are behind by {} and", -1, "better"),
        (alone, "rmsterov", "and {}. With momentum", -1, "better"),
        (momentum, "rmsterov", "RMSterov is ahead, by {}, perhaps by less", 1, "not decided"),
    ):
        j = behind.pop((less, name))
        assert j.verdict == verdict
        assert words.format(points(j, sign)) in text
        assert name == "sgd" or j.low * j.high > 0
    assert {j.verdict for j in behind.values()} == {Verdict.EQUIVALENT}
    assert Counter(less for less, _ in behind) == {alone: 2, momentum: 5}
    readme = one_line((RESULTS.parent / "README.md").read_text(encoding="utf-8"))
    assert f"by {points(nesterov)} points" in readme


def points(judgement, sign=1):
    """Difference and interval in percentage points; with a sign of -1, as a gain."""
    low, high = sorted((sign * judgement.low, sign * judgement.high))
    low, point, high = (100 * value for value in (low, sign * judgement.difference, high))
    return f"{point:.2f} [{low:.2f}, {high:.2f}]"


def in_two_spaces(first, second):
    """How much worse an optimizer is in a second space than in a first."""
    (comparison,) = read_comparisons([first, second])
    one, other = (
        next(one for one in comparison.contestants if Path(one.directory) == directory)
        for directory in (first, second)
    )
    return judge(comparison, one, other, "test", inclusion=False)


def test_what_we_found_counts_the_verdicts():
    counted, begun = 0, ""
    for claim, study, found, _ in CLAIMED:
        begun = claim or begun
        if not (said := re.match(r"of (\d+) tests (.*?)(?::|$)", found)):
            continue
        comparison = read(DIRECTORIES[study])
        judged = inclusion_verdicts(comparison).judgements
        if "validation" in begun:
            judged = [j for j in judged if j.statistic in ("validation", "test")]
        elif "training loss and" in begun:
            judged = [j for j in judged if j.statistic in ("train_loss", "steps_to_target")]
        assert int(said[1]) == len(judged)
        found = Counter(str(j.verdict) for j in judged)
        for number, words in re.findall(r"(\d+) ([a-z ]+)", said[2]):
            names = words.strip().removesuffix(" all by RMSProp").split(" or ")
            assert int(number) == sum(found[name] for name in names), (study, words)
            counted += 1
        if "all by RMSProp" in said[2]:
            violated = [j for j in judged if j.verdict is Verdict.VIOLATED]
            assert {j.general.name for j in violated} == {"rmsprop"}
    assert counted == 19


@pytest.mark.parametrize(
    ("claim", "studies", "key", "expected"),
    [
        ("No general rule", ["digits, `seven`"], "inclusions", "agrees"),
        ("in training loss and", ["digits, `seven`"], "inclusions_training", "not decided"),
        ("in training loss and", ["digits, `seven`"], "inclusions_steps", "not decided"),
        ("No general rule", ["Fashion-MNIST, `refined`"], "inclusions", "not decided"),
        ("in training loss and", ["Fashion-MNIST, `refined`"], "inclusions_training", "disagrees"),
        ("in any of them", ["digits, `final`"], "inclusions", "disagrees"),
        ("or trials are few", ["Fashion-MNIST, `few_trials`"], "inclusions", "disagrees"),
        ("No clear winner", ["digits, `seven`"], "adaptive", "agrees"),
        ("No clear winner", ["Fashion-MNIST, `refined`"], "adaptive", "disagrees"),
        ("No clear winner", ["Fashion-MNIST, `few_trials`"], "adaptive", "disagrees"),
        ("Adam and NAdam", ["digits, `seven`"], "adaptive_order", "not decided"),
        ("Adam and NAdam", ["Fashion-MNIST, `refined`"], "adaptive_order", "agrees"),
        ("Adam or NAdam", ["digits, `seven`"], "fastest", "not decided"),
        ("Adam or NAdam", ["Fashion-MNIST, `refined`"], "fastest", "not decided"),
        ("With the constant rate", ["War and Peace, `rate_alone`"], "schneider_lstm", "disagrees"),
        ("With everything", ["digits, `seven`"], "schneider_last", "not decided"),
        ("With everything", ["Fashion-MNIST, `refined`"], "schneider_last", "not decided"),
        ("With everything", ["War and Peace, `everything`"], "schneider_last", "not decided"),
        ("With everything", ["Python's docs, `initial`"], "schneider_last", "not decided"),
        ("The best epsilon", ["digits, `seven`"], "epsilon", "agrees"),
        ("The best epsilon", ["Fashion-MNIST, `refined`"], "epsilon", "agrees"),
        ("The best epsilon", ["Fashion-MNIST, `few_trials`"], "epsilon", "agrees"),
        ("It spans", ["digits, `seven`", "Fashion-MNIST, `refined`"], "epsilon_span", "agrees"),
    ],
)
def test_what_we_found_answers_claims_as_the_program_does(claim, studies, key, expected):
    panels = []
    for study in studies:
        comparison = read(DIRECTORIES[study])
        if not key.startswith("inclusions"):
            six = [one for one in comparison.contestants if one.name != "rmsterov"]
            comparison = replace(comparison, contestants=six)
        panel = Panel(
            protocol=ALL_TUNED,
            workload=comparison.workload,
            space="schneider_lr" if key == "schneider_lstm" else "everything",
        )
        panels.append((panel, comparison))
    found = claims.answer(key, panels)
    words = {"yes": "agrees", "no": "disagrees", "cannot tell": "not decided"}
    assert words[found.agrees] == expected
    begun = ""
    answers = []
    for name, study, ours, answer_ in CLAIMED:
        begun = name or begun
        if begun.startswith(claim) and study == (studies[0] if len(studies) == 1 else "both"):
            answers.append(answer_)
            if key == "epsilon":
                values = [
                    re.search(rf"{t} (\S+)", found.ours)[1] for t in ("RMSProp", "Adam", "NAdam")
                ]
                assert ours == "RMSProp {}, Adam {}, NAdam {}".format(*values)
            if key == "epsilon_span":
                assert ours.startswith(found.ours)
    assert len(answers) == 1
    assert answers[0].strip("*").startswith(expected)


def test_what_we_found_describes_the_studies():
    assert len(DESCRIBED) == len(DIRECTORIES) > 10
    for study, _, *numbers in DESCRIBED:
        comparison = read(DIRECTORIES[study])
        rounds = [each for one in comparison.contestants for each in one.rounds or (one,)]
        hours = sum(float(each.trials["seconds"].sum()) for each in rounds) / 3600
        assert numbers == [
            str(comparison.num_trials), str(comparison.tuning_budget), f"{hours:.1f}"
        ]  # fmt: skip


def test_what_we_found_says_how_rmsterov_is_counted():
    comparison = read(SEVEN)
    found = Counter(
        str(j.verdict)
        for j in inclusion_verdicts(comparison).judgements
        if (j.special.name, j.general.name) == ("nesterov", "rmsterov")
    )
    assert found == {"equivalent": 2, "not decided": 2}
    assert "its tests are 2 equivalent and 2 not decided" in one_line(PAGE)


def test_the_readme_says_what_refining_changed():
    text = one_line(section_on(f"`{REFINED.relative_to(RESULTS.parent)}`"))
    found = counts(REFINED)
    assert set(found) == {"better", "equivalent", "holds", "not decided"}
    assert (
        f"Of 32 tests (8 inclusions, four statistics) {found['better']} say better, "
        f"{found['equivalent']} equivalent and {found['holds']} holds. None is violated, and "
        f"{found['not decided']} are not decided."
    ) in text
    refined, earlier = (read(directory) for directory in (REFINED, FINAL))
    assert not any(why_not_final(one) for one in refined.contestants)
    means, before = means_of(refined), means_of(earlier)
    for one, other in zip(refined.contestants, earlier.contestants, strict=True):
        for statistic in ("validation", "test"):
            assert means.mean(one, statistic, 10) <= before.mean(other, statistic, 10) + 1e-4
        lost = one.feasible["validation_metric"] >= 0.98 * refined.metric.guessing
        assert (lost.sum() + one.num_infeasible) / len(one.ended) < 0.1
    bad = {o.name: 100 * (o.feasible["test_metric"] > 0.25).mean() for o in refined.contestants}
    adam = bad.pop("adam")
    assert (
        f"{min(bad.values()):.0f} to {max(bad.values()):.0f} % of the last round's trials of each "
        f"but Adam end above 25 % test error (Adam {adam:.0f} %)"
    ) in text
    (test,) = [
        j
        for j in inclusion_verdicts(refined).judgements
        if (j.special.name, j.general.name, j.statistic) == ("momentum", "rmsprop", "test")
    ]
    assert f"here it is by {100 * test.difference:.2f}, and the two are equivalent" in text
    assert test.verdict is Verdict.EQUIVALENT
    rmsprop = refined.contestants[3].dimensions
    assert rmsprop["epsilon"] == LogUniform(low=0.005, high=1e10)
    assert rmsprop["eta0_over_sqrt_epsilon"] == LogUniform(low=0.06, high=0.8)


@pytest.mark.parametrize("directory", [REFINED, FASHION], ids=lambda path: path.parent.name)
def test_the_final_space_is_that_of_the_last_round(directory):
    comparison = read(directory)
    assert not any(why_not_final(one) for one in comparison.contestants)
    spaces = workloads.get(directory.parent.name).spaces["final"]
    assert {name: signature.space.dimensions for name, signature in spaces.items()} == {
        one.name: dict(one.dimensions) for one in comparison.contestants
    }


def test_the_readme_explains_what_is_violated_with_numbers_of_the_trials():
    text = one_line(section_on(f"`{FINAL.relative_to(RESULTS.parent)}`"))
    comparison = read(FINAL)
    verdicts = inclusion_verdicts(comparison)
    violated = [j for j in verdicts.judgements if j.verdict is Verdict.VIOLATED]
    assert {j.general.name for j in violated} == {"rmsprop"}
    assert {j.statistic for j in violated if j.special.name == "sgd"} == {
        "validation",
        "train_loss",
    }
    (test,) = [j for j in violated if j.statistic == "test"]
    assert (
        f"by {100 * test.difference:.2f} percentage points, 95 % interval {100 * test.low:.2f} to "
        f"{100 * test.high:.2f}; tolerated are {100 * test.delta:.2f}"
    ) in text
    bad = {one.name: one.feasible["test_metric"] > 0.25 for one in comparison.contestants}
    shares = sorted(f"{100 * mine.mean():.0f}" for name, mine in bad.items() if name != "rmsprop")
    assert f"{100 * bad['rmsprop'].mean():.0f} % of RMSProp's trials" in text
    assert f"{shares[0]} to {shares[-1]} % of the others'" in text
    (rmsprop,) = [one for one in comparison.contestants if one.name == "rmsprop"]
    epsilon = rmsprop.feasible["searched_epsilon"]
    ratio = rmsprop.feasible["searched_eta0_over_sqrt_epsilon"]

    def ends_badly(*conditions):
        chosen = bad["rmsprop"][np.logical_and.reduce(conditions)]
        return f"{chosen.sum()} of {len(chosen)}"

    assert f"{ends_badly(epsilon > 10, ratio < 0.2)} trials below 0.2" in text
    assert f"{ends_badly(epsilon > 10, ratio >= 0.2)} trials above 0.2" in text
    assert f"{ends_badly(epsilon < 1e-4, ratio > 20)} trials above 20" in text
    assert f"{ends_badly(epsilon < 1e-4, ratio <= 20)} below 20" in text


def test_the_readme_forecasts_what_the_program_forecasts():
    comparison = read(FINAL)
    needed = {
        (j.special.name, j.general.name, j.statistic): j.trials_needed_text
        for j in inclusion_verdicts(comparison).judgements
        if not j.verdict.decided
    }
    text = one_line(section_on(f"`{FINAL.relative_to(RESULTS.parent)}`"))
    assert (
        "Momentum against Adam in test error, {}; Nesterov against NAdam in test error, {}, in "
        "training loss, {}, in steps, {}; SGD against RMSProp in test error, {}. ".format(
            *(
                needed.pop(key)
                for key in (
                    ("momentum", "adam", "test"),
                    ("nesterov", "nadam", "test"),
                    ("nesterov", "nadam", "train_loss"),
                    ("nesterov", "nadam", "steps_to_target"),
                    ("sgd", "rmsprop", "test"),
                )
            )
        )
    ) in text
    assert needed == {
        ("momentum", "adam", "train_loss"): "> 1,000",
        ("sgd", "rmsprop", "steps_to_target"): "> 1,000",
    }


def test_the_readme_compares_the_default_epsilon_with_the_initial_space():
    text = one_line(section_on(f"`{DEFAULT.relative_to(RESULTS.parent)}`"))
    (comparison,) = read_comparisons([INITIAL, DEFAULT])
    by_name = {one.name: one for one in comparison.contestants}
    shown = []
    for rule, title in (("rmsprop", "RMSProp"), ("adam", "Adam"), ("nadam", "NAdam")):
        fixed, searched = by_name[f"{rule}_default_epsilon"], by_name[rule]
        j = judge(comparison, fixed, searched, "test", inclusion=False)
        assert j.low < 0 < j.high
        assert j.trials_needed_text == "> 1,000"
        both = (100 * mean for mean in (j.mean, j.mean + j.difference))
        assert "{:.2f} against {:.2f} % for {}".format(*both, title) in text
        points = " percentage points" if rule == "rmsprop" else ""
        shown.append(f"{title} {100 * j.low:+.1f} to {100 * j.high:+.1f}{points}")
    assert f"({', '.join(shown)})" in text


def test_the_readme_compares_the_spaces_of_fashion_mnist():
    text = one_line(section_on(f"`{FEW_TRIALS.relative_to(RESULTS.parent)}`"))
    refined, drawn = read(FEW_TRIALS), read(BY_HAND)
    before, after = means_of(drawn), means_of(refined)
    shown = [
        f"{one.title} {100 * before.mean(other, 'test', 2):.2f} and "
        f"{100 * after.mean(one, 'test', 2):.2f} %"
        for one, other in zip(refined.contestants, drawn.contestants, strict=True)
    ]
    assert ", ".join(shown) in text
    lost = [f"{20 * share_at_guessing(refined, one):g}" for one in refined.contestants]
    assert f"{', '.join(lost[:-1])} and {lost[-1]} of 20 trials" in text
    verdicts = inclusion_verdicts(refined).judgements
    found = Counter(str(j.verdict) for j in verdicts)
    assert (
        f"Of 24 tests (8 inclusions, three statistics) {found['better']} say better, "
        f"{found['not decided']} are not decided, {found['violated']} are violated."
    ) in text
    violated = [j for j in verdicts if j.verdict is Verdict.VIOLATED]
    assert {j.general.name for j in violated} == {"rmsprop"}
    (test,) = [j for j in violated if (j.special.name, j.statistic) == ("momentum", "test")]
    assert (
        f"by {100 * test.difference:.1f} percentage points (95 % interval {100 * test.low:.1f} to "
        f"{100 * test.high:.1f})"
    ) in text
    assert not any(why_not_final(one) for one in refined.contestants)


def test_the_readme_says_what_fashion_mnist_decides():
    text = one_line(section_on(f"`{FASHION.relative_to(RESULTS.parent)}`"))
    comparison = read(FASHION)
    judged = inclusion_verdicts(comparison).judgements
    found = counts(FASHION)
    assert (
        f"Of 32 tests (8 inclusions, four statistics) {found['better']} say better, "
        f"{found['equivalent']} equivalent and {found['holds']} holds; {found['not decided']} are "
        f"not decided, and {found['violated']} is violated."
    ) in text
    test = {(j.special.name, j.general.name): j for j in judged if j.primary}
    decided = [j for j in test.values() if j.verdict.decided]
    better = [j for j in decided if j.verdict is Verdict.BETTER]
    assert (
        f"By test error {len(decided)} of the {len(test)} inclusions are decided, {len(better)} of "
        "them better."
    ) in text
    assert {j.special.name for j in better} == {"sgd"}
    margins = [f"{100 * j.delta:.2f}" for j in test.values()]
    assert f"The margin is {min(margins)} to {max(margins)} percentage points." in text
    assert f"on digits and {min(margins)} to {max(margins)} pp on Fashion-MNIST" in one_line(PAGE)
    first, second = comparison.looks.looks
    assert (first.num_trials, second.num_trials) == (80, 100)
    assert "By the looks 4 of 8 pairs are decided" in text
    assert "looked](../docs/until-decided.md) at N = 80 and at N = 100. The first" in text
    assert "by its looks, which allow for that, 4 of 8 pairs are decided" in one_line(PAGE)
    of_sgd = [(p.a, p.b) for p in first.pairs if p.verdict == "better"]
    assert of_sgd == [("sgd", name) for name in ("momentum", "nesterov", "adam", "nadam")]
    assert all(p.verdict == "not decided" for p in second.pairs)
    (violated,) = [j for j in judged if j.verdict is Verdict.VIOLATED]
    assert (violated.general.name, violated.statistic) == ("nadam", "train_loss")
    assert not violated.survives
    assert (
        f"by {violated.difference:.3f} nats (95 % interval {violated.low:.3f} to "
        f"{violated.high:.3f}; tolerated are {violated.delta:.3f})"
    ) in text
    expected = inclusion_verdicts(comparison).expected_false_alarms
    assert f"of 32 tests about {expected:.1f} would be violated by chance" in text
    j = test["nesterov", "nadam"]
    assert f"NAdam is behind by {points(j)} percentage points" in text
    assert j.difference > 0 and j.low < j.delta
    assert [place.contestant.title for place in ranking(comparison).group] == ["Nesterov", "NAdam"]
    for pair, words in (
        (("sgd", "rmsprop"), "not told apart from RMSProp ({})"),
        (("momentum", "rmsprop"), "no worse than Momentum, which it can imitate ({})"),
    ):
        j = test[pair]
        assert not j.verdict.decided
        assert words.format(j.metric.difference_with(j.difference, j.low, j.high)) in text
    needed = [
        f"{test[pair].trials_needed_text} {words}"
        for pair, words in (
            (("nesterov", "nadam"), "trials of each would probably decide Nesterov against NAdam"),
            (("sgd", "rmsprop"), "SGD against RMSProp"),
            (("momentum", "rmsprop"), "Momentum against RMSProp"),
        )
    ]
    assert "{} in test error (as violated), {}, {}.".format(*needed) in text
    assert sum(not j.verdict.decided for j in test.values()) == len(needed)
    rounds = [each for one in comparison.contestants for each in one.rounds]
    hours = sum(float(each.trials["seconds"].sum()) for each in rounds) / 3600
    trials = sum(len(each.trials) for each in rounds)
    assert f"{trials} trials, {hours:.1f} hours of one core" in text


def test_the_readme_says_how_trials_change_the_order_on_fashion_mnist():
    text = one_line(section_on(f"`{FASHION.relative_to(RESULTS.parent)}`"))
    comparison, few = read(FASHION), read(FEW_TRIALS)
    means, before = means_of(comparison), means_of(few)
    by_name = {one.name: one for one in comparison.contestants}
    at = {
        name: [100 * means.mean(one, "test", k) for k in (1, 10)] for name, one in by_name.items()
    }
    said = [f"{by_name[name].title} {one:.2f} and {ten:.2f} %" for name, (one, ten) in at.items()]
    assert f"with one trial, and with ten: {', '.join(said)}." in text
    ahead, behind = (at["adam"][i] - at["sgd"][i] for i in (0, 1))
    assert (
        f"With one trial SGD is ahead of Adam by {ahead:.2f} percentage points; with ten it is "
        f"behind by {-behind:.2f}."
    ) in text
    below = [
        (by_name[name].feasible["validation_metric"] < 0.13).sum() for name in ("nesterov", "nadam")
    ]
    assert (
        f"Of Nesterov's 100 trials {below[0]} end below 13 % validation error, and {below[1]} of "
        "NAdam's"
    ) in text
    assert [len(by_name[name].dimensions) for name in ("nadam", "nesterov")] == [6, 4]
    good = by_name["nesterov"].feasible.query("validation_metric < 0.13")
    ratio = good["searched_eta0"] / good["searched_one_minus_gamma"]
    held = by_name["nadam"].dimensions["alpha0_over_epsilon"]
    outside = (~ratio.between(held.low, held.high)).sum()
    assert f"what {outside} of Nesterov's {len(good)} good trials would need" in text
    now, then = (
        100 * each.mean(of_rmsprop, "test", 2)
        for each, of_rmsprop in ((means, by_name["rmsprop"]), (before, few.contestants[3]))
    )
    assert (
        f"of two trials the better one has {now:.2f} % test error on average, where it had "
        f"{then:.2f} %"
    ) in text
    lost = {name: round(100 * share_at_guessing(comparison, one)) for name, one in by_name.items()}
    of_rmsprop = lost.pop("rmsprop")
    *others, last = lost.values()
    assert (
        f"at guessing in {of_rmsprop} of 100 trials (SGD, Momentum, Nesterov, Adam and NAdam in "
        f"{', '.join(map(str, others))} and {last})"
    ) in text
    rmsprop = by_name["rmsprop"]
    best = rmsprop.feasible.nsmallest(5, "validation_metric")["searched_epsilon"]
    apart = math.log10(best.max() / best.min())
    assert f"the best five RMSProp trials of `refined` alone span {apart:.1f} orders" in one_line(
        PAGE
    )
    left = rmsprop.dimensions["epsilon"]
    assert f"its epsilon was left {math.log10(left.high / left.low):.0f} decades" in text


def test_the_readme_explains_the_violation_on_the_lstm():
    text = one_line(section_on("`results/cpu/pydocs_lstm/initial-random`"))
    comparison = read(RESULTS / "cpu" / "pydocs_lstm" / "initial-random")
    (j,) = [j for j in inclusion_verdicts(comparison).judgements if j.verdict is Verdict.VIOLATED]
    assert (j.special.name, j.general.name, j.statistic) == ("sgd", "momentum", "train_loss")
    assert (
        f"by {j.difference:.2f} nats (95 % interval {j.low:.2f} to {j.high:.2f}; tolerated are "
        f"{j.delta:.2f})"
    ) in text
    guessing = comparison.loss.guess
    assert f"that of guessing among {round(math.exp(guessing))} characters" in text
    assert f"a loss above {guessing:.2f}" in text
    lost = j.general.feasible[j.general.feasible["train_loss"] > guessing]
    assert f"{len(lost)} of {j.num_trials} trials end at a loss" in text
    assert not (j.special.feasible["train_loss"] > guessing).any()
    assert lost["searched_eta0"].min() > 5
    assert lost["searched_one_minus_gamma"].max() < 0.01


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
