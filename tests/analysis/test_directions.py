"""A metric that is maximised and its complement that is minimised are one comparison."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tfoptcmp.analysis import load_studies
from tfoptcmp.analysis.audit.checks import audit
from tfoptcmp.analysis.figures.report_order import FIGURES
from tfoptcmp.analysis.ranges.narrowing import next_spaces
from tfoptcmp.analysis.report.as_json import as_json
from tfoptcmp.analysis.report.tables import STYLES, best_rows, format_table, rerun_cells
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.analysis.statistics.ranking import ranking

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


NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
DIRECTIONS = ("lower is better", "higher is better; of losses and steps lower ones are")


def check_same_text(low, high):
    """Compares two texts, in which percentages may add up to 100."""
    low = low.replace(DIRECTIONS[0], DIRECTIONS[1]).replace("or less", "or more")
    low = low.replace("Lowest", "Highest")
    assert _words(low) == _words(high)
    numbers = set(map(float, NUMBER.findall(low)))
    for number in map(float, NUMBER.findall(high)):
        known = (*numbers, *(100 - n for n in numbers))
        assert min(abs(number - n) for n in known) < 1e-9, (low, high)


def _words(text):
    """Without numbers, and without the widths of columns, which follow from them."""
    return re.sub(r"[-\s]+", " ", NUMBER.sub("#", text))


def test_the_report_says_the_same(comparisons):
    low, high = (json.loads(as_json([one], audit([one]))) for one in comparisons)
    assert len({pair["verdict"] for pair in low["comparisons"][0]["pairs"]}) > 1
    check_same(low, high)


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
