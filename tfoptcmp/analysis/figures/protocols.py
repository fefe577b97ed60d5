"""Rankings under ever more general tuning protocols (Choi et al. 2019, figures 3 and 4)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.figures.frame import face_inches, face_title, reading_note
from tfoptcmp.analysis.figures.results import column_inches, draw_statistic, how_to_read
from tfoptcmp.analysis.figures.style import house_style, names_inches
from tfoptcmp.analysis.statistics.quantities import measured


def protocols_figure(
    columns: Sequence[tuple[str, Comparison]], statistic: str | None = None
) -> Figure:
    """Draws one statistic of several comparisons side by side on one axis.

    Each column is a comparison of the same rules on the same workload under another protocol: the
    learning rate alone searched, then the schedule, then everything. The columns' headers say what
    was spent in each.

    Args:
        columns: Name of the protocol and its comparison, from the most special to the most general.
        statistic: "validation", "test" or "train_loss"; by default test where all have it.

    Raises:
        ValueError: If there is no column, or the columns' workloads or metrics differ.
    """
    if not columns:
        raise ValueError(f"columns must hold at least one protocol; got {columns!r}")
    kinds = {(c.workload, c.metric.name, c.metric.unit) for _, c in columns}
    if len(kinds) > 1:
        raise ValueError(f"columns must be of one workload and metric; got {sorted(kinds)}")
    if statistic is None:
        contestants = [one for _, c in columns for one in c.contestants if one.num_feasible]
        tested = all(measured(one, "test") for one in contestants)
        statistic = "test" if tested else "validation"
    widths = [max(3.2, column_inches(comparison) - 1.2) for _, comparison in columns]
    with house_style():
        face = max(
            face_inches(comparison, width, name)
            for (name, comparison), width in zip(columns, widths, strict=True)
        )
        below = max(names_inches(comparison.contestants) for _, comparison in columns)
        figure = Figure(figsize=(sum(widths) + 0.6, face + below + 2.5), layout="constrained")
        grid = figure.subplots(1, len(columns), squeeze=False, sharey=True, width_ratios=widths)[0]
        for axes, (name, comparison), width in zip(grid, columns, widths, strict=True):
            draw_statistic(axes, comparison, statistic)
            face_title(axes, comparison, width, name, height_inches=face)
            if axes is not grid[0]:
                axes.set_ylabel("")
        reading_note(figure, how_to_read([c for _, c in columns], statistic))
    return figure
