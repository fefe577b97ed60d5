import pytest
from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import compare
from tfoptcmp.analysis.figures import (
    boundaries_figure,
    draw_differences,
    draw_hyperparameters,
    draw_infeasible,
    draw_parallel,
    draw_statistic,
    draw_steps,
    draw_training_curves,
    draw_tuning_curves,
    inclusions_figure,
    infeasible_figure,
    other_targets_figure,
    parallel_figure,
    protocols_figure,
    results_figure,
    save,
    steps_figure,
    training_curves_figure,
    training_loss_figure,
    tuning_curves_figure,
)
from tfoptcmp.analysis.figures.infeasible import share_interval
from tfoptcmp.analysis.figures.steps import reached_targets
from tfoptcmp.analysis.figures.style import COLOURS
from tfoptcmp.analysis.statistics.best_of_k import budget_curve
from tfoptcmp.analysis.statistics.curves import verdict_curve
from tfoptcmp.analysis.statistics.quantities import best_of_k, steps_of_best
from tfoptcmp.rules import DEFAULT_RULES

TITLES = ["SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "NAdam"]


def face(axes):
    """What is written above the axes, as one text."""
    return " ".join(text.get_text() for text in reversed(axes.texts))


def test_every_rule_has_a_colour_of_its_own():
    assert list(COLOURS) == list(DEFAULT_RULES)
    assert len(set(COLOURS.values())) == len(DEFAULT_RULES)


def test_labels_order_and_face(six_rules):
    figure = results_figure(compare(six_rules))
    validation, test = figure.axes
    assert [label.get_text() for label in test.get_xticklabels()] == TITLES
    assert validation.get_ylabel() == "validation\nclassification error, %"
    assert test.get_ylabel() == "test\nclassification error, %"
    assert face(validation) == (
        "digits_simple_cnn scale cpu, 100 steps of 64 examples N = 10 feasible trials, K = 2"
    )


def test_points_and_bars_are_the_statistics(six_rules):
    comparisons = compare(six_rules)
    test = results_figure(comparisons).axes[1]
    for position, results in enumerate(comparisons[0].studies):
        known = best_of_k(results, "test", 2)
        (point,) = test.lines[position].get_xydata()
        assert tuple(point) == pytest.approx((position, 100 * known.mean()))
        (bar,) = test.collections[position].get_segments()
        ends = [100 * known.percentile(5), 100 * known.percentile(95)]
        assert list(bar[:, 1]) == pytest.approx(ends)
        assert test.lines[position].get_color() == COLOURS[results.signature.rule.name]


def test_warnings_stand_on_the_face(tmp_path, make_signature, write_study):
    write_study(
        tmp_path,
        make_signature("sgd"),
        [0.1, 0.2, 0.3],
        partial="only 32 images",
        budget={"scale": "smoke"},
    )
    written = face(results_figure(compare(tmp_path)).axes[0])
    assert "PARTIAL DATA: only 32 images" in written
    assert "SMOKE SCALE" in written
    assert "DESCRIPTIVE ONLY" in written  # K = 2 > 3/2


def test_rule_without_value_and_workload_without_test(tmp_path, make_signature, write_study):
    splits = {"train": 10, "validation": 10}
    write_study(tmp_path, make_signature("sgd"), [0.1] * 4, num_examples=splits)
    write_study(
        tmp_path, make_signature("adam"), [], infeasible=2, num_examples=splits, num_feasible=4
    )
    (axes,) = results_figure(compare(tmp_path)).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["SGD", "Adam"]
    assert "no feasible trial" in face(axes)


def test_workload_without_test_beside_one_that_has_it(tmp_path, make_signature, write_study):
    write_study(tmp_path / "a", make_signature("sgd"), [0.1] * 4)
    splits = {"train": 10, "validation": 10}
    write_study(tmp_path / "b", make_signature("sgd"), [0.1] * 4, num_examples=splits)
    figure = results_figure([*compare(tmp_path / "a"), *compare(tmp_path / "b")])
    without = figure.axes[3]
    assert "no test data" in face(without)
    assert list(without.get_yticks()) == []


def test_faces_of_different_heights_begin_at_one_height(tmp_path, make_signature, write_study):
    write_study(tmp_path / "a", make_signature("sgd"), [0.1] * 4)
    write_study(tmp_path / "b", make_signature("sgd"), [0.1] * 4, partial="only 32 images")
    figure = results_figure([*compare(tmp_path / "a"), *compare(tmp_path / "b")])
    tops = [
        max(t.xyann[1] for t in axes.texts if t.get_weight() == "bold") for axes in figure.axes[:2]
    ]
    assert tops[0] == tops[1]


def test_saved_twice_the_files_are_equal_and_names_are_no_mathematics(
    tmp_path, make_signature, write_study
):
    write_study(tmp_path / "s", make_signature("sgd"), [0.1] * 4, workload=r"$\frac$")
    for name in ("one", "two"):
        save(results_figure(compare(tmp_path / "s")), tmp_path / name)
    for suffix in (".png", ".svg"):
        one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
        assert one == two
        assert len(one) > 5000


ONE_COMPARISON = (
    boundaries_figure,
    infeasible_figure,
    parallel_figure,
    training_curves_figure,
    tuning_curves_figure,
)


def written(figure):
    """Everything that a figure says, as one text."""
    texts = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        texts += [text.get_text() for text in axes.texts]
        texts += [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
        texts += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
    return " ".join(texts).replace("\n", " ")


@pytest.mark.parametrize("draw", ONE_COMPARISON, ids=lambda draw: draw.__name__)
def test_every_figure_has_its_face_and_all_optimizers_in_order(
    draw, tmp_path, make_signature, write_study
):
    for rule in reversed(DEFAULT_RULES):
        write_study(
            tmp_path / "s",
            make_signature(rule),
            [0.1, 0.2, 0.3, 0.4],
            partial="only 32 images",
            budget={"scale": "smoke"},
        )
    (comparison,) = compare(tmp_path / "s")
    figure = draw(comparison)
    text = written(figure)
    for expected in ("digits_simple_cnn", "N = 4 feasible trials, K = 2", "PARTIAL DATA", "SMOKE"):
        assert expected in text
    notes = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    body = text.removeprefix(notes)
    starts = [body.index(title) for title in TITLES]
    assert starts == sorted(starts)
    assert all(path.stat().st_size > 5000 for path in save(figure, tmp_path / "f", ("svg", "pdf")))


@pytest.mark.parametrize("draw", ONE_COMPARISON, ids=lambda draw: draw.__name__)
def test_nothing_is_cut_off(draw, tmp_path, make_signature, write_study):
    names = [("sgd", "sgd"), ("adam", "adam_with_a_very_long_descriptive_name_2024")]
    for rule, name in names:
        signature = make_signature(rule, name=name)
        write_study(tmp_path, signature, [0.1, 0.2], infeasible=3, workload="w" * 30)
    figure = draw(*compare(tmp_path))
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 >= -0.02
    assert box.y0 >= -0.02
    assert box.x1 <= width + 0.02
    assert box.y1 <= height + 0.02


@pytest.mark.parametrize("draw", ONE_COMPARISON, ids=lambda draw: draw.__name__)
def test_nothing_is_cut_off_by_huge_losses(draw, tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [6.0, 6.1, 7.0], metric_unit="nats")
    write_study(tmp_path, make_signature("rmsprop"), [6.2, 1e13, 2.54e14], metric_unit="nats")
    figure = draw(*compare(tmp_path))
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -0.02
    for axes in figure.axes:
        assert axes.get_ylim()[1] < 1e5


def test_differences_to_huge_losses_are_cut_and_single_ones_drawn(
    tmp_path, make_signature, write_study
):
    write_study(tmp_path, make_signature("sgd"), [6.0, 6.1, 7.0], metric_unit="nats")
    write_study(tmp_path, make_signature("rmsprop"), [6.2, 1e13, 2.54e14], metric_unit="nats")
    (comparison,) = compare(tmp_path)
    special, general = comparison.studies
    curve = (special, general, verdict_curve(special, general, "test"))
    (axes,) = inclusions_figure(comparison, "test", [curve]).axes
    assert len(curve[2]) == 1  # k = 1 alone is at most half of three
    assert axes.get_ylim()[1] == pytest.approx(1e4 * 4 * 0.01)  # theory: delta is 0.01 nats
    assert len(axes.get_yticks()) <= 9
    assert axes.collections[-1].get_segments()[0][1, 1] > 1e12  # the bar goes on above


@pytest.mark.parametrize("draw", ONE_COMPARISON, ids=lambda draw: draw.__name__)
def test_nothing_but_infeasible_trials_still_draws(draw, tmp_path, make_signature, write_study):
    for rule in ("sgd", "adam"):
        write_study(tmp_path / "s", make_signature(rule), [], infeasible=3)
    (comparison,) = compare(tmp_path / "s")
    figure = draw(comparison)
    assert "NO FEASIBLE TRIALS" in written(figure)
    save(figure, tmp_path / "f")


def test_steps_and_the_probability_to_get_there(six_rules):
    (comparison,) = compare(six_rules)
    (axes,) = steps_figure([comparison]).axes
    for position, results in enumerate(comparison.studies):
        steps, reached = best_of_k(results, "steps_to_target", 2).finite()
        (point,) = axes.lines[position].get_xydata()
        assert tuple(point) == pytest.approx((position, steps.mean()))
        assert axes.texts[position].get_text() == f"{reached:.2f}"
    assert "Steps to 25 % classification error" in face(axes)


def test_steps_to_other_targets(six_rules):
    (comparison,) = compare(six_rules)
    targets = reached_targets(comparison)
    assert targets == sorted(targets, reverse=True)
    figure = other_targets_figure([comparison])
    assert len(figure.axes) == len(targets)
    (axes,) = other_targets_figure([comparison], [0.5]).axes
    steps, _ = steps_of_best(comparison.studies[0], 0.5, 2).finite()
    assert axes.lines[0].get_ydata()[0] == pytest.approx(steps.mean())
    own = steps_of_best(comparison.studies[0], 0.25, 2)
    assert own.mean() == best_of_k(comparison.studies[0], "steps_to_target", 2).mean()


def test_steps_without_a_target_go_to_where_the_worst_ends(tmp_path, make_signature, write_study):
    for rule, error in (("sgd", 0.31), ("adam", 0.1)):
        write_study(tmp_path / "s", make_signature(rule), [error] * 4, budget={"target": None})
    (axes,) = steps_figure(compare(tmp_path / "s")).axes
    assert "Steps to 31 % classification error, where the worst ends (no target here)" in face(axes)
    assert axes.lines[0].get_ydata()[0] == 100  # by hand: SGD gets to 31 % at its last step
    assert axes.lines[1].get_ydata()[0] == 75  # by hand: Adam's 0.9 - 0.8 * 0.75 = 0.3


def test_steps_with_neither_target_nor_trial_are_refused(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [], infeasible=1, budget={"target": None})
    with pytest.raises(ValueError, match="a target or a feasible trial; got neither for 'digits_"):
        steps_figure(compare(tmp_path))


def test_other_targets_have_a_row_for_each_comparison(six_rules):
    (comparison,) = compare(six_rules)
    figure = other_targets_figure([comparison, comparison], [0.5, 0.4])
    places = [axes.get_subplotspec() for axes in figure.axes]
    assert [(p.rowspan.start, p.colspan.start) for p in places] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_training_loss_is_selected_by_itself(six_rules):
    (comparison,) = compare(six_rules)
    (axes,) = training_loss_figure([comparison]).axes
    known = best_of_k(comparison.studies[0], "train_loss", 2)
    assert axes.lines[0].get_ydata()[0] == pytest.approx(known.mean())
    assert axes.get_ylabel() == "final training loss, nats"


def test_protocols_stand_side_by_side_on_one_axis(six_rules):
    (comparison,) = compare(six_rules)
    columns = [("learning rate only", comparison), ("everything", comparison)]
    figure = protocols_figure(columns)
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert face(left).startswith("learning rate only digits_simple_cnn, scale cpu")
    assert left.get_ylabel() == "test\nclassification error, %"
    with pytest.raises(ValueError, match="at least one protocol"):
        protocols_figure([])


def test_tuning_curves_are_exact(six_rules):
    (comparison,) = compare(six_rules)
    axes = tuning_curves_figure(comparison, "validation").axes[0]
    errors = comparison.studies[0].feasible["validation_metric"]
    curve = budget_curve(errors, errors)
    solid = next(line for line in axes.lines if line.get_color() == COLOURS["sgd"])
    assert list(solid.get_ydata()) == pytest.approx(list(100 * curve.mean[:5]))  # k <= N/2


def test_huge_loss_does_not_move_the_point(tmp_path, make_signature, write_study):
    errors = [2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 1e29]
    write_study(tmp_path, make_signature("sgd"), errors, metric_unit="nats")
    (comparison,) = compare(tmp_path, tuning_budget=3)
    axes = results_figure([comparison]).axes[0]
    known = best_of_k(comparison.studies[0], "validation", 3)
    assert known.mean() > 1e20
    assert axes.lines[0].get_ydata()[0] == known.percentile(50)
    assert boundaries_figure(comparison).axes[0].get_ylim()[1] < 10


def test_all_draw_into_axes_of_the_caller(six_rules):
    (comparison,) = compare(six_rules)
    adam = comparison.studies[4]
    special, general = comparison.studies[0], adam
    axes = Figure().subplots(8, 1)
    draw_statistic(axes[0], comparison, "test")
    draw_steps(axes[1], comparison, 0.5)
    draw_infeasible(axes[2], comparison)
    draw_tuning_curves(axes[3], comparison, "validation")
    draw_training_curves(axes[4], comparison)
    draw_hyperparameters(axes[5], comparison, adam)
    draw_parallel(axes[6], comparison, adam)
    draw_differences(axes[7], verdict_curve(special, general, "test"), COLOURS["adam"])
    for one in axes:
        assert one.has_data()
    for curves in (axes[3], axes[4]):
        assert curves.get_legend_handles_labels()[1] == TITLES


def test_equal_values_have_no_offset_above_the_axis(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [1.0] * 4)
    (comparison,) = compare(tmp_path)
    axes = boundaries_figure(comparison).axes[0]
    axes.figure.draw_without_rendering()
    assert axes.yaxis.get_offset_text().get_text() == ""


def test_what_would_hide_the_rest_ends_in_a_triangle(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [6.0] * 4, metric_unit="nats")
    write_study(tmp_path, make_signature("momentum"), [6.0] * 4, metric_unit="nats")
    write_study(tmp_path, make_signature("rmsprop"), [6.0, 1e3, 1e14, 1e14], metric_unit="nats")
    axes = results_figure(compare(tmp_path)).axes[0]
    assert axes.get_ylim()[1] < 1e3
    triangles = [line for line in axes.lines if line.get_marker() == "^"]
    assert [tuple(*line.get_xydata()) for line in triangles] == [(2, 600)]  # by hand: 100 * 6
    assert axes.lines[2].get_ydata()[0] == 600  # the median of the best of two, cut


def test_share_interval_by_hand():
    low, high = share_interval(0, 10)
    assert low == 0
    assert high == pytest.approx(1.6449**2 / (10 + 1.6449**2))  # theory
    assert share_interval(5, 10) == pytest.approx((0.2693, 0.7307), abs=1e-3)  # recorded
    assert share_interval(9, 9)[1] == 1
