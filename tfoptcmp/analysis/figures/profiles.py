"""Performance profiles over several workloads (Dolan & More 2002; Dahl et al. 2023, AlgoPerf)."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfoptcmp.analysis.figures.frame import reading_note
from tfoptcmp.analysis.figures.style import house_style, style_of
from tfoptcmp.analysis.statistics.across import FACTORS, Across

PROFILES_CAPTION = (
    "Performance profiles: on what share of the workloads an optimizer reaches the target within a "
    "factor of the fastest one's steps."
)


def profiles_figure(found: Across) -> Figure:
    """Draws the performance profiles.

    Args:
        found: Several workloads with a target.

    Raises:
        ValueError: If fewer than two workloads have a target.
    """
    if not found.has_profiles:
        raise ValueError("at least two workloads must have a target")
    with house_style():
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        draw_profiles(axes, found)
        reading_note(
            figure,
            f"steps to the target, median of the best of K, on {len(found.slowness)} workloads; a "
            "line that ends below 1 did not reach the target on all of them",
        )
    return figure


def draw_profiles(axes: Axes, found: Across) -> None:
    """Draws a step for each workload: from the factor on that the optimizer needs there.

    Args:
        axes: Where to draw.
        found: Several workloads with a target.
    """
    finite = found.slowness[np.isfinite(found.slowness)]
    last = max(FACTORS[-1], 1.1 * float(finite.max(initial=1.0)))
    for i, one in enumerate(found.contestants):
        needed = np.sort(found.slowness[:, i])
        shares = np.arange(1, len(needed) + 1) / len(needed)
        reached = np.isfinite(needed)
        x = np.concatenate([[1.0], needed[reached], [last]])
        y = np.concatenate([[0.0], shares[reached], [shares[reached].max(initial=0.0)]])
        style = style_of(found.comparisons[0], one)
        axes.step(
            x,
            y,
            where="post",
            color=style.colour,
            linestyle=style.line,
            label=one.title,
            clip_on=False,
        )
    axes.set_xscale("log", base=2)
    axes.set_xlim(1.0, last)
    ticks = [2**power for power in range(math.floor(math.log2(last)) + 1)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(0.0, 1.02)
    axes.set_xlabel("times the steps of the fastest")
    axes.set_ylabel("share of the workloads")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.02, 0.5))
