"""A metric that is maximised and its complement that is minimised are one comparison."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tfoptcmp.tools.common.forecast import forecast

from tfoptcmp.analysis import load_studies
from tfoptcmp.analysis.audit.checks import audit
from tfoptcmp.analysis.figures.forest import forest_figure
from tfoptcmp.analysis.figures.inclusions import inclusions_figure
from tfoptcmp.analysis.figures.report_order import FIGURES
from tfoptcmp.analysis.ranges.narrowing import next_spaces
from tfoptcmp.analysis.report.answer import how_sure
from tfoptcmp.analysis.report.as_json import as_json
from tfoptcmp.analysis.report.best import best_trials, choose_now
from tfoptcmp.analysis.report.restrictions import format_sections, sections
from tfoptcmp.analysis.report.tables import STYLES, best_rows, caption, format_table, rerun_cells
from tfoptcmp.analysis.report.verdict_tables import pair_cells, ranking_cells, verdict_cells
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.restriction import parse_box
from tfoptcmp.analysis.statistics.verdicts import all_pairs, inclusion_verdicts, margin_text
from tfoptcmp.metrics import ACCURACY, AUC, CLASSIFICATION_ERROR, R2, TOP_5_ERROR, Metric

RULES = ("sgd", "momentum", "adam", "nadam")


@pytest.fixture
def directories(tmp_path, make_signature, write_study):
    """The same studies of 40 trials, of an error and of what it lacks to 1."""
    both = []
    for maximize in (False, True):
        rng = np.random.default_rng(4)
        for i, rule in enumerate(RULES):
            errors = np.round(rng.uniform(0.05, 0.5 + 0.08 * i, 40) * 270) / 270
            tests = np.round(np.clip(errors + rng.normal(0, 0.01, 40), 0, 1) * 270) / 270
            write_study(
                tmp_path / str(maximize),
                make_signature(rule),
                list(errors),
                infeasible=i,
                test_errors=list(tests),
                metric="quality",
                maximize=maximize,
                budget={"target": 0.75 if maximize else 0.25},
            )
        both.append(tmp_path / str(maximize))
    return both


@pytest.fixture
def comparisons(directories):
    """Both, as read."""
    return [read_comparisons(path)[0] for path in directories]


VALUES = re.compile(r"mean$|_p05$|_p95$|^best_(validation|test)$")


def mirrored(name, value, row):
    """What the other direction has in place of a value in a row of numbers."""
    if not VALUES.search(name) or "train_loss" in name or "steps" in name or value is None:
        return value
    for end, other in (("_p05", "_p95"), ("_p95", "_p05")):
        if name.endswith(end):
            return 1 - row[name.replace(end, other)]
    return 1 - value


def check_same(low, high, path=""):
    """Compares two JSON values; values of the metric add up to 1, everything else is equal."""
    if isinstance(low, dict):
        assert list(low) == list(high), path
        for name in low:
            if name == "maximize":
                assert (low[name], high[name]) == (False, True)
            elif isinstance(low[name], dict | list | str):
                check_same(low[name], high[name], f"{path}.{name}")
            else:
                check_same(mirrored(name, low[name], low), high[name], f"{path}.{name}")
    elif isinstance(low, list):
        assert len(low) == len(high), path
        for i, (one, other) in enumerate(zip(low, high, strict=True)):
            check_same(one, other, f"{path}[{i}]")
    elif isinstance(low, float):
        assert high == pytest.approx(low, abs=1e-12), path
    elif isinstance(low, str):
        check_same_text(low, high)
    else:
        assert low == high, path


INTERVAL = re.compile(r"(worse by |D )?([+-][\d.]+)\s\[([+-][\d.]+),\s([+-][\d.]+)\]")


def turned(match):
    """What stands beside values has their direction; D, and what words tell, that of errors."""
    if match[1]:
        return match[0].replace("D ", "D (+ is worse) ")
    value, low, high = (
        number.translate(str.maketrans("+-", "-+")).replace("-0.00", "+0.00")
        for number in match.groups()[1:]
    )
    return f"{value} [{high}, {low}]"


NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
DIRECTIONS = ("lower is better", "higher is better; of losses and steps lower ones are")


def check_same_text(low, high):
    """Compares two texts, in which percentages may add up to 100."""
    low = low.replace(DIRECTIONS[0], DIRECTIONS[1]).replace("or less", "or more")
    low = low.replace("Lowest", "Highest").replace("below 0 is better", "above 0 is better")
    low = INTERVAL.sub(turned, low)
    differences = [
        [found[1:] for found in INTERVAL.findall(text.replace("D (+ is worse) ", "D "))]
        for text in (low, high)
    ]
    assert differences[0] == differences[1]
    low, high = (INTERVAL.sub("", text) for text in (low, high))
    assert _words(low) == _words(high)
    numbers = set(map(float, NUMBER.findall(low)))
    for number in map(float, NUMBER.findall(high)):
        known = (*numbers, *(100 - n for n in numbers))
        assert min(abs(number - n) for n in known) < 1e-9, (low, high)


def _words(text):
    """Without numbers, and without the widths of columns, which follow from them."""
    return re.sub(r"[-\s]+", " ", NUMBER.sub("#", text))


CLAIMS = (("nadam", "sgd"), ("adam", "momentum"))  # not so


def test_the_report_says_the_same(comparisons):
    comparisons = [replace(one, claims=CLAIMS) for one in comparisons]
    low, high = (json.loads(as_json([one], audit([one]))) for one in comparisons)
    assert len({pair["verdict"] for pair in low["comparisons"][0]["pairs"]}) > 1
    assert sum("better" in finding["evidence"] for finding in low["findings"]) == 2
    check_same(low, high)


def test_differences_beside_values_have_their_direction():
    """By hand: 72.42 % accuracy and 58.62 % are 27.58 and 41.38 % error, 13.80 points more."""
    interval = (0.138, -0.0387, 0.2876)
    assert CLASSIFICATION_ERROR.value_difference_with(*interval) == "+13.80 [-3.87, +28.76] pp"
    assert ACCURACY.value_difference_with(*interval) == "-13.80 [-28.76, +3.87] pp"
    assert ACCURACY.value_difference_with(0.0, 0.0, 0.0) == "+0.00 [+0.00, +0.00] pp"
    assert R2.value_difference_with(0.5, -0.25, 1.0) == "-0.5 [-1, +0.25]"


def test_a_mean_and_a_difference_make_the_other_mean(comparisons):
    for comparison in comparisons:
        found = ranking(comparison)
        said = how_sure(comparison, found)[0]
        leader = float(re.search(rf"{found.places[0].contestant.title}, ([\d.]+) %", said)[1])
        for place in found.places[1:]:
            title = place.contestant.title
            pattern = rf"{title}: ([+-][\d.]+) \[([+-][\d.]+), ([+-][\d.]+)\] pp"
            d, low, high = map(float, re.search(pattern, said).groups())
            mean = 100 * comparison.metric.value(place.mean)
            assert leader + d == pytest.approx(mean, abs=0.011)
            assert low <= d <= high
            assert (d < 0) == comparison.metric.maximize


def test_a_claim_is_checked_in_the_direction_of_the_values(comparisons):
    for comparison, sign, side in zip(comparisons, "+-", ("below", "above"), strict=True):
        findings = audit([replace(comparison, claims=CLAIMS[:1])])
        (said,) = (f.evidence for f in findings if "claim" in f.title)
        assert f"difference of means {sign}" in said
        assert f"(95 % interval, {side} 0 is better)" in said


def test_tables_of_d_say_that_plus_is_worse(comparisons):
    """D is the same in both; where higher is better the heading says what + is."""
    for cells in (
        lambda one: pair_cells(ranking(one)),
        lambda one: verdict_cells(inclusion_verdicts(one)),
    ):
        low, high = map(cells, comparisons)
        assert high[0] == [{"D": "D (+ is worse)"}.get(title, title) for title in low[0]]
        d = low[0].index("D")
        assert [row[d] for row in low[1:]] == [row[d] for row in high[1:]]
    low, high = (ranking_cells(ranking(one)) for one in comparisons)
    assert low == high  # the row "beats" the column


def test_the_margin_is_a_share_of_the_mean_that_users_know(comparisons):
    """By hand: of 72.42 % accuracy 6.70 points are 9 %, of 27.58 % error 24 %."""
    for comparison, shown in zip(comparisons, ("6.70 pp (24 %)", "6.70 pp (9 %)"), strict=True):
        j = all_pairs(comparison, "test")[0]
        assert margin_text(replace(j, delta=0.067, mean=0.2758)) == shown


def test_boxes_and_forecasts_say_that_plus_is_worse(comparisons, directories, tmp_path):
    box = parse_box("adam:epsilon=1e-10..1e9")
    boxed = [replace(one, boxes=(box,), tuning_budget=2) for one in comparisons]
    low, high = (format_sections(one, sections(one, tmp_path)) for one in boxed)
    assert "D (+ is worse), whole space" in high
    assert _words(low) == _words(high.replace(" (+ is worse)", ""))
    assert INTERVAL.findall(low) == INTERVAL.findall(high) != []
    low, high = (forecast(path, RULES, None, None, 1) for path in directories)
    assert "D (+ is worse)" in high
    assert INTERVAL.findall(low) == INTERVAL.findall(high) != []


@pytest.mark.parametrize(
    ("metric", "start"),
    [
        (AUC, "AUC, mean"),
        (R2, "R2, mean"),
        (ACCURACY, "Accuracy, mean"),
        (TOP_5_ERROR, "Top-5 error, mean"),
        (Metric(name="pH of Gauss", unit=""), "pH of Gauss, mean"),
        (Metric(name="share of GPUs", unit=""), "Share of GPUs, mean"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_metric_keeps_its_letters(metric, start, comparisons):
    said = caption(replace(comparisons[1], metric=metric)).replace(" and training loss (nats)", "")
    assert said.startswith(start)


def test_axes_of_differences_say_that_plus_is_worse(comparisons):
    low, high = (forest_figure(one).axes[0].get_xlabel() for one in comparisons)
    assert low == "difference of the means of the best of K, percentage points"
    assert high == "by how much the second is worse, percentage points"
    low, high = (inclusions_figure(one).axes[0].get_ylabel() for one in comparisons)
    assert (low, high) == ("percentage points", "percentage points (+ is worse)")


def test_an_open_pair_is_a_dot_that_is_wider_than_its_line(comparisons):
    (axes,) = forest_figure(comparisons[0]).axes
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert dots
    width = axes.collections[0].get_linewidth()[0]
    assert all(dot.get_markersize() > 2 * width for dot in dots)


@pytest.mark.parametrize("style", [style for style in STYLES if style != "csv"])
def test_tables_show_what_the_user_knows(style, comparisons):
    low, high = (format_table(one, style) for one in comparisons)
    check_same_text(low, high)
    assert low != high


def test_the_csv_has_values(comparisons):
    low, high = map(best_rows, comparisons)
    check_same(low, high)
    assert high[0]["test_mean"] > 0.5 > low[0]["test_mean"]
    assert high[0]["test_p05"] < high[0]["test_mean"] < high[0]["test_p95"]


def test_spaces_of_the_next_round_are_the_same(comparisons):
    low, high = map(next_spaces, comparisons)
    assert low == high


def test_studies_are_loaded_as_the_user_knows_them(directories):
    low, high = map(load_studies, directories)
    for split in ("train", "validation", "test"):
        name = f"{split}_metric"
        np.testing.assert_allclose(low[name], 1 - high[name], atol=1e-12)
    feasible = low["feasible"]
    assert low["steps_to_target"].equals(high["steps_to_target"])
    assert 0 < np.isfinite(low["steps_to_target"][feasible]).sum() < feasible.sum()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_figures_are_mirrored(figure, comparisons):
    if any(figure.needs(one) for one in comparisons):
        pytest.skip(figure.needs(comparisons[0]))
    low, high = map(figure.draw, comparisons)
    for drawn in (low, high):
        drawn.canvas.draw()  # labels are made then
    assert len(low.axes) == len(high.axes)
    num_labels = 0
    for one, other in zip(low.axes, high.axes, strict=True):
        for ours, theirs in zip(one.get_lines(), other.get_lines(), strict=True):
            found, expected = theirs.get_xydata(), ours.get_xydata()
            is_mark = ours.get_transform() == one.get_xaxis_transform()
            if is_mark and not np.allclose(found, expected):  # a mark at the other end of the axis
                expected = expected * (1, -1) + (0, 1)
            np.testing.assert_allclose(found, expected, atol=1e-9)
        limits = one.get_ylim(), other.get_ylim()
        shows_metric = "quality" in one.get_ylabel() or figure.name in ("training", "tuning")
        shows_metric |= figure.name == "boundaries"
        if shows_metric:
            np.testing.assert_allclose(limits[0], limits[1][::-1], atol=1e-9)
            values = [[_number(t) for t in axes.get_yticklabels()] for axes in (one, other)]
            found = [(a, b) for a, b in zip(*values, strict=True) if a is not None]
            num_labels += len(found)  # inner panels have none
            for a, b in found:
                assert a + b == pytest.approx(100)
        else:
            np.testing.assert_allclose(*limits, atol=1e-9)
    assert num_labels or figure.name not in ("results", "training", "tuning", "boundaries")


def _number(label):
    text = label.get_text().replace("\N{MINUS SIGN}", "-")
    return float(text) if text and math.isfinite(float(text)) else None


def test_tables_and_answer_have_the_same_means(tmp_path, make_signature, write_study):
    """Where guessing is known, what is worse counts as guessing, in both."""
    for rule in ("sgd", "adam"):
        errors = [0.5, 0.6, 0.7, 1e6, 1e12] * 5
        write_study(
            tmp_path, make_signature(rule), errors, metric_unit="nats", budget={"target": None}
        )
    (comparison,) = read_comparisons(tmp_path)
    rows = {row["optimizer"]: row for row in best_rows(comparison)}
    for place in ranking(comparison).places:
        row = rows[place.contestant.name]
        assert row["test_mean"] == pytest.approx(place.mean)
        assert row["test_mean"] < math.log(10)


def test_winners_and_their_reruns_are_values_and_the_spread_is_a_size(comparisons):
    """By hand: 10 and 12 % error of two re-runs, 88 to 90 % accuracy, vary by 1.41 points."""
    for comparison, again in zip(comparisons, ("11.00 %", "89.00 %"), strict=True):
        one = comparison.contestants[0]
        reruns = pd.DataFrame(
            {
                "trial": [one.winner["trial"]] * 2,
                "rerun": [0, 1],
                "status": ["COMPLETE"] * 2,
                "seed": [1, 2],
                "validation_metric": [0.1, 0.12],
                "test_metric": [0.1, 0.12],
            }
        )
        _, row = rerun_cells(replace(comparison, contestants=(replace(one, reruns=reruns),)))
        assert (row[4], row[6], row[7]) == (again, again, "1.41 %")


def with_reruns(comparison, **of_rule):
    """The comparison with re-runs of winners: rule to their errors beside it, NaN if diverged."""
    contestants = []
    for one in comparison.contestants:
        if one.name not in of_rule:
            contestants.append(one)
            continue
        added = np.array(of_rule[one.name], dtype=float)
        reruns = pd.DataFrame(
            {
                "trial": one.winner["trial"],
                "rerun": range(len(added)),
                "status": np.where(np.isnan(added), "INFEASIBLE", "COMPLETE"),
                "seed": range(len(added)),
                "validation_metric": one.winner["validation_metric"] + added,
                "test_metric": one.winner["validation_metric"] + added,
            }
        )
        contestants.append(replace(one, reruns=reruns))
    return replace(comparison, contestants=tuple(contestants))


def test_a_best_trial_that_diverges_with_another_seed_is_not_recommended(comparisons):
    comparison = comparisons[0]
    first, second = (one.name for one in comparison.contestants[:2])
    steady = with_reruns(comparison, **{first: [0.001] * 3, second: [0.2] * 3})
    assert choose_now(steady, ranking(steady))[0].startswith(steady.contestants[0].title)
    nan = math.nan
    some = with_reruns(comparison, **{first: [-0.001, nan, nan, nan], second: [0.2] * 3})
    said = choose_now(some, ranking(some))
    assert said[0].startswith(some.contestants[1].title)
    assert "Of the best trials run again of which none diverged it has the best mean" in said[1]
    luck = best_trials(some)[0].luck
    assert luck.startswith("Run again 4 times with other seeds: 3 diverged, validation ")
    assert luck.endswith(" in the rest. With another seed it may diverge.")
    none = with_reruns(comparison, **{first: [nan, nan], second: [0.2] * 3})
    assert choose_now(none, ranking(none))[0].startswith(some.contestants[1].title)
    assert best_trials(none)[0].luck.endswith("2 diverged, so its result was luck.")
    both = with_reruns(comparison, **{first: [nan, nan], second: [nan]})
    said = choose_now(both, ranking(both))
    assert len(said) == 2 and said[0].startswith(ranking(both).places[0].contestant.title)
    assert "best mean" not in said[1]
    once = best_trials(with_reruns(comparison, **{first: [0.001]}))[0].luck
    assert once.startswith("Run again once with other seeds: validation ")
    assert once.endswith("; one run does not tell how much of it was luck.")


def test_what_of_the_best_was_luck_is_the_same_for_both(comparisons):
    """By hand: 2 points of the winner's validation figure are lost when it runs again."""
    told = []
    for comparison in comparisons:
        one = comparison.contestants[0]
        best = one.winner
        reruns = pd.DataFrame(
            {
                "trial": best["trial"],
                "rerun": [0, 1],
                "status": "COMPLETE",
                "seed": [1, 2],
                "validation_metric": best["validation_metric"] + np.array([0.01, 0.03]),
                "test_metric": [0.3, 0.4],
            }
        )
        (found, *_) = best_trials(
            replace(
                comparison, contestants=(replace(one, reruns=reruns), *comparison.contestants[1:])
            )
        )
        told.append(found.luck)
        assert "Run again 2 times with other seeds" in found.luck
        assert found.luck.endswith("(standard deviation 1.41 %), so about 2.00 pp of it was luck.")
        assert "not known" in best_trials(comparison)[0].luck
    assert told[0] != told[1]
