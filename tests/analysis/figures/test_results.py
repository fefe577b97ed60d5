import math

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import (
    boundaries_figure,
    forest_figure,
    inclusions_figure,
    protocols_figure,
    results_figure,
    training_loss_figure,
    tuning_curves_figure,
)
from tfoptcmp.analysis.figures.results import how_to_read
from tfoptcmp.analysis.report.tables import best_rows
from tfoptcmp.analysis.statistics.quantities import best_of_k

TITLES = ["SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "NAdam"]


def test_labels_order_and_face(face, six_rules):
    figure = results_figure(read_comparisons(six_rules))
    validation, test = figure.axes
    assert [label.get_text() for label in test.get_xticklabels()] == TITLES
    assert validation.get_ylabel() == "validation\nclassification error, %"
    assert test.get_ylabel() == "test\nclassification error, %"
    assert face(validation) == (
        "digits_simple_cnn scale cpu, 100 steps of 64 examples N = 10 feasible trials, K = 2 "
        "NO VERDICTS: N = 10 feasible trials are too few; K = 2 needs 20"
    )


def test_points_and_bars_are_the_statistics(six_rules):
    comparisons = read_comparisons(six_rules)
    test = results_figure(comparisons).axes[1]
    for position, results in enumerate(comparisons[0].contestants):
        known = best_of_k(results, "test", 2)
        (point,) = test.lines[position].get_xydata()
        assert tuple(point) == pytest.approx((position, 100 * known.mean()))
        (bar,) = test.collections[position].get_segments()
        ends = [100 * known.percentile(5), 100 * known.percentile(95)]
        assert list(bar[:, 1]) == pytest.approx(ends)
        assert test.lines[position].get_color() == results.look.colour


def test_warnings_stand_on_the_face(face, tmp_path, make_signature, write_study):
    write_study(
        tmp_path,
        make_signature("sgd"),
        [0.1, 0.2, 0.3],
        partial="only 32 images",
        budget={"scale": "smoke"},
    )
    written = face(results_figure(read_comparisons(tmp_path)).axes[0])
    assert "PARTIAL DATA: only 32 images" in written
    assert "SMOKE SCALE" in written
    assert "NO VERDICTS: N = 3" in written


def test_rule_without_value_and_workload_without_test(face, tmp_path, make_signature, write_study):
    splits = {"train": 10, "validation": 10}
    write_study(tmp_path, make_signature("sgd"), [0.1] * 4, num_examples=splits)
    write_study(
        tmp_path, make_signature("adam"), [], infeasible=2, num_examples=splits, num_feasible=4
    )
    (axes,) = results_figure(read_comparisons(tmp_path)).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["SGD", "Adam"]
    assert "no feasible trial" in face(axes)


def test_workload_without_test_beside_one_that_has_it(face, tmp_path, make_signature, write_study):
    write_study(tmp_path / "a", make_signature("sgd"), [0.1] * 4)
    splits = {"train": 10, "validation": 10}
    write_study(tmp_path / "b", make_signature("sgd"), [0.1] * 4, num_examples=splits)
    figure = results_figure([*read_comparisons(tmp_path / "a"), *read_comparisons(tmp_path / "b")])
    without = figure.axes[3]
    assert "no test data" in face(without)
    assert list(without.get_yticks()) == []


def test_faces_of_different_heights_begin_at_one_height(tmp_path, make_signature, write_study):
    write_study(tmp_path / "a", make_signature("sgd"), [0.1] * 4)
    write_study(tmp_path / "b", make_signature("sgd"), [0.1] * 4, partial="only 32 images")
    figure = results_figure([*read_comparisons(tmp_path / "a"), *read_comparisons(tmp_path / "b")])
    tops = [
        max(t.xyann[1] for t in axes.texts if t.get_weight() == "bold") for axes in figure.axes[:2]
    ]
    assert tops[0] == tops[1]


def test_training_loss_is_selected_by_itself(six_rules):
    (comparison,) = read_comparisons(six_rules)
    (axes,) = training_loss_figure([comparison]).axes
    known = best_of_k(comparison.contestants[0], "train_loss", 2)
    assert axes.lines[0].get_ydata()[0] == pytest.approx(known.mean())
    assert axes.get_ylabel() == "final training loss, nats"


def test_huge_loss_does_not_move_the_point(tmp_path, make_signature, write_study):
    errors = [2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 1e29]
    nats = {"metric_unit": "nats", "num_classes": None}  # what guessing gives is not known
    write_study(tmp_path, make_signature("sgd"), errors, **nats)
    (comparison,) = read_comparisons(tmp_path, tuning_budget=3)
    axes = results_figure([comparison]).axes[0]
    known = best_of_k(comparison.contestants[0], "validation", 3)
    assert known.mean() > 1e20
    assert axes.lines[0].get_ydata()[0] == known.percentile(50)
    assert boundaries_figure(comparison).axes[0].get_ylim()[1] < 10


def test_what_is_worse_than_guessing_counts_as_that_as_in_the_table(
    tmp_path, make_signature, write_study, six_rules
):
    write_study(tmp_path, make_signature("sgd"), [1.0, 1.0, 5.0, 1e29], metric_unit="nats")
    (comparison,) = read_comparisons(tmp_path, tuning_budget=1)
    figure = results_figure([comparison])
    (row,) = best_rows(comparison)
    assert row["validation_mean"] == pytest.approx((1 + math.log(10)) / 2)  # by hand
    assert figure.axes[0].lines[0].get_ydata()[0] == pytest.approx(row["validation_mean"])
    said = "what is worse than guessing counts as guessing"
    assert " ".join(figure.get_supxlabel().split()).endswith(said)
    below = (text.get_text() for text in tuning_curves_figure(comparison).texts)
    assert any(said in " ".join(text.split()) for text in below)
    (of_errors,) = read_comparisons(six_rules)
    assert said not in how_to_read([of_errors], "test")  # they end at 1
    assert how_to_read([comparison, of_errors], "test").endswith(f"{said} (digits_simple_cnn)")
    in_full = protocols_figure([("all", comparison)], "train_loss")
    assert said not in " ".join(in_full.get_supxlabel().split())
    assert said not in " ".join(training_loss_figure([comparison]).get_supxlabel().split())


def test_differences_say_how_their_axis_goes_on_and_what_counts(
    tmp_path, make_signature, write_study
):
    for rule, loss in (("sgd", 1.0), ("momentum", 1e29)):
        losses = [loss + 0.001 * i for i in range(40)]
        write_study(tmp_path, make_signature(rule), losses, metric_unit="nats")
    (comparison,) = read_comparisons(tmp_path)
    for figure in (forest_figure(comparison), inclusions_figure(comparison)):
        below = " ".join(" ".join(text.get_text() for text in figure.texts).split())
        assert "axis of differences: logarithmic beyond 0.04; what is worse than guessing" in below
        assert "symlog" in (figure.axes[0].get_xscale(), figure.axes[0].get_yscale())


def test_what_would_hide_the_rest_ends_in_a_triangle(tmp_path, make_signature, write_study):
    nats = {"metric_unit": "nats", "num_classes": None}
    write_study(tmp_path, make_signature("sgd"), [6.0] * 4, **nats)
    write_study(tmp_path, make_signature("momentum"), [6.0] * 4, **nats)
    write_study(tmp_path, make_signature("rmsprop"), [6.0, 1e3, 1e14, 1e14], **nats)
    axes = results_figure(read_comparisons(tmp_path)).axes[0]
    assert axes.get_ylim()[1] < 1e3
    triangles = [line for line in axes.lines if line.get_marker() == "^"]
    assert [tuple(*line.get_xydata()) for line in triangles] == [(2, 600)]  # by hand: 100 * 6
    assert axes.lines[2].get_ydata()[0] == 600  # the median of the best of two, cut


def test_protocols_stand_side_by_side_on_one_axis(face, six_rules):
    (comparison,) = read_comparisons(six_rules)
    columns = [("learning rate only", comparison), ("everything", comparison)]
    figure = protocols_figure(columns)
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert face(left).startswith("learning rate only digits_simple_cnn, scale cpu")
    assert left.get_ylabel() == "test\nclassification error, %"
    with pytest.raises(ValueError, match="at least one protocol"):
        protocols_figure([])


def test_a_protocol_without_results_leaves_the_axis_to_the_others(
    tmp_path, make_signature, write_study
):
    write_study(tmp_path / "a", make_signature("sgd"), [])
    write_study(tmp_path / "b", make_signature("sgd"), [0.1, 0.12, 0.14, 0.16])
    pair = [*read_comparisons(tmp_path / "a"), *read_comparisons(tmp_path / "b")]
    figure = protocols_figure([("rate", pair[0]), ("everything", pair[1])])
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_ylim()
    shown = [tick for tick in figure.axes[0].get_yticks() if low <= tick <= high]
    assert len(shown) > 1
    labels = figure.axes[0].get_yticklabels()
    assert any(label.get_text() for label in labels)


def test_where_only_test_results_are_known_nothing_is_called_validation(tmp_path):
    rows = [f"sgd,{i}.5" for i in range(4)]
    (tmp_path / "mine.csv").write_text("\n".join(["optimizer,test", *rows]))
    (axes,) = results_figure(read_comparisons(tmp_path / "mine.csv")).axes
    assert axes.get_ylabel() == "test\nmetric"
