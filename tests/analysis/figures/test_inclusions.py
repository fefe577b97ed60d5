import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import forest_figure, inclusions_figure
from tfoptcmp.analysis.statistics.curves import verdict_curve


def test_differences_to_huge_losses_are_cut_and_single_ones_drawn(
    tmp_path, make_signature, write_study
):
    write_study(
        tmp_path,
        make_signature("sgd"),
        [6.0, 6.1, 7.0, 7.1, 7.2],
        metric_unit="nats",
        num_classes=None,
    )
    write_study(
        tmp_path,
        make_signature("rmsprop"),
        [6.2, 1e13, 2.54e14, 3e14, 3e14],
        metric_unit="nats",
        num_classes=None,
    )
    (comparison,) = read_comparisons(tmp_path)
    special, general = comparison.contestants
    curve = (special, general, verdict_curve(comparison, special, general, "test"))
    (axes,) = inclusions_figure(comparison, "test").axes
    assert len(curve[2]) == 1  # k = 1 alone is at most a fifth of five
    assert axes.get_ylim()[1] == pytest.approx(1.05 * 1e4 * 4 * 0.01)  # theory: delta is 0.01 nats
    assert len(axes.get_yticks()) <= 9
    assert axes.collections[-1].get_segments()[0][1, 1] > 1e12  # the bar continues above


@pytest.mark.parametrize("figure", [forest_figure, inclusions_figure])
def test_why_there_is_no_pair_is_said_of_the_statistic_that_was_asked_for(figure, tmp_path):
    table = tmp_path / "results.csv"
    rows = "".join(f"{one},0.{i}\n" for one in ("sgd", "momentum") for i in range(10, 30))
    table.write_text(f"optimizer,validation\n{rows}")
    (comparison,) = read_comparisons(table)
    assert figure(comparison).axes
    with pytest.raises(ValueError, match="fewer than two optimizers have results: training loss"):
        figure(comparison, "train_loss")
