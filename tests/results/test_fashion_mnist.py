"""What results/README.md says of Fashion-MNIST."""

import math
from collections import Counter
from pathlib import Path

import pytest

from tests.results.published import (
    AT_DEFAULT,
    BY_HAND,
    FASHION,
    FEW_TRIALS,
    PAGE,
    RESULTS,
    WIDE,
    acting,
    counts,
    in_two_spaces,
    one_line,
    points,
    read,
    section_on,
    spent,
    together,
)
from tfoptcmp.analysis.ranges.boundary import why_not_final
from tfoptcmp.analysis.report.lineage import share_at_guessing
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import Verdict, inclusion_verdicts, judge


def test_the_readme_says_what_fashion_mnist_decides():
    text = one_line(section_on(f"`{FASHION.relative_to(RESULTS.parent)}`"))
    comparison = read(FASHION)
    verdicts = inclusion_verdicts(comparison)
    judged = verdicts.judgements
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
    expected = verdicts.expected_false_alarms
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
    trials, seconds = spent(comparison)
    assert f"{trials} trials, {seconds / 3600:.1f} hours of one core" in text


def test_the_readme_says_what_the_default_of_epsilon_changes():
    text = one_line(section_on(f"`{AT_DEFAULT.relative_to(RESULTS.parent)}`"))
    tuned, default = read(FASHION), read(AT_DEFAULT)
    trials, seconds = spent(default)
    assert f"{trials} trials, {seconds / 3600:.1f} hours of one core" in text
    nine = together(FASHION, AT_DEFAULT)
    assert nine.tuning_budget == 5
    means, page = means_of(nine), one_line(PAGE)
    for rule in ("rmsprop", "adam", "nadam"):
        one, other = nine.named(rule), nine.named(f"{rule}_default_epsilon")
        j = in_two_spaces(Path(one.directory), Path(other.directory))
        assert j.verdict is Verdict.BETTER
        before, after = (100 * means.mean(each, "test", 5) for each in (one, other))
        assert f"- {one.title} {before:.2f} and {after:.2f} %, {points(j, sign=-1)}" in text
    found = inclusion_verdicts(nine).judgements
    itself = [j for j in found if j.special.rule == j.general.rule and j.primary]
    assert [j.verdict for j in itself] == [Verdict.VIOLATED] * 3
    within = {
        (j.special.name, j.general.name): j
        for j in found
        if j.special.rule != j.general.rule and j.primary and j.verdict is Verdict.VIOLATED
    }
    of_rmsprop, of_nadam = within["momentum", "rmsprop"], within["nesterov", "nadam"]
    assert len(within) == 2 and of_rmsprop.survives and not of_nadam.survives
    assert (
        f"RMSProp is behind Momentum by {points(of_rmsprop)} pp, and NAdam behind Nesterov by "
        f"{points(of_nadam)}, the second not after correction"
    ) in text
    margins = [f"{100 * j.delta:.2f}" for j in itself]
    assert f"the margin of {min(margins)} to {max(margins)} percentage points" in text
    places = ranking(nine).places
    assert [place.contestant.name for place in places[:3]] == [
        *("nadam_default_epsilon", "adam_default_epsilon", "nesterov")
    ]
    ahead = [
        points(judge(nine, place.contestant, places[2].contestant, "test", inclusion=False))
        for place in places[:2]
    ]
    assert (
        f"behind NAdam at the default by {ahead[0]} pp and behind Adam at the default by {ahead[1]}"
    ) in text
    assert f"ahead of Nesterov by {ahead[0]} and {ahead[1]} points" in page
    assert "140 trials of each did not find what 90 found" in page
    for comparison, num in ((tuned, 140), (default, 90)):
        every = [sum(len(each.feasible) for each in one.rounds) for one in comparison.contestants]
        assert {*every} == {num}


def test_the_readme_says_why_the_default_of_epsilon_is_ahead():
    text = one_line(section_on(f"`{AT_DEFAULT.relative_to(RESULTS.parent)}`"))
    tuned, default = read(FASHION), read(AT_DEFAULT)
    good = {
        one.name: int((one.feasible["validation_metric"] < 0.13).sum())
        for one in (*tuned.contestants, *default.contestants)
    }
    assert (
        f"Of Adam's 50 trials {good['adam_default_epsilon']} end below 13 % validation error, of "
        f"NAdam's {good['nadam_default_epsilon']}; with everything tuned {good['adam']} and "
        f"{good['nadam']} of 100."
    ) in text
    assert not any(acting(default.named(f"{rule}_default_epsilon")) for rule in ("adam", "nadam"))
    assert acting(tuned.named("adam")) == {"momentum": 100}
    of_nadam = acting(tuned.named("nadam"))["nesterov"]
    assert f"All of Adam's 100 trials act as Momentum there, and {of_nadam} of" in text
    assert f"act as Momentum, and {of_nadam} of NAdam's act as Nesterov" in one_line(PAGE)
    best = {one.rule.name: one.winner for one in default.contestants}
    assert [round(best[rule]["searched_alpha0"], 4) for rule in ("adam", "nadam")] == [0.0075] * 2
    adam, nadam, rmsprop = (tuned.named(rule).rounds for rule in ("adam", "nadam", "rmsprop"))
    for first, *_ in (adam, nadam):
        assert first.dimensions["epsilon"].low < 1e-8
        assert first.dimensions["alpha0_over_epsilon"].high * 1e-8 == pytest.approx(1e-4)
        second = first.feasible.nsmallest(2, "validation_metric").iloc[1]
        epsilon = second["searched_epsilon"]
        rate = second["searched_alpha0_over_epsilon"] * epsilon
        assert f"epsilon = {epsilon:.1e} and a rate of {rate:.5f}" in text
    best_five = adam[0].feasible.nsmallest(5, "validation_metric")["searched_epsilon"]
    assert sorted(best_five)[2] > 700
    left = adam[1].dimensions["epsilon"]
    assert f"{left.low:g} to {left.high:g} was left" in text
    low = nadam[-1].dimensions["epsilon"].low
    assert f"the range of its epsilon began at {low:g} in the last round" in text
    ratio = "eta0_over_sqrt_epsilon"
    assert rmsprop[0].dimensions[ratio].high * 1e-5 == pytest.approx(0.1)
    assert f"no ratio to the root of epsilon above {rmsprop[1].dimensions[ratio].high:g}" in text
    two = default.contestants[0].feasible.nsmallest(2, "validation_metric")["searched_eta0"] / 1e-5
    assert (
        "best trial here has {:,} and the second best, which those ranges held, {:,}.".format(
            *(int(round(ratio, -2)) for ratio in two)
        )
        in text
    )
    assert two.max() > rmsprop[0].dimensions[ratio].high > two.min()


def test_the_readme_says_why_a_wider_range_does_not_help():
    text = one_line(section_on(f"`{WIDE.relative_to(RESULTS.parent)}`"))
    wide = read(WIDE)
    trials, seconds = spent(wide)
    assert f"{trials} trials, {seconds / 3600:.1f} hours of one core" in text
    ahead, gains = [], []
    for rule in ("adam", "nadam"):
        here = WIDE / "round-2" / rule
        of_default = in_two_spaces(here, AT_DEFAULT / "round-2" / f"{rule}_default_epsilon")
        assert of_default.verdict is Verdict.BETTER
        ahead.append(points(of_default, sign=-1))
        of_refined = in_two_spaces(here, FASHION / "round-2" / rule)
        assert of_refined.verdict is Verdict.NOT_DECIDED
        gains.append(points(of_refined))
    assert f"ahead of this search by {ahead[0]} pp, and NAdam by {ahead[1]}." in text
    assert f"({gains[0]} and {gains[1]} better here)" in text
    adam, nadam = wide.contestants
    best = [one.rounds[0].feasible.nsmallest(5, "validation_metric") for one in (adam, nadam)]
    first = [acting(adam, best[0])["momentum"], acting(nadam, best[1])["nesterov"]]
    assert (
        "lay {} of the best five of Adam's first 20 trials, and {} of NAdam's".format(*first)
        in text
    )
    last = [acting(adam)["momentum"], acting(nadam)["nesterov"]]
    assert "{} of Adam's 50 trials act as Momentum, and {} of NAdam's".format(*last) in text
    ends = [one.rounds[1].dimensions["alpha0_over_epsilon"].high for one in (adam, nadam)]
    assert "the ratio ended at {:g} for Adam and {:g} for NAdam".format(*ends) in text


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
        for each, of_rmsprop in ((means, by_name["rmsprop"]), (before, few.named("rmsprop")))
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
