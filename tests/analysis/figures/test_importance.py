"""The figure and the table of which hyperparameters matter."""

import re
from pathlib import Path

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import importance_figure
from tfoptcmp.analysis.figures.importance import IMPORTANCE
from tfoptcmp.analysis.ranges.importance import importances_in
from tfoptcmp.analysis.report.importance import importance_cells

RESULTS = Path(__file__).parents[3] / "results/cpu/digits_simple_cnn"


@pytest.fixture(scope="module")
def comparison():
    (found,) = read_comparisons(RESULTS / "initial-quasirandom")
    return found


def test_table_and_figure_show_the_same(comparison):
    heading, *rows = importance_cells(comparison)
    assert len(heading) == 5
    figure = importance_figure(comparison)
    drawn = {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")}
    for one, row in zip(comparison.contestants, rows, strict=True):
        found = importances_in(comparison, one)
        first = found.each[0]
        assert row[0] == one.title
        assert row[1].startswith(f"{first.name} {first.share:.0%} [")
        bars = drawn[one.title].patches
        assert [bar.get_width() for bar in bars] == [each.share for each in found.each]
        low, high = map(float, re.search(r"\[(\d+), (\d+)\]", row[1]).groups())
        assert low <= 100 * first.share + 0.5
        assert high >= 100 * first.share - 0.5
    # The rate matters most for every rule in the wide space.
    assert all(row[1].startswith(("eta0", "alpha0")) for row in rows)


def test_where_nothing_can_be_told_it_says_so():
    (comparison,) = read_comparisons(RESULTS / "refined-quasirandom")
    rows = {row[0]: row for row in importance_cells(comparison)[1:]}
    assert rows["Adam"][1] == "nothing can be told"
    assert rows["SGD"][1].startswith("eta0")
    texts = [text.get_text() for axes in importance_figure(comparison).axes for text in axes.texts]
    assert texts.count("no pattern to be told") == 3
    assert IMPORTANCE.needs(comparison) == ""
