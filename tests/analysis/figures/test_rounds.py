import time

import numpy as np
import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.figures import rounds_figure, save
from tfoptcmp.rules import DEFAULT_RULES
from tfoptcmp.spaces import LogUniform


@pytest.fixture
def narrowed(tmp_path, write_refined):
    """SGD whose range goes from four decades to two, one of them new, and then stays."""
    later = {"eta0": LogUniform(low=1.0, high=100.0)}
    first = {"eta0": LogUniform(low=1e-3, high=10.0)}
    rounds = [(20, first), (25, later), (30, later)]
    (comparison,) = read_comparisons(write_refined(tmp_path, {"sgd": rounds}))
    return comparison


def test_a_bar_for_each_round_on_the_scale_of_all(narrowed, written):
    (axes,) = rounds_figure(narrowed).axes
    first, second, last = axes.patches
    # By hand: five decades in all, 1e-3 to 100; the first range is four of them, the others two.
    whole = first.get_width() / 4 * 5
    assert second.get_width() == pytest.approx(2 / 5 * whole)
    assert second.get_x() - first.get_x() == pytest.approx(3 / 5 * whole)
    assert last.get_x() == second.get_x()
    heights = [bar.get_y() + bar.get_height() / 2 for bar in (first, second, last)]
    assert heights == pytest.approx([0, 1, 2])
    assert axes.get_ylim() == (2.5, -0.5)  # round 0 at the top
    text = written(rounds_figure(narrowed))
    for expected in ("SGD", "eta0", "1e-3", "10", "100", "N = 30 feasible trials after 20 + 25"):
        assert expected in text


def test_ticks_are_the_good_trials_of_each_round(narrowed):
    (axes,) = rounds_figure(narrowed).axes
    (ticks,) = axes.collections
    middles = np.array([segment.mean(axis=0) for segment in ticks.get_segments()])
    assert [int(n) for n in np.unique(middles[:, 1], return_counts=True)[1]] == [5, 5, 5]
    for (x, number), bar in zip(middles, np.repeat(axes.patches, 5), strict=True):
        assert bar.get_y() < number < bar.get_y() + bar.get_height()
        assert bar.get_x() <= x <= bar.get_x() + bar.get_width()


def test_six_rules_are_drawn_at_once_and_nothing_is_cut_off(tmp_path, write_refined):
    rounds = {rule: [40, 40, 40] for rule in DEFAULT_RULES}
    (comparison,) = read_comparisons(write_refined(tmp_path / "s", rounds))
    begun = time.process_time()
    figure = rounds_figure(comparison)
    save(figure, tmp_path / "f", ("svg",))
    assert time.process_time() - begun < 4  # 0.6 measured; slow machines are not at fault
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -0.02
    assert [len(axes.patches) for axes in figure.axes] == [3, 6, 6, 12, 12, 12]
