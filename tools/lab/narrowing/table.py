"""What came of refinements, as a table for people."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
from tfoptcmp.tools.lab.narrowing.made import MADE
from tfoptcmp.tools.lab.narrowing.plans import PLANS
from tfoptcmp.tools.lab.narrowing.real import REAL
from tfoptcmp.tools.lab.narrowing.refinement import NAMES, Outcome

BASELINE = "tenth"
"""The plan that the others are compared with, run by run."""

_GROUPS: dict[str, Collection[str]] = {"all made surfaces": MADE, "all real surfaces": REAL}

_HOW_TO_READ = """
over optimum  true metric of the best of ten over the optimum: geometric mean
over tenth    the same over that of the plan "tenth", in pairs; one standard error
cut off       runs in which all of the last space is worse than the optimum by more than the margin
at chance     share of the last round's trials that have learnt nothing, with those that diverged
volume        of the last space, as a part of the first one's: geometric mean
infeasible    trials of a run that came on top of the 180
"""


def text(outcomes: Sequence[Outcome]) -> str:
    """Returns a block for each surface, and one for all made and all real ones."""
    names = [name for name in NAMES if any(one.surface == name for one in outcomes)]
    heads = ("over optimum", "over tenth", "cut off", "at chance", "volume", "infeasible")
    lines = [f"{'surface, plan':<32}" + "".join(f"{head:>16}" for head in heads)]
    for name in names:
        lines += _block(name, [one for one in outcomes if one.surface == name])
    for title, belonging in _GROUPS.items():
        members = [one for one in outcomes if one.surface in belonging]
        if len({one.surface for one in members}) > 1:
            lines += _block(title, members)
    runs = len({one.run for one in outcomes})
    lines.append(f"{runs} runs a surface; standard error of a share: at most {0.5 / runs**0.5:.3f}")
    return "\n".join(lines) + "\n" + _HOW_TO_READ


def _block(title: str, outcomes: list[Outcome]) -> list[str]:
    pairs = {(one.surface, one.run): one.best for one in outcomes if one.plan == BASELINE}
    lines = [title]
    for plan in PLANS:
        of_plan = [one for one in outcomes if one.plan == plan]
        if not of_plan:
            continue
        ratio, _ = _geometric(one.best / one.optimum for one in of_plan)
        versus = [
            one.best / pairs[one.surface, one.run]
            for one in of_plan
            if (one.surface, one.run) in pairs
        ]
        cells = [
            f"{ratio:.3f}",
            "{:.3f} +- {:.3f}".format(*_geometric(versus)) if versus else "-",
            _share(of_plan, lambda one: one.cut_off),
            f"{np.mean([one.at_chance for one in of_plan]):.3f}",
            f"{_geometric(one.volume for one in of_plan)[0]:.2g}",
            f"{np.mean([one.infeasible for one in of_plan]):.1f}",
        ]
        lines.append(f"  {plan:<30}" + "".join(f"{cell:>16}" for cell in cells))
    return lines


def _share(outcomes: list[Outcome], what: Callable[[Outcome], bool]) -> str:
    return f"{np.mean([what(one) for one in outcomes]):.3f}"


def _geometric(values: Iterable[float]) -> tuple[float, float]:
    """Returns the geometric mean and its standard error."""
    logs = np.log(list(values))
    mean = math.exp(logs.mean())
    return mean, mean * float(logs.std()) / max(1, len(logs) - 1) ** 0.5
