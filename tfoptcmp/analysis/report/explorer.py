"""The data of a report's explorer: all trials, to point at, search and follow (`explorer.js`)."""

import json
import math
from typing import Any

import numpy as np
from markupsafe import Markup

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.spaces import LogUniform

MOST_TRIALS = 3000
"""Of a comparison; of more, evenly spaced ones: each takes some 150 bytes of the page."""

_MOST_POINTS = 20  # of a trial's curve


def explorer_data(comparison: Comparison) -> Markup | None:
    """Returns JSON that a page can hold in a script element; None without any trial.

    Values are as users know them, in the unit shown; what is not finite is null.
    """
    if not any(len(one.ended) for one in comparison.contestants):
        return None
    total = sum(len(one.ended) for one in comparison.contestants)
    every = max(1, math.ceil(total / MOST_TRIALS))
    names = list(dict.fromkeys(n for one in comparison.contestants for n in one.searched_names))
    logs = {
        name
        for one in comparison.contestants
        for name, dimension in one.dimensions.items()
        if isinstance(dimension, LogUniform)
    }
    metric = comparison.metric
    data = {
        "metric": metric.label(comparison.selected_by),
        "unit": metric.shown_unit,
        "maximize": metric.maximize,
        "every": every,
        "names": names,
        "logs": sorted(logs),
        "optimizers": [
            {
                "title": one.title,
                "colour": one.look.colour,
                "trials": _trials(comparison, one, names, every),
            }
            for one in comparison.contestants
        ],
    }
    # No "<": nothing in it can end the element that holds it.
    return Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"))


def _trials(
    comparison: Comparison, one: Contestant, names: list[str], every: int
) -> list[list[Any]]:
    """Of each trial: number, validation, test, hyperparameters and its curve, [steps, values]."""
    curves = {int(trial): rows for trial, rows in one.measurements.groupby("trial")}
    found = []
    for _, row in one.ended.iloc[::every].iterrows():
        number = int(row["trial"])
        values = one.values_of(row)
        rows = curves.get(number)
        found.append(
            [
                number,
                _shown(comparison, row["validation_metric"] if row["feasible"] else math.inf),
                _shown(comparison, row["test_metric"] if row["feasible"] else math.inf),
                [_short(values.get(name)) for name in names],
                [] if rows is None else _curve(comparison, rows["step"], rows["validation_metric"]),
            ]
        )
    return found


def _curve(comparison: Comparison, steps: Any, errors: Any) -> list[list[float | None]]:
    kept = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _MOST_POINTS)).round())
    rows = kept.astype(int)
    return [
        [int(step) for step in steps.to_numpy()[rows]],
        [_shown(comparison, error) for error in errors.to_numpy()[rows]],
    ]


def _shown(comparison: Comparison, error: float) -> float | None:
    metric = comparison.metric
    return _short(metric.scale * float(metric.value(error)))


def _short(value: float | None) -> float | None:
    """Four digits: what is shown."""
    return float(f"{value:.4g}") if value is not None and math.isfinite(value) else None
