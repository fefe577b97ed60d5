"""The page "What we found" says of each claim of the paper what the studies and the program say."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from tfoptcmp.tools.reproduction import claims
from tfoptcmp.tools.reproduction.plans import ALL_TUNED, Panel

from tests.results.published import (
    CLAIMED,
    DESCRIBED,
    DIGITS,
    DIRECTORIES,
    PAGE,
    RESULTS,
    ROWS,
    SEVEN,
    STUDIES,
    in_two_spaces,
    one_line,
    points,
    read,
    spent,
    together,
)
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.statistics.verdicts import Verdict, all_pairs, inclusion_verdicts


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
    rows = [row for row in ROWS if len(row) == 4 and "`, `epsilon_at_default`" in row[1]]
    assert len(rows) == 4
    for _, studies, found, _ in rows:
        workload, *names = studies.split(", ")
        first, second = (DIRECTORIES[f"{workload}, {name}"] / "round-2" for name in names)
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


def test_what_we_found_says_where_a_rule_of_seven_is_behind_itself():
    default = DIRECTORIES["digits, `epsilon_at_default`"]
    (j,) = [
        j
        for j in inclusion_verdicts(together(SEVEN, default)).judgements
        if j.special.rule == j.general.rule and j.verdict is Verdict.VIOLATED
    ]
    assert (j.general.name, j.statistic) == ("adam", "steps_to_target")
    said = f"Adam needs {j.difference:.1f} [{j.low:.1f}, {j.high:.1f}] fewer"
    assert f"sound but for Adam's steps to the target: with epsilon at its default {said}" in (
        one_line(PAGE)
    )


def test_what_we_found_says_where_adam_is_behind_itself_on_war_and_peace():
    less, more, wide = (
        DIRECTORIES[f"War and Peace, `{name}`"]
        for name in ("rate_and_schedule", "everything", "wide_ratio")
    )
    for directory, verdict, words in (
        (wide, Verdict.VIOLATED, "{} pp behind itself with rate and schedule alone"),
        (more, Verdict.NOT_DECIDED, "that is not decided ({})"),
    ):
        (comparison,) = read_comparisons([less, directory])
        (j,) = [
            j
            for j in inclusion_verdicts(comparison).judgements
            if j.primary and j.special.rule == j.general.rule and j.general.rule.name == "adam"
        ]
        assert j.verdict is verdict
        assert words.format(points(j)) in one_line(PAGE)


def test_what_we_found_says_where_more_tuning_is_no_better():
    alone, momentum = (DIGITS / f"{name}-quasirandom" for name in ("rate_alone", "momentum_at_0.9"))
    behind = {}
    for less in (alone, momentum):
        for study in sorted((less / "round-2").iterdir()):
            behind[less, study.name] = in_two_spaces(study, SEVEN / "round-2" / study.name)
    readme = one_line((RESULTS.parent / "README.md").read_text(encoding="utf-8"))
    assert f"by {points(behind[alone, 'nesterov'])} points" in readme
    assert Counter(less for less, _ in behind) == {alone: 7, momentum: 6}
    for one in read(SEVEN).contestants:
        cells = [
            f"{j.metric.difference_with(j.difference, j.low, j.high)} ({j.verdict})"
            for less in (alone, momentum)
            if (j := behind.get((less, one.name)))
        ]
        assert [one.title, *cells] in [[cell for cell in row if cell] for row in ROWS]
    text = one_line(PAGE)
    for less, name, words, sign, verdict in (
        (alone, "nesterov", "Nesterov is ahead, perhaps by less than", 1, "not decided"),
        (alone, "momentum", "Momentum behind, perhaps by less.", -1, "not decided"),
        (alone, "rmsprop", "RMSProp and RMSterov, which are", -1, "better"),
        (alone, "rmsterov", "one and the same there, are far behind", -1, "better"),
        (momentum, "rmsterov", "RMSterov is ahead, perhaps by less than", 1, "not decided"),
    ):
        j = behind.pop((less, name))
        assert j.verdict == verdict
        assert words in text
        assert min(sign * j.low, sign * j.high) > 0
    sgd = behind.pop((alone, "sgd"))
    assert sgd.verdict == "not decided" and sgd.low < 0 < sgd.high
    assert {j.verdict for j in behind.values()} == {Verdict.EQUIVALENT}


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
    assert sorted(DIRECTORIES.values()) == STUDIES
    assert len(DESCRIBED) == len(DIRECTORIES) > 10
    for study, _, *numbers in DESCRIBED:
        comparison = read(DIRECTORIES[study])
        hours = f"{spent(comparison)[1] / 3600:.1f}"
        assert numbers == [str(comparison.num_trials), str(comparison.tuning_budget), hours]


def test_what_we_found_says_how_rmsterov_is_counted():
    comparison = read(SEVEN)
    found = Counter(
        str(j.verdict)
        for j in inclusion_verdicts(comparison).judgements
        if (j.special.name, j.general.name) == ("nesterov", "rmsterov")
    )
    assert found == {"equivalent": 2, "not decided": 2}
    assert "its tests are 2 equivalent and 2 not decided" in one_line(PAGE)
