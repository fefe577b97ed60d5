"""Budgets of time: steps then say how fast the hardware was, and are no budget to be compared.

A source leaves out the column `steps` of such trials, and says with `by_time` how many they had.
"""

import math
from collections.abc import Mapping, Sequence


def by_time(steps: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """Says how many steps trials took that were given time; nothing if none was.

    Args:
        steps: Optimizer to the steps of its trials, NaN where not known.
    """
    if not steps:
        return ()
    known = {name: [s for s in of_one if math.isfinite(s)] for name, of_one in steps.items()}
    told = ", ".join(f"{name} {_range(of_one)}" for name, of_one in known.items() if of_one)
    return (
        "The budget of a trial was time, not a number of steps, so steps are not compared"
        + (f"; trained were: {told} steps." if told else "."),
    )


def _range(steps: Sequence[float]) -> str:
    low, high = f"{min(steps):,.0f}", f"{max(steps):,.0f}"
    return low if low == high else f"{low} to {high}"
