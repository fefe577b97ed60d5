import pytest

from tfoptcmp.analysis.comparisons import compare
from tfoptcmp.analysis.figures import results_figure, save
from tfoptcmp.analysis.figures.style import COLOURS
from tfoptcmp.analysis.statistics import best_of_k
from tfoptcmp.signatures import RULES

TITLES = ["SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "NAdam"]


def face(axes):
    """What is written above the axes, as one text."""
    return " ".join(text.get_text() for text in reversed(axes.texts))


def test_every_rule_has_a_colour_of_its_own():
    assert list(COLOURS) == list(RULES)
    assert len(set(COLOURS.values())) == len(RULES)


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
    assert "no value" in face(axes)


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
