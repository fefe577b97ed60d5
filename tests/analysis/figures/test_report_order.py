import pytest
from matplotlib.figure import Figure

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import (
    FIGURES,
    boundaries_figure,
    draw_differences,
    draw_forest,
    draw_hyperparameters,
    draw_infeasible,
    draw_parallel,
    draw_rounds,
    draw_statistic,
    draw_steps,
    draw_training_curves,
    draw_tuning_curves,
    infeasible_figure,
    parallel_figure,
    results_figure,
    rounds_figure,
    save,
    training_curves_figure,
    tuning_curves_figure,
)
from tfoptcmp.analysis.statistics.curves import verdict_curve
from tfoptcmp.analysis.statistics.verdicts import all_pairs
from tfoptcmp.rules import DEFAULT_RULES, RULES

TITLES = ["SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "NAdam"]


ONE_COMPARISON = (
    boundaries_figure,
    infeasible_figure,
    parallel_figure,
    rounds_figure,
    training_curves_figure,
    tuning_curves_figure,
)


def test_our_own_studies_have_every_figure(six_rules):
    (comparison,) = read_comparisons(six_rules)
    for figure in FIGURES:
        missing = figure.name in ("rounds", "importance")  # one round, of too few trials
        assert (figure.needs(comparison) == "") != missing
        assert "digits_simple_cnn" in figure.caption_of(comparison)
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)


def test_a_figure_is_left_out_for_what_a_table_does_not_have(tmp_path):
    rows = [f"{name},0.{i}1" for name in ("sgd", "mine") for i in range(1, 7)]
    (tmp_path / "mine.csv").write_text("\n".join(["optimizer,validation", *rows]))
    (comparison,) = read_comparisons(tmp_path / "mine.csv")
    reasons = {figure.name: figure.needs(comparison) for figure in FIGURES}
    assert [name for name, reason in reasons.items() if not reason] == [
        *("forest", "results", "tuning", "infeasible")
    ]
    assert "no target" in reasons["steps"]
    assert "no measurements" in reasons["other_targets"] and "no meas" in reasons["training"]
    assert "no training loss" in reasons["training_loss"]
    assert "known to contain one another" in reasons["inclusions"]
    assert reasons["boundaries"] == reasons["parallel"] != ""
    assert "narrowed in rounds" in reasons["rounds"]


def test_without_feasible_trials_there_is_no_figure(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [], infeasible=3)
    (comparison,) = read_comparisons(tmp_path)
    assert [f.name for f in FIGURES if not f.needs(comparison)] == []


@pytest.mark.parametrize("draw", ONE_COMPARISON, ids=lambda draw: draw.__name__)
def test_every_figure_has_its_face_and_all_optimizers_in_order(
    written, draw, tmp_path, make_signature, write_study
):
    for rule in reversed(DEFAULT_RULES):
        write_study(
            tmp_path / "s",
            make_signature(rule),
            [0.1, 0.2, 0.3, 0.4],
            partial="only 32 images",
            budget={"scale": "smoke"},
        )
    (comparison,) = read_comparisons(tmp_path / "s")
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
    figure = draw(*read_comparisons(tmp_path))
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
    figure = draw(*read_comparisons(tmp_path))
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -0.02
    for axes in figure.axes:
        assert axes.get_ylim()[1] < 1e5


@pytest.mark.parametrize("draw", ONE_COMPARISON, ids=lambda draw: draw.__name__)
def test_nothing_but_infeasible_trials_still_draws(
    written, draw, tmp_path, make_signature, write_study
):
    for rule in ("sgd", "adam"):
        write_study(tmp_path / "s", make_signature(rule), [], infeasible=3)
    (comparison,) = read_comparisons(tmp_path / "s")
    figure = draw(comparison)
    assert "NO FEASIBLE TRIALS" in written(figure)
    save(figure, tmp_path / "f")


def test_saved_twice_the_files_are_equal_and_names_are_no_mathematics(
    tmp_path, make_signature, write_study
):
    write_study(tmp_path / "s", make_signature("sgd"), [0.1] * 4, workload=r"$\frac$")
    for name in ("one", "two"):
        save(results_figure(read_comparisons(tmp_path / "s")), tmp_path / name)
    for suffix in (".png", ".svg"):
        one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
        assert one == two
        assert len(one) > 5000


def test_all_draw_into_axes_of_the_caller(six_rules):
    (comparison,) = read_comparisons(six_rules)
    adam = comparison.contestants[4]
    special, general = comparison.contestants[0], adam
    axes = Figure().subplots(10, 1)
    draw_statistic(axes[0], comparison, "test")
    draw_steps(axes[1], comparison, 0.5)
    draw_infeasible(axes[2], comparison)
    draw_tuning_curves(axes[3], comparison, "validation")
    draw_training_curves(axes[4], comparison)
    draw_hyperparameters(axes[5], comparison, adam)
    draw_parallel(axes[6], comparison, adam)
    draw_differences(
        axes[7], verdict_curve(comparison, special, general, "test"), RULES["adam"].look.colour
    )
    draw_forest(axes[8], all_pairs(comparison))
    draw_rounds(axes[9], comparison, adam)
    for one in axes:
        assert one.has_data()
    for curves in (axes[3], axes[4]):
        assert curves.get_legend_handles_labels()[1] == TITLES
