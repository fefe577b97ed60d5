"""What results/README.md says of the LSTMs on texts."""

import math
from pathlib import Path

from tests.results.published import (
    DIRECTORIES,
    PAGE,
    README,
    RESULTS,
    in_two_spaces,
    one_line,
    points,
    read,
    section_on,
)
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.verdicts import Verdict, all_pairs, inclusion_verdicts


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
        study: read(DIRECTORIES[f"War and Peace, `{study}`"]).named("adam")
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
