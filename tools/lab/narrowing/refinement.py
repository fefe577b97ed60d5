"""One refinement of a surface, and how good it was.

Trials are at the points that a search would take, and the space of the next round comes from the
code that a report uses. Equal (seed, surface, run) give the same surface, and the same first round
whatever the plan: plans are compared in pairs.
"""

import dataclasses
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import qmc
from tfoptcmp.tools.lab.narrowing.made import MADE
from tfoptcmp.tools.lab.narrowing.plans import PLANS, Plan
from tfoptcmp.tools.lab.narrowing.real import REAL, real
from tfoptcmp.tools.lab.narrowing.surfaces import Surface, coordinates_of

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.ranges.boundary import enough_trials
from tfoptcmp.analysis.statistics.best_of_k import FloatArray, best_of
from tfoptcmp.spaces import Dimension, LogUniform, SearchSpace
from tfoptcmp.study.schema import Status

NAMES = (*MADE, *REAL)
"""Of surfaces."""

NUM_SCORED = 100
"""Feasible trials of the last round that the best of ten is taken from: the last so many."""

_TUNING_BUDGET = 10
_MOST_TRIALS = 10  # times the feasible ones: a round ends there


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a refinement.

    Attributes:
        surface: Name.
        plan: Name.
        run: Number, >= 0.
        best: Mean truth of the best of ten by noisy validation, of the last round's trials.
        optimum: Truth there.
        margin: What does not count beside it.
        attainable: Least truth in the last round's space.
        at_chance: Share of the last round's trials, with infeasible ones, that have learnt nothing.
        volume: Of the last round's space, as a part of the first one's, on logarithmic scales.
        infeasible: Trials in all rounds.
    """

    surface: str = ""
    plan: str = ""
    run: int = 0
    best: float
    optimum: float
    margin: float
    attainable: float
    at_chance: float
    volume: float
    infeasible: int

    @property
    def cut_off(self) -> bool:
        """Whether all of the last space is worse than the optimum by more than the margin."""
        return self.attainable > self.optimum + self.margin


def drawn(name: str, run: int, *, seed: int) -> Surface:
    """Returns the surface of a run."""
    rng = np.random.default_rng((seed, zlib.crc32(name.encode()), run))
    return MADE[name](rng) if name in MADE else real(name, run, rng)


def refined(name: str, plan: str, run: int, *, seed: int) -> Outcome:
    """Refines one surface by one plan.

    Args:
        name: Of NAMES.
        plan: Of PLANS.
        run: >= 0.
        seed: >= 0.
    """
    surface = drawn(name, run, seed=seed)
    rounds, last = _rounds(surface, PLANS[plan], (seed, zlib.crc32(name.encode()), run))
    outcome = _outcome(surface, rounds, last)
    return dataclasses.replace(outcome, surface=name, plan=plan, run=run)


def _rounds(
    surface: Surface, plan: Plan, seed: tuple[int, ...]
) -> tuple[list[Contestant], FloatArray]:
    """Returns the rounds, the last one first asked about, and the truth of its trials."""
    dimensions = dict(surface.space.dimensions)
    rounds: list[Contestant] = []
    for number, num_feasible in enumerate(plan.rounds):
        if rounds and enough_trials(rounds[-1]):
            dimensions = plan.rule(_comparison(surface, rounds))
        one, truth = _round(surface, dimensions, num_feasible, (*seed, number))
        rounds.append(one)
    return rounds, truth


def _comparison(surface: Surface, rounds: list[Contestant]) -> Comparison:
    *earlier, last = rounds
    one = Contestant(
        name=last.name,
        title=last.title,
        rule=None,
        trials=last.trials,
        dimensions=last.dimensions,
        own=last.own,
        earlier=tuple(earlier),
    )
    return Comparison(
        workload="surface",
        metric=surface.metric,
        contestants=(one,),
        tuning_budget=_TUNING_BUDGET,
    )


def _round(
    surface: Surface, dimensions: Mapping[str, Dimension], num_feasible: int, seed: tuple[int, ...]
) -> tuple[Contestant, FloatArray]:
    """Runs trials until so many are feasible; also returns the truth of each."""
    rng = np.random.default_rng((*seed, 1))
    space = SearchSpace(dimensions=dimensions, own=surface.space.own, source="a round")
    # The points of `tfoptcmp.tuners.points.point`, all at once.
    points = qmc.Halton(space.num_dims, scramble=True, rng=int(rng.integers(2**31)))
    values: list[dict[str, float]] = []
    truth, results = np.empty(0), np.empty(0)
    while (missing := num_feasible - int(np.isfinite(results).sum())) > 0:
        if len(results) >= _MOST_TRIALS * num_feasible:
            break
        more = [space.values(point) for point in points.random(missing)]
        found = surface.truth(coordinates_of(space, more))
        values += more
        truth = np.concatenate([truth, found])
        results = np.concatenate([results, surface.observed(found, rng)])
    feasible = np.isfinite(results)
    rows = pd.DataFrame(
        {f"searched_{n}": [one[n] for one in values] for n in dimensions}
        | {
            "trial": np.arange(len(values)),
            "status": np.where(feasible, Status.COMPLETE.value, Status.INFEASIBLE.value),
            "feasible": feasible,
            "validation_metric": np.where(feasible, results, math.nan),
        }
    )
    one = Contestant(
        name="surface",
        title="surface",
        rule=None,
        trials=trials_table(rows),
        dimensions=dimensions,
        own=surface.space.own,
    )
    return one, truth


def _outcome(surface: Surface, rounds: list[Contestant], truth: FloatArray) -> Outcome:
    last = rounds[-1]
    feasible = last.trials["feasible"].to_numpy(bool)
    results = last.trials["validation_metric"].to_numpy(float)
    scored = np.flatnonzero(feasible)[-NUM_SCORED:]
    best = math.inf
    if len(scored):
        best = best_of(results[scored], truth[scored], _TUNING_BUDGET).mean()
    optimum = surface.optimum()
    widths = [
        math.log(last.dimensions[n].high / last.dimensions[n].low) / math.log(d.high / d.low)
        for n, d in surface.space.dimensions.items()
        if isinstance(d, LogUniform)
    ]
    return Outcome(
        best=best,
        optimum=optimum,
        margin=surface.metric.tolerance(optimum, num_examples=surface.num_examples),
        attainable=surface.least(last.dimensions),
        at_chance=float(np.mean(truth >= 0.98 * surface.at_chance)),
        volume=math.prod(widths),
        infeasible=sum(one.num_infeasible for one in rounds),
    )
