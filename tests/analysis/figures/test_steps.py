import math

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import other_targets_figure, reached_targets, steps_figure
from tfoptcmp.analysis.statistics.quantities import best_of_k, steps_of_best


def test_steps_and_the_probability_to_get_there(face, six_rules):
    (comparison,) = read_comparisons(six_rules)
    (axes,) = steps_figure([comparison]).axes
    for position, results in enumerate(comparison.contestants):
        steps, reached = best_of_k(results, "steps_to_target", 2).finite()
        (point,) = axes.lines[position].get_xydata()
        assert tuple(point) == pytest.approx((position, steps.mean()))
        assert axes.texts[position].get_text() == f"{reached:.2f}"
    assert "Steps to 25 % classification error" in face(axes)


def test_steps_to_other_targets(six_rules):
    (comparison,) = read_comparisons(six_rules)
    targets = reached_targets(comparison)
    assert targets == sorted(targets, reverse=True)
    figure = other_targets_figure([comparison])
    assert len(figure.axes) == len(targets)
    (axes,) = other_targets_figure([comparison], [0.5]).axes
    steps, _ = steps_of_best(comparison.contestants[0], 0.5, 2).finite()
    assert axes.lines[0].get_ydata()[0] == pytest.approx(steps.mean())
    own = steps_of_best(comparison.contestants[0], 0.25, 2)
    assert own.mean() == best_of_k(comparison.contestants[0], "steps_to_target", 2).mean()


def test_steps_without_a_target_go_to_where_the_worst_ends(
    face, tmp_path, make_signature, write_study
):
    for rule, error in (("sgd", 0.31), ("adam", 0.1)):
        write_study(tmp_path / "s", make_signature(rule), [error] * 4, budget={"target": None})
    (axes,) = steps_figure(read_comparisons(tmp_path / "s")).axes
    assert "Steps to 31 % classification error, where the worst ends (no target here)" in face(axes)
    assert axes.lines[0].get_ydata()[0] == 100  # by hand: SGD gets to 31 % at its last step
    assert axes.lines[1].get_ydata()[0] == 75  # by hand: Adam's 0.9 - 0.8 * 0.75 = 0.3


def test_a_loss_no_better_than_guessing_is_no_target(tmp_path, face, make_signature, write_study):
    losses = {"sgd": 50.0, "momentum": math.log(10), "nadam": 0.5, "adam": 0.1}
    kind = {"metric_unit": "nats", "budget": {"target": None}}
    for rule, loss in losses.items():
        write_study(tmp_path / "s", make_signature(rule), [loss] * 4, **kind)
    (comparison,) = read_comparisons(tmp_path / "s")
    assert reached_targets(comparison) == [0.5, 0.1]
    (axes,) = steps_figure([comparison]).axes
    assert "Steps to 0.5 nats" in face(axes)
    assert [text.get_text() for text in axes.texts if text.get_text()[0] in "01"] == [
        "0.00", "0.00", "1.00", "1.00"
    ]  # fmt: skip
    write_study(tmp_path / "lost", make_signature("sgd"), [50.0] * 4, **kind)
    with pytest.raises(ValueError, match="a feasible trial better than guessing; got neither"):
        steps_figure(read_comparisons(tmp_path / "lost"))


def test_an_error_worse_than_guessing_is_a_target(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.95] * 4)
    (comparison,) = read_comparisons(tmp_path)
    assert reached_targets(comparison) == [0.95]


def test_steps_with_neither_target_nor_trial_are_refused(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [], infeasible=1, budget={"target": None})
    said = "a target, or a feasible trial better than guessing; got neither for 'digits_"
    with pytest.raises(ValueError, match=said):
        steps_figure(read_comparisons(tmp_path))


def test_other_targets_have_a_row_for_each_comparison(six_rules):
    (comparison,) = read_comparisons(six_rules)
    figure = other_targets_figure([comparison, comparison], [0.5, 0.4])
    places = [axes.get_subplotspec() for axes in figure.axes]
    assert [(p.rowspan.start, p.colspan.start) for p in places] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_steps_that_a_table_reports_need_neither_target_nor_measurements(tmp_path, face):
    rows = [f"sgd,0.1,{steps}" for steps in (40, 40, "")] + ["adam,0.1,20"] * 3
    (tmp_path / "mine.csv").write_text("\n".join(["optimizer,validation,steps_to_target", *rows]))
    (axes,) = steps_figure(read_comparisons(tmp_path / "mine.csv")).axes
    assert [line.get_ydata()[0] for line in axes.lines[:2]] == [40, 20]
    # By hand: with two draws of three, one of which did not get there.
    assert [text.get_text() for text in axes.texts[:2]] == ["0.89", "1.00"]
    assert face(axes).startswith("Steps to the target")
