"""Surfaces of published trials: random forests fitted to the log of their errors.

Each run fits a forest of its own to the trials, drawn with replacement, of the initial and the
final space. What diverged counts as guessing. Nothing smooth is assumed, unlike in the Gaussian
process under test; the optimum is the forest's own.
"""

import functools
import math
from pathlib import Path

import numpy as np
from numpy.random import Generator
from sklearn.ensemble import RandomForestRegressor
from tfoptcmp.tools.lab.narrowing.surfaces import Surface, coordinates_of

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import DEFAULT_RULES
from tfoptcmp.spaces import SearchSpace

_RESULTS = Path(__file__).parents[3] / "results" / "cpu"
REAL = {"digits": "digits_simple_cnn", "fashion": "fashion_mnist_simple_cnn"}
"""Name to workload, whose six rules take turns."""

_NUM_TREES = 60
_LEAST_ERROR = 1e-3


def real(name: str, run: int, rng: Generator) -> Surface:
    """Returns a surface of one of REAL."""
    rule = DEFAULT_RULES[run % len(DEFAULT_RULES)]
    space, points, errors, chance, num_examples = _trials(REAL[name], rule)
    forest = RandomForestRegressor(
        _NUM_TREES, min_samples_leaf=2, random_state=int(rng.integers(2**31))
    )
    forest.fit(points, np.log(np.maximum(errors, _LEAST_ERROR)))
    return Surface(
        space=space,
        metric=CLASSIFICATION_ERROR.with_classes(10),
        num_examples=num_examples,
        spread=0.1,
        truth=lambda x: np.minimum(np.exp(forest.predict(x)), chance),
        known=points,
        # A forest's mean over trials at chance is a little below it.
        at_chance=chance,
    )


@functools.cache
def _trials(workload: str, rule: str) -> tuple[SearchSpace, FloatArray, FloatArray, float, int]:
    """Returns the initial space, coordinates and errors of trials in it, guessing and examples."""
    spaces, points, errors = [], [], []
    for which in ("initial", "final"):
        (comparison,) = read_comparisons([str(_RESULTS / workload / f"{which}-quasirandom")])
        one = comparison.named(rule)
        assert one.space is not None, "our own studies"
        spaces.append(one.space)
        rows = [row for _, row in one.ended.iterrows()]
        points.append(coordinates_of(one.space, [one.values_of(row) for row in rows]))
        worst = comparison.metric.guessing
        errors += [min(r["validation_metric"], worst) if r["feasible"] else worst for r in rows]
    assert math.isfinite(worst), "classes are known"
    num_examples = comparison.num_examples["validation"]
    return spaces[0], np.concatenate(points), np.array(errors), worst, num_examples
