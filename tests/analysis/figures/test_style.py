from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures.style import (
    budget_ticks,
    folded,
    style_of,
    styles,
    symmetric_axis,
)


def test_signatures_of_one_rule_share_its_look_and_differ_in_line(
    tmp_path, make_signature, write_study
):
    for name in ("adam", "adam_a", "adam_b"):
        write_study(tmp_path, make_signature("adam", name=name), [0.1, 0.2])
    write_study(tmp_path, make_signature("sgd", name="sgd_b"), [0.1, 0.2])
    (comparison,) = read_comparisons(tmp_path)
    of_sgd, *of_adam = styles(comparison)
    assert (of_sgd.line, of_sgd.fill) == ("-", "white")  # not SGD's plain signature
    assert {style.colour for style in of_adam} == {comparison.contestants[1].rule.look.colour}
    assert [style.line for style in of_adam] == ["-", "--", ":"]
    assert [style.fill == style.colour for style in of_adam] == [True, False, False]
    assert style_of(comparison, comparison.contestants[2]) == of_adam[1]


def test_of_other_tools_the_first_of_each_rule_and_all_unknown_ones_are_filled(six_rules):
    (comparison,) = read_comparisons(six_rules)
    sgd = comparison.contestants[0]
    names = {"SGD": sgd.rule, "SGD 2": sgd.rule, "mine": None, "yours": None}
    others = [replace(sgd, name=name, rule=rule, record=None) for name, rule in names.items()]
    drawn = styles(replace(comparison, contestants=tuple(others)))
    assert [style.fill == style.colour for style in drawn] == [True, False, True, True]
    assert [style.line for style in drawn] == ["-", "--", "-", "-"]


def test_long_names_are_broken_after_their_signs():
    assert folded("adam_with_a_very_long_name") == "adam_with_a_very_\nlong_name"
    assert folded("short") == "short"


def test_an_axis_of_small_differences_has_ticks_on_both_sides():
    axes = Figure().subplots()
    symmetric_axis(axes, "x", 4.5, (-3.0, 1.0))
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert min(ticks) < -1
    assert max(ticks) > 0
    assert 0 in ticks


@pytest.mark.parametrize(
    ("most", "by_hand"),
    [
        (1, [1]),
        (100, [1, 2, 5, 10, 20, 50, 100]),
        (500, [1, 2, 5, 10, 20, 50, 100, 200, 500]),
        (8333, [1, 10, 100, 1000]),
    ],
)
def test_budgets_are_named_as_far_as_there_is_room(most, by_hand):
    assert budget_ticks(most) == by_hand
