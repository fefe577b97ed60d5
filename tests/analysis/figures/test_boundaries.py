from dataclasses import replace

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import boundaries_figure, parallel_figure, save
from tfoptcmp.analysis.figures.style import WARNING_COLOUR
from tfoptcmp.spaces import LogUniform


def test_equal_values_have_no_offset_above_the_axis(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [1.0] * 4)
    (comparison,) = read_comparisons(tmp_path)
    axes = boundaries_figure(comparison).axes[0]
    axes.figure.draw_without_rendering()
    assert axes.yaxis.get_offset_text().get_text() == ""


def test_published_epsilons_are_those_of_the_rules_compared(six_rules, written):
    (comparison,) = read_comparisons(six_rules)
    said = written(boundaries_figure(comparison))
    assert "RMSProp 1 Szegedy et al. 2016" in said
    assert "Adam 1e-06 Liu et al. 2019" in said
    assert "NAdam 1e-06" not in said  # Adam's are already there
    plain = replace(comparison, contestants=comparison.contestants[:3])
    assert "triangles at the bottom" not in written(boundaries_figure(plain))


def test_a_published_epsilon_stands_where_it_was_searched(tmp_path, make_signature, write_study):
    narrow = {"epsilon": LogUniform(low=1e-8, high=1e-4)}
    write_study(tmp_path, make_signature("adam", **narrow), [0.1, 0.2, 0.3])
    (comparison,) = read_comparisons(tmp_path)
    axes = boundaries_figure(comparison).axes[0]
    (triangles,) = [line for line in axes.lines if line.get_ydata()[0] == 0.04]
    # By hand: epsilon is the fourth of the row; 1e-6 is in the middle, 1.5e-4 is not in the range.
    assert list(triangles.get_xdata()) == pytest.approx([3.5])


def test_edges_are_named_with_two_digits(tmp_path, make_signature, write_study, written):
    narrow = LogUniform(low=1.4e-3, high=0.35)
    write_study(tmp_path, make_signature("sgd", eta0=narrow), [0.1] * 4)
    said = written(boundaries_figure(*read_comparisons(tmp_path)))
    assert "0.0014" in said and "0.35" in said


@pytest.mark.parametrize("draw", [boundaries_figure, parallel_figure])
def test_many_trials_are_pixels_and_few_are_shapes(draw, six_rules, tmp_path, monkeypatch):
    (comparison,) = read_comparisons(six_rules)
    images = []
    for most in (10_000, 10):  # six optimizers with 10 trials each
        monkeypatch.setattr("tfoptcmp.analysis.figures.style._MOST_SHAPES", most)
        (svg,) = save(draw(comparison), tmp_path / f"{most}", ("svg",))
        images.append(svg.read_text().count("<image"))
    assert images[0] == 0
    assert images[1] >= 6


def test_an_optimizer_without_a_trial_has_an_empty_row(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.1, 0.2, 0.3])
    write_study(tmp_path, make_signature("adam"), [])
    (comparison,) = read_comparisons(tmp_path)
    sgd, adam = boundaries_figure(comparison).axes
    assert any(len(line.get_xdata()) for line in sgd.lines)
    assert not any(
        len(line.get_xdata()) for line in adam.lines if line.get_color() != WARNING_COLOUR
    )
