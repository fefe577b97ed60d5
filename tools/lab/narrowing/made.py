"""Made surfaces: errors as functions of hyperparameters, of shapes that real optimizers have.

Each function draws one surface of its kind: places, widths and tilts are new with every generator.
Along a coordinate the logarithm of the error grows by so many e-folds a decade on either side of
the optimum, at first quadratically. Errors end at that of guessing. Where training diverges, trials
are infeasible.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import ortho_group
from tfoptcmp.tools.lab.narrowing.surfaces import Surface

from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.metrics import CLASSIFICATION_ERROR, CROSS_ENTROPY, Metric
from tfoptcmp.spaces import Choice, Dimension, LogUniform, SearchSpace, Uniform

_CHANCE = 0.9  # ten classes
_KNEE = 0.5  # decades from the optimum to where the growth is no longer quadratic
_SCHEDULE: dict[str, Dimension] = {
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
}
_RATE: dict[str, Dimension] = {"eta0": LogUniform(low=1e-4, high=1e2)}
_MOMENTUM: dict[str, Dimension] = {**_RATE, "one_minus_gamma": LogUniform(low=1e-4, high=1.0)}
_RMSPROP: dict[str, Dimension] = {
    "eta0_over_sqrt_epsilon": LogUniform(low=1e-2, high=1e4),
    "epsilon": LogUniform(low=1e-10, high=1e10),
    "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
    "one_minus_rho": LogUniform(low=1e-4, high=1.0),
}
_ADAM: dict[str, Dimension] = {
    "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e4),
    "epsilon": LogUniform(low=1e-10, high=1e10),
    "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
    "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
}

Growth = Callable[[FloatArray], FloatArray]
"""Coordinates [n, d] to e-folds above the optimum [n]; inf where training diverges."""


def sgd(rng: Generator) -> Surface:
    """A valley of the rate, steep above it; far above training diverges."""
    best, end = rng.uniform(-3.5, 1.5), rng.uniform(0.5, 2.0)
    off = _off(rng, (1.0, 2.5), (3.0, 8.0))
    schedule, known = _schedule(rng)

    def growth(x: FloatArray) -> FloatArray:
        return _to(x[:, 0] < best + end, off(x[:, 0] - best) + schedule(x[:, 1:]))

    return _errors(rng, {**_RATE, **_SCHEDULE}, growth, [best, *known])


def momentum(rng: Generator) -> Surface:
    """What counts is eta0 / (1 - gamma), and a little gamma itself."""
    schedule, known = _schedule(rng)
    growth, best = _coupled(rng, rng.uniform(-3.2, 1.2), end=rng.uniform(1.0, 2.0))
    return _errors(
        rng,
        {**_MOMENTUM, **_SCHEDULE},
        lambda x: growth(x) + schedule(x[:, 2:]),
        [*best, *known],
    )


def rmsprop(rng: Generator) -> Surface:
    """At small epsilon the best eta0 / sqrt(epsilon) is as epsilon^-1/2, at a large one constant.

    Somewhere along the valley lies the optimum.
    """
    return _adaptive(rng, _RMSPROP, slope=0.5, flat=False)


def adam(rng: Generator) -> Surface:
    """At small epsilon the best alpha0 / epsilon is as 1 / epsilon; large ones are all alike."""
    return _adaptive(rng, _ADAM, slope=1.0, flat=True)


def adam_large(rng: Generator) -> Surface:
    """Like `adam`, with the optimum at a large epsilon."""
    return _adaptive(rng, _ADAM, slope=1.0, flat=False, least=3.0)


def two_basins(rng: Generator) -> Surface:
    """The wider basin is not the deeper one; at least two decades of the rate are between them."""
    places = rng.uniform([-3.5, -3.7], [1.5, -0.3], size=(2, 2))
    while abs(places[0, 0] - places[1, 0]) < 2:
        places = rng.uniform([-3.5, -3.7], [1.5, -0.3], size=(2, 2))
    worse, narrower = -math.log(rng.uniform(0.6, 0.95)), rng.uniform(0.3, 0.8)
    wide = [_off(rng, (1.0, 2.0), (2.0, 4.0)), _off(rng, (0.2, 1.0), (0.2, 1.0))]
    narrow = [_off(rng, (1.0, 2.0), (2.0, 4.0)), _off(rng, (0.2, 1.0), (0.2, 1.0))]

    def growth(x: FloatArray) -> FloatArray:
        deep, shallow = (x - place for place in places)
        return np.minimum(
            sum(off(t / narrower) for off, t in zip(narrow, deep.T, strict=True)),
            worse + sum(off(t) for off, t in zip(wide, shallow.T, strict=True)),
        )

    return _errors(rng, _MOMENTUM, growth, places[0])


def beside_divergence(rng: Generator) -> Surface:
    """The best rate is just below the one at which training diverges, which depends on gamma."""
    edge, tilt, gap = rng.uniform(-2.5, 1.0), rng.uniform(0.2, 1.0), rng.uniform(0.05, 0.2)
    best = rng.uniform(-3.0, -0.3)
    along, off = _off(rng, (0.2, 1.0), (0.2, 1.0)), _off(rng, (1.5, 4.0), (3.0, 8.0))

    def growth(x: FloatArray) -> FloatArray:
        middle = x[:, 1] - best
        rate = x[:, 0] - edge - tilt * middle
        return _to(rate < gap, along(middle) + off(rate))

    return _errors(rng, _MOMENTUM, growth, [edge, best])


def irrelevant(rng: Generator) -> Surface:
    """Of six hyperparameters one or two matter."""
    names = [f"h{i}" for i in range(6)]
    matter = rng.permutation(6)[: rng.integers(1, 3)]
    places = rng.uniform(-5.0, -1.0, size=6)
    offs = {i: _off(rng, (0.8, 2.0), (0.8, 5.0)) for i in matter}

    def growth(x: FloatArray) -> FloatArray:
        return np.asarray(sum(off(x[:, i] - places[i]) for i, off in offs.items()))

    space = {name: LogUniform(low=1e-6, high=1.0) for name in names}
    return _errors(rng, space, growth, places)


def below(rng: Generator) -> Surface:
    """The best rate is 0.2 to 1.6 decades below the four of the first space."""
    return _outside(rng, -2.0 - rng.uniform(0.2, 1.6))


def above(rng: Generator) -> Surface:
    """The best rate is 0.2 to 1.6 decades above the four of the first space."""
    return _outside(rng, 2.0 + rng.uniform(0.2, 1.6))


def regression(rng: Generator) -> Surface:
    """Squared errors: no level of guessing, values up to 1e30; some trials diverge."""
    places = np.array([rng.uniform(-4.3, -0.7), rng.uniform(-2.3, 2.3)])
    offs = [_off(rng, (1.0, 4.0), (3.0, 10.0)), _off(rng, (0.2, 2.0), (0.2, 2.0))]
    end, tilt = rng.uniform(1.0, 2.5), rng.uniform(-0.4, 0.4)
    schedule, known = _schedule(rng)
    least, most = 10 ** rng.uniform(-2.0, 1.0), 10 ** rng.uniform(6.0, 30.0)

    def truth(x: FloatArray) -> FloatArray:
        rate, other = x[:, 0] - places[0] - tilt * (x[:, 1] - places[1]), x[:, 1] - places[1]
        growth = offs[0](rate) + offs[1](other) + schedule(x[:, 2:])
        explodes = np.maximum(0.0, rate - end / 2) * 20
        return _to(rate < end, np.minimum(least * np.exp(growth + explodes), most))

    space = {"rate": LogUniform(low=1e-5, high=1.0), "l2": LogUniform(low=1e-3, high=1e3)}
    return Surface(
        space=_space({**space, **_SCHEDULE}),
        metric=Metric(name="squared error", unit=""),
        num_examples=5000,
        spread=rng.uniform(0.02, 0.1),
        truth=truth,
        known=np.array([[*places, *known]]),
    )


def nats(rng: Generator) -> Surface:
    """Cross entropies of a language model: from a third of ln(classes) up, past it when too fast.

    Seeds vary it by a hundredth, as much as does not count.
    """
    classes = int(10 ** rng.uniform(1.7, 4.0))
    guess = math.log(classes)
    least = guess * rng.uniform(0.3, 0.7)
    growth, best = _coupled(rng, rng.uniform(-3.2, 1.2), end=rng.uniform(1.0, 2.5))
    schedule, known = _schedule(rng)

    def truth(x: FloatArray) -> FloatArray:
        away = growth(x) + schedule(x[:, 2:])
        loss = least + (guess - least) * -np.expm1(-0.5 * away)
        return np.where(away > 8, guess * np.exp((away - 8) / 2), loss)

    return Surface(
        space=_space({**_MOMENTUM, **_SCHEDULE}),
        metric=CROSS_ENTROPY.with_classes(classes),
        num_examples=5000,
        spread=0.01 / least,
        truth=truth,
        known=np.array([[*best, *known]]),
        at_chance=0.98 * guess,
    )


def rotated(rng: Generator) -> Surface:
    """A bowl of five hyperparameters whose axes have any direction, some wide and some narrow."""
    turn = ortho_group.rvs(5, random_state=rng)
    widths = 10 ** rng.uniform(-0.3, 0.7, size=5)  # decades
    places = rng.uniform(-5.0, -1.0, size=5)

    def growth(x: FloatArray) -> FloatArray:
        return np.asarray((((x - places) @ turn / widths) ** 2).sum(axis=1))

    space = {f"h{i}": LogUniform(low=1e-6, high=1.0) for i in range(5)}
    return _errors(rng, space, growth, places)


def rippled(rng: Generator) -> Surface:
    """A bowl of three hyperparameters with ripples, so that there are many local optima."""
    places = rng.uniform(-5.0, -1.0, size=3)
    offs = [_off(rng, (0.5, 2.0), (0.5, 4.0)) for _ in range(3)]
    height, waves = rng.uniform(0.2, 0.6), rng.uniform(0.7, 2.0, size=3)  # a decade

    def growth(x: FloatArray) -> FloatArray:
        away = x - places
        bowl = sum(off(t) for off, t in zip(offs, away.T, strict=True))
        return np.asarray(bowl + height * (1 - np.cos(2 * np.pi * waves * away).mean(axis=1)))

    space = {f"h{i}": LogUniform(low=1e-6, high=1.0) for i in range(3)}
    return _errors(rng, space, growth, places)


MADE: dict[str, Callable[[Generator], Surface]] = {
    "sgd": sgd,
    "momentum": momentum,
    "rmsprop": rmsprop,
    "adam": adam,
    "adam_large": adam_large,
    "two_basins": two_basins,
    "beside_divergence": beside_divergence,
    "irrelevant": irrelevant,
    "below": below,
    "above": above,
    "regression": regression,
    "nats": nats,
    "rotated": rotated,
    "rippled": rippled,
}


def _errors(
    rng: Generator,
    dimensions: Mapping[str, Dimension],
    growth: Growth,
    known: Sequence[float] | FloatArray,
) -> Surface:
    """Classification errors of ten classes, from 1 to 15 % up to that of guessing."""
    least = math.exp(rng.uniform(math.log(0.01), math.log(0.15)))
    return Surface(
        space=_space(dimensions),
        metric=CLASSIFICATION_ERROR.with_classes(10),
        num_examples=int(rng.choice([300, 5000])),
        spread=rng.uniform(0.03, 0.15),
        truth=lambda x: _to(np.isfinite(grown := growth(x)), np.minimum(least * _exp(grown), 0.9)),
        known=np.array([known]),
        at_chance=_CHANCE,
    )


def _space(dimensions: Mapping[str, Dimension]) -> SearchSpace:
    meanings = {
        n: Hyperparameter(argument=n, meaning="made", low_open=True)
        for n in dimensions
        if n == "rate" or n.startswith("h")
    }
    return SearchSpace(dimensions=dimensions, own=meanings, source="made")


def _exp(grown: FloatArray) -> FloatArray:
    return np.exp(np.minimum(grown, 50.0))


def _to(feasible: NDArray[np.bool_], values: FloatArray) -> FloatArray:
    return np.where(feasible, values, math.inf)


def _off(rng: Generator, low: tuple[float, float], high: tuple[float, float]) -> Growth:
    """E-folds of what is so many decades away: below and above it grows by so many a decade."""
    slopes = rng.uniform(*low), rng.uniform(*high)

    def grown(away: FloatArray) -> FloatArray:
        far = np.abs(away)
        return np.asarray(np.where(away < 0, *slopes) * far**2 / (far + _KNEE))

    return grown


def _schedule(rng: Generator) -> tuple[Growth, list[float]]:
    """The schedule matters a little; also returns where it is best."""
    steps, factor = rng.uniform(0.5, 1.0), float(rng.choice([1e-3, 1e-2, 1e-1]))
    costs = rng.uniform(0.0, 0.6), rng.uniform(0.0, 0.1)

    def growth(x: FloatArray) -> FloatArray:
        away = np.abs(np.log10(x[:, 1]) - math.log10(factor))
        return np.asarray(costs[0] * np.abs(x[:, 0] - steps) + costs[1] * away)

    return growth, [steps, factor]


def _coupled(rng: Generator, rate: float, end: float) -> tuple[Growth, list[float]]:
    """A valley of constant eta0 / (1 - gamma); also returns where it is best."""
    other = rng.uniform(-3.0, -0.3)
    across, along = _off(rng, (1.0, 2.5), (3.0, 7.0)), _off(rng, (0.1, 1.0), (0.1, 1.0))

    def growth(x: FloatArray) -> FloatArray:
        away = x[:, 0] - x[:, 1] - (rate - other)
        return _to(away < end, across(away) + along(x[:, 1] - other))

    return growth, [rate, other]


def _outside(rng: Generator, rate: float) -> Surface:
    growth, best = _coupled(rng, rate, end=rng.uniform(1.0, 2.0))
    space = {**_MOMENTUM, "eta0": LogUniform(low=1e-2, high=1e2)}
    return _errors(rng, space, growth, best)


def _adaptive(
    rng: Generator,
    dimensions: dict[str, Dimension],
    *,
    slope: float,
    flat: bool,
    least: float = -8.0,
) -> Surface:
    """A valley of the ratio over twenty decades of epsilon that bends where epsilon is small."""
    while True:
        bend, ratio = rng.uniform(-8.0, 2.0), rng.uniform(-1.0, 2.5)
        epsilon = rng.uniform(max(least, bend) if flat else least, 8.0)
        best = ratio - slope * min(0.0, epsilon - bend)
        if -1.6 < best < 3.6:
            break
    across = _off(rng, (0.8, 2.0), (2.0, 6.0))
    tilts = rng.uniform(0.05, 0.3), 0.0 if flat else rng.uniform(0.02, 0.3)  # e-folds a decade
    others = [rng.uniform(-2.7, -0.2), rng.uniform(-3.7, -1.2)]
    offs = [_off(rng, (0.0, 0.8), (0.0, 0.8)) for _ in others]
    end = rng.uniform(1.0, 3.0)

    def growth(x: FloatArray) -> FloatArray:
        away = x[:, 0] - ratio + slope * np.minimum(0.0, x[:, 1] - bend)
        below, above = np.maximum(0.0, epsilon - x[:, 1]), np.maximum(0.0, x[:, 1] - epsilon)
        along = tilts[0] * (np.maximum(0.0, bend - x[:, 1]) if flat else below) + tilts[1] * above
        rest = sum(off(x[:, 2 + i] - others[i]) for i, off in enumerate(offs))
        return _to(away < end, across(away) + along + rest)

    return _errors(rng, dimensions, growth, [best, epsilon, *others])
