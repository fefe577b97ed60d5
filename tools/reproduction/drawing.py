"""Draws a figure of the paper from the comparisons of its panels."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from tfoptcmp.tools.reproduction.plans import Panel

from tfoptcmp.analysis import figures
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.study.files import exists
from tfoptcmp.study.rounds import judged

Panels = Sequence[tuple[Panel, Comparison]]


def _comparisons(panels: Panels) -> list[Comparison]:
    return [comparison for _, comparison in panels]


def _by_workload(panels: Panels) -> dict[str, list[tuple[str, Comparison]]]:
    columns: dict[str, list[tuple[str, Comparison]]] = {}
    for panel, comparison in panels:
        columns.setdefault(panel.workload, []).append((panel.protocol, comparison))
    return columns


def _for_each(panels: Panels, draw: Callable[[Comparison], Figure]) -> dict[str, Figure]:
    return {panel.workload: draw(comparison) for panel, comparison in panels}


# Name to a function from panels to figures, keyed by what distinguishes them ("" for a single one).
DRAW: dict[str, Callable[[Panels], dict[str, Figure]]] = {
    "results": lambda panels: {"": figures.results_figure(_comparisons(panels))},
    "training_loss": lambda panels: {"": figures.training_loss_figure(_comparisons(panels))},
    "steps": lambda panels: {"": figures.steps_figure(_comparisons(panels))},
    "other_targets": lambda panels: {
        workload: figures.other_targets_figure([comparison for _, comparison in budgets])
        for workload, budgets in _by_workload(panels).items()
    },
    "boundaries": lambda panels: _for_each(panels, figures.boundaries_figure),
    "protocols": lambda panels: {
        workload: figures.protocols_figure(columns)
        for workload, columns in _by_workload(panels).items()
    },
}


def comparison(panel: Panel, directory: Path, tuning_budget: int | None) -> Comparison | None:
    """Reads the studies of a panel; other studies beside them are left out.

    Args:
        panel: Whose studies.
        directory: Their parent; of rounds the last is taken.
        tuning_budget: K, see `compare_studies`.

    Returns:
        The comparison of those that exist; None if there are none.
    """
    # A different name means the same rule in a narrower space: "adam_default_epsilon".
    directory = judged(directory)
    studies = [
        study
        for rule in panel.optimizers
        for study in (directory / rule, directory / f"{rule}_{panel.space}")
        if exists(study / "study.json")
    ]
    if not studies:
        return None
    (found,) = compare_studies(studies, tuning_budget)
    return found


def draw_and_save(draw: str, panels: Panels, path: Path) -> list[Path]:
    """Draws a figure and writes it in every format that `figures.save` writes.

    Args:
        draw: A name in DRAW.
        panels: What to draw.
        path: Where to write, without suffix; its directory exists. If there is one figure per
            workload, its name is appended.

    Returns:
        The files.
    """
    files = []
    for name, figure in DRAW[draw](panels).items():
        files += figures.save(figure, path.with_name(path.name + (f"-{name}" if name else "")))
    return files
