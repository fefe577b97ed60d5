"""What simulated studies draw their trials from, and the true mean of the best of K of each.

A population is a pair of optimizers, a and b: what trials are selected by and what is reported of
them, as shares in [0, 1], lower is better. Some are the published digits trials (`digits`), the
others are made to be hard in different ways. The truth comes from the definition: many
practitioners run K independent trials each and take the best. Nothing of the statistics under test
is used for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import qmc

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.comparison import Comparison

FloatArray = NDArray[np.float64]

Side = tuple[FloatArray, FloatArray]
"""Selection and values, [n] each, finite."""

Pair = tuple[Side, Side]
"""Trials of a and of b, as many of each."""

NUM_PRACTITIONERS = 1_000_000

_DIGITS = Path(__file__).parents[3] / "results" / "cpu" / "digits_simple_cnn"
_AT_ONCE = 50_000  # practitioners whose trials are in memory
_FAILED = 0.9  # error by chance, ten classes
_STEP = 1 / 300  # one example of the digits' evaluation sets


@dataclass(frozen=True, kw_only=True)
class Population:
    """A pair of optimizers.

    Attributes:
        title: For people.
        draw: Independent trials: (generator, how many of each) to trials.
        paired: Whether trials of one number share a point.
        study: The trials of a search whose points are not independent; None if they are.
    """

    title: str
    draw: Callable[[Generator, int], Pair]
    paired: bool
    study: Callable[[Generator, int], Pair] | None = None

    def trials(self, rng: Generator, num_trials: int) -> Pair:
        """Returns the trials of a study of both optimizers."""
        return (self.study or self.draw)(rng, num_trials)


def true_means(
    population: Population,
    budgets: Sequence[int],
    *,
    seed: int,
    num_practitioners: int = NUM_PRACTITIONERS,
) -> dict[int, tuple[float, float]]:
    """Returns theta_K of a and of b for each K, by letting practitioners run K trials each.

    Their standard error is that of a mean over `num_practitioners`: a thousandth of the spread of
    the best of K, of which 100 trials tell 0.1 to 0.5.

    Args:
        population: Whose.
        budgets: Each K >= 1.
        seed: Of the trials.
        num_practitioners: >= 1.
    """
    rng = np.random.default_rng((seed, 1))
    most = max(budgets)
    sums = np.zeros((2, len(budgets)))
    for start in range(0, num_practitioners, _AT_ONCE):
        num = min(_AT_ONCE, num_practitioners - start)
        for side, (selection, values) in enumerate(population.draw(rng, num * most)):
            selections, reported = selection.reshape(num, most), values.reshape(num, most)
            for place, k in enumerate(budgets):
                best = selections[:, :k].argmin(axis=1)
                sums[side, place] += reported[np.arange(num), best].sum()
    of_a, of_b = sums / num_practitioners
    return {k: (float(a), float(b)) for k, a, b in zip(budgets, of_a, of_b, strict=True)}


def digits(comparison: Comparison, a: str, b: str) -> Population:
    """Returns trials of one number of two optimizers, drawn together from those of a comparison.

    Errors there are multiples of 1/300; up to half of that is added or taken off.

    Args:
        comparison: With a test metric, studies of one seed.
        a: Name of a contestant.
        b: Likewise; a itself for two studies of it whose seeds differ.
    """
    tables = {one.name: one.feasible.set_index("trial") for one in comparison.contestants}
    numbers = tables[a].index.intersection(tables[b].index)
    columns = ["validation_metric", "test_metric"]
    # [a or b, selection or value, trial]
    errors = np.stack([tables[name].loc[numbers, columns].to_numpy(float).T for name in (a, b)])

    def draw(rng: Generator, num: int) -> Pair:
        rows = rng.integers(len(numbers), size=num)
        of_b = rng.integers(len(numbers), size=num) if a == b else rows
        drawn = np.stack([errors[0][:, rows], errors[1][:, of_b]])
        x, y = np.minimum(drawn + rng.uniform(-_STEP / 2, _STEP / 2, drawn.shape), 1.0)
        return (x[0], x[1]), (y[0], y[1])

    return Population(title=f"digits, {a} and {b}", draw=draw, paired=a != b)


def _twice(one: Callable[[Generator, int], FloatArray]) -> Callable[[Generator, int], Pair]:
    """Returns a pair of the same law that is selected by what is reported, capped at 1."""

    def draw(rng: Generator, num: int) -> Pair:
        a, b = (np.minimum(one(rng, num), 1.0) for _ in range(2))
        return (a, a), (b, b)

    return draw


def _log_normal(rng: Generator, num: int) -> FloatArray:
    return 0.05 * rng.lognormal(sigma=0.6, size=num)


def _failures(rng: Generator, num: int) -> FloatArray:
    good = 0.05 * rng.lognormal(sigma=0.4, size=num)
    return np.where(rng.random(num) < 0.6, _FAILED, good)


def _heavy_tailed(rng: Generator, num: int) -> FloatArray:
    return 0.03 * (1 - rng.random(num)) ** -2.0  # Pareto: half of the trials are above .12


def _ties(rng: Generator, num: int) -> FloatArray:
    return np.maximum(np.rint(270 * 0.05 * rng.lognormal(sigma=0.5, size=num)), 1) / 270


def _rare_luck(rng: Generator, num: int) -> FloatArray:
    middle = np.where(rng.random(num) < 0.05, 0.03, 0.08)
    return middle * rng.lognormal(sigma=0.2, size=num)


def _on_surface(points: FloatArray, rng: Generator) -> Pair:
    """Returns the trials at points of the unit cube, [n, 3].

    A valley along the rate whose place depends on another coordinate; too high a rate fails. b has
    its best rate elsewhere. Weights and data make errors vary by 10 %.
    """
    rate, decay, third = points.T
    sides = []
    for best, width in ((0.45, 0.25), (0.6, 0.2)):
        off = (rate - best - 0.2 * (decay - 0.5)) / width
        error = 0.03 * np.exp(off**2 + 0.3 * third) * rng.lognormal(sigma=0.1, size=len(points))
        error = np.where(rate > 0.85, _FAILED, np.minimum(error, _FAILED))
        sides.append((error, error))
    return sides[0], sides[1]


def _random_points(rng: Generator, num: int) -> Pair:
    return _on_surface(rng.random((num, 3)), rng)


def _halton_points(rng: Generator, num: int) -> Pair:
    return _on_surface(qmc.Halton(3, scramble=True, rng=rng).random(num), rng)


MADE = {
    "log_normal": Population(
        title="log-normal, spread 0.6", draw=_twice(_log_normal), paired=False
    ),
    "failures": Population(title="60 % fail at chance", draw=_twice(_failures), paired=False),
    "heavy_tailed": Population(
        title="Pareto, exponent 0.5", draw=_twice(_heavy_tailed), paired=False
    ),
    "ties": Population(title="multiples of 1/270", draw=_twice(_ties), paired=False),
    "rare_luck": Population(
        title="5 % of trials far better", draw=_twice(_rare_luck), paired=False
    ),
    "random_points": Population(title="surface, random points", draw=_random_points, paired=True),
    "halton_points": Population(
        title="surface, scrambled Halton points",
        draw=_random_points,
        paired=True,
        study=_halton_points,
    ),
}

DIGITS = {
    "final_sgd_momentum": ("final", "sgd", "momentum"),
    "final_momentum_rmsprop": ("final", "momentum", "rmsprop"),
    "final_adam_twice": ("final", "adam", "adam"),
    "initial_sgd_momentum": ("initial", "sgd", "momentum"),
    "initial_rmsprop_adam": ("initial", "rmsprop", "adam"),
}
"""Name to space, a and b of results/cpu/digits_simple_cnn."""

NAMES = (*DIGITS, *MADE)


def population(name: str) -> Population:
    """Returns one of NAMES."""
    if name in MADE:
        return MADE[name]
    space, a, b = DIGITS[name]
    (comparison,) = read_comparisons([str(_DIGITS / f"{space}-quasirandom")])
    return digits(comparison, a, b)
