"""What results/README.md says of digits."""

import re
from collections import Counter

import numpy as np
import pytest
from tfoptcmp.tools.lab.protocols import differences

from tests.results.published import (
    DEFAULT,
    DIGITS,
    FINAL,
    INITIAL,
    REFINED,
    RESULTS,
    SEVEN,
    counts,
    one_line,
    read,
    section_on,
    spent,
)
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.ranges.boundary import why_not_final
from tfoptcmp.analysis.report.tables import rerun_cells
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.verdicts import Verdict, inclusion_verdicts, judge
from tfoptcmp.spaces import LogUniform


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
    trials, seconds = spent(comparison)
    assert f"{trials:,} trials of 100 steps" in text
    assert f"{seconds / 60:.0f} minutes on one core" in text


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
    rmsprop = comparison.named("rmsprop")
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
