"""From a wide space to a narrower one: the next round of a search (Choi et al. 2019, section 4).

The paper says that its final spaces follow from the initial ones, but not by which rule. Ours: a
Gaussian process is fitted to the log of the results of all trials so far; the new range of a
hyperparameter is where the best of many points that it is asked about lie, with room on both sides.
If more than a tenth of that box is expected to end near guessing, it is cut where it is bad
(`peeling`). An edge that the good trials of the last round crowd is first moved outward, as far as
is allowed. Ranges on a logarithmic scale change; uniform ranges and choices stay, and are inputs of
the fit.

Constants were chosen by simulation (`python -m tools.lab.narrowing`, docs/narrowing.md).
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.stats import qmc
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.boundary import (
    EXTENSION,
    Edge,
    check_boundaries,
    enough_trials,
    past,
    position,
)
from tfoptcmp.analysis.ranges.peeling import LEAST_DECADES, Range, peeled
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.metrics import SHARE, Metric
from tfoptcmp.spaces import Dimension, Fixed, LogUniform, SearchSpace

LEAST_TO_NARROW = 10
"""Trials below which no space is narrowed."""

# Of the box that the first round searched, and of the variance of the standardised log results.
_LENGTH_SCALES = (0.08, 12.0)
_SIGNAL = (0.1, 10.0)
_NOISE = (1e-3, 1.0)
# The fit takes seconds with so many, and its time grows with the cube.
_MOST_TRIALS = 600
_NUM_POINTS = 2500
_SHARE_GOOD = 0.05
_LEAST_GOOD = 3  # of the trials: their number divides it
_QUANTILES = (0.025, 0.975)
# From the lowest log that is expected to that of guessing, the part beyond which points are bad.
_BAD = 0.7
_ROOM, _LEAST_ROOM = 0.1, 0.25  # of the width; decades
# Results below this are alike, shares and losses in nats; of another unit, or where guessing's is
# not known, all count.
_LEAST_RESULT = 0.003
# Where guessing's result is not known, the worst tenth of the finite ones are alike.
_WORST_QUANTILE = 0.9


def next_spaces(comparison: Comparison) -> dict[str, SearchSpace]:
    """Returns the space of each contestant's next round; contestant's name to space.

    Contestants without a search space on record, or without `enough_trials`, are left out.
    """
    return {
        one.name: next_space(comparison, one)
        for one in comparison.contestants
        if one.space is not None and enough_trials(one)
    }


def next_space(comparison: Comparison, contestant: Contestant) -> SearchSpace:
    """Returns the space of a contestant's next round, from the trials of all its rounds.

    Args:
        comparison: For the metric.
        contestant: Of our own studies.
    """
    space, rounds = contestant.space, contestant.rounds
    record = rounds[0].record  # whose seed is that of the refinement
    assert space is not None and record is not None, "a space on record"
    counts = " + ".join(str(one.num_feasible) for one in rounds)
    dimensions = next_dimensions(comparison, contestant)
    what = "unchanged" if dimensions == space.dimensions else "narrowed"
    return SearchSpace(
        dimensions=dimensions,
        own=space.own,
        source=f"{what} after {counts} feasible trials, first in a space ({rounds[0].source}), "
        f"{comparison.workload}, {comparison.budget['steps']} steps, study seed {record.seed}",
    )


def next_dimensions(comparison: Comparison, contestant: Contestant) -> dict[str, Dimension]:
    """Returns the dimensions of `next_space`, of which a contestant needs no record.

    Args:
        comparison: For the metric and the number of classes.
        contestant: All of its dimensions are known, and their values in its trials.
    """
    rounds = contestant.rounds
    first, current = (
        SearchSpace(dimensions=one.dimensions, own=one.own, source=one.source)
        for one in (rounds[0], contestant)
    )
    trials = [row for one in rounds for _, row in one.ended.iterrows()]
    values = [{n: float(row[f"searched_{n}"]) for n in current.dimensions} for row in trials]
    results = [row["validation_metric"] if row["feasible"] else math.inf for row in trials]
    return narrowed(
        first,
        current,
        values,
        np.asarray(results, dtype=np.float64),
        worst=comparison.metric.guessing,
        least=alike_below(comparison.metric),
        beyond=_beyond(contestant),
    )


def _beyond(contestant: Contestant) -> dict[str, LogUniform]:
    """Ranges with a crowded edge moved outward, as far as is allowed."""
    found = {}
    for check in check_boundaries(contestant):
        if not isinstance(check.dimension, LogUniform) or check.suggestion is None:
            continue
        low, high = check.dimension.low, check.dimension.high
        allowed = contestant.meaning(check.name)
        assert allowed is not None, "a suggestion"
        if check.verdict is Edge.LOW:
            low = max(past(low, check.dimension.value(-EXTENSION), 1), allowed.low)
        else:
            high = min(past(high, check.dimension.value(1 + EXTENSION), 1), allowed.high)
        found[check.name] = LogUniform(low=low, high=high)
    return found


def narrowed(
    first: SearchSpace,
    current: SearchSpace,
    values: Sequence[Mapping[str, float]],
    results: FloatArray,
    *,
    worst: float = math.inf,
    least: float = _LEAST_RESULT,
    beyond: Mapping[str, LogUniform] | None = None,
) -> dict[str, Dimension]:
    """Returns the dimensions of the next round's space.

    Args:
        first: The space of the first round, which scales what the fit sees.
        current: That of the last round. Its names are those of `first`.
        values: Hyperparameters as searched of all trials so far, of all rounds.
        results: float64 [n], theirs: lower is better; inf or NaN for those that diverged.
        worst: What guessing gives; results above it are alike. inf if not known.
        least: As in `standardised`.
        beyond: Wider ranges, of dimensions with a crowded edge: the side that they move stays.
    """
    beyond = beyond or {}
    logarithmic = {n: d for n, d in current.dimensions.items() if isinstance(d, LogUniform)}
    if len(values) < LEAST_TO_NARROW or not logarithmic:
        return {**current.dimensions, **beyond}
    chosen = _evenly(len(values), _MOST_TRIALS)
    targets = standardised(results, worst, least)[0][chosen]
    process = _fitted(_inputs(first, [values[i] for i in chosen]), targets)
    box = SearchSpace(
        dimensions={**current.dimensions, **beyond}, own=current.own, source=current.source
    )
    unit = qmc.Halton(d=box.num_dims, rng=np.random.default_rng(0)).random(_NUM_POINTS)
    asked = [box.values(point) for point in np.minimum(unit, np.nextafter(1.0, 0.0))]
    expected = process.predict(_inputs(first, asked))
    best = np.argsort(expected, kind="stable")
    good = best[: math.ceil(max(_SHARE_GOOD, _LEAST_GOOD / len(values)) * _NUM_POINTS)]
    logs = {name: np.log10([point[name] for point in asked]) for name in logarithmic}
    limits = {n: d for n, d in box.dimensions.items() if isinstance(d, LogUniform)}
    ranges = {name: _range(logs[name][good], limits[name]) for name in logarithmic}
    lowest = float(expected.min())
    bad = expected > lowest + _BAD * (float(targets.max()) - lowest)
    found: dict[str, Dimension] = dict(box.dimensions)
    for name, (low, high) in peeled(ranges, logs, bad, int(best[0])).items():
        ends, before = limits[name], logarithmic[name]
        low_stays = ends.low < before.low or low <= math.log10(ends.low)
        high_stays = ends.high > before.high or high >= math.log10(ends.high)
        found[name] = LogUniform(
            low=ends.low if low_stays else max(_rounded(10**low), ends.low),
            high=ends.high if high_stays else min(_rounded(10**high), ends.high),
        )
    return found


def _range(logs: FloatArray, limits: LogUniform) -> Range:
    """Where most of the good points lie, with room on both sides, within limits."""
    low, high = np.quantile(logs, _QUANTILES)
    short = max(0.0, LEAST_DECADES - (high - low))
    room = short / 2 + max(_ROOM * (high - low + short), _LEAST_ROOM)
    return max(low - room, math.log10(limits.low)), min(high + room, math.log10(limits.high))


def _rounded(value: float) -> float:
    """One significant digit, as a person would write it."""
    return float(f"{value:.1g}")


def _evenly(num: int, most: int) -> list[int]:
    """Returns which of `num` trials to take: all, or `most` of them, evenly spaced."""
    return sorted({round(i) for i in np.linspace(0, num - 1, min(num, most))})


def _inputs(first: SearchSpace, values: Sequence[Mapping[str, float]]) -> FloatArray:
    """float64 [n, d]: positions in the first round's box; outside [0, 1] where it was passed."""
    columns = [
        position(dimension, [one[name] for one in values])
        for name, dimension in first.dimensions.items()
        if not isinstance(dimension, Fixed)
    ]
    return np.stack(columns, axis=1)


def alike_below(metric: Metric) -> float:
    """Returns the error below which results are alike; 0 if all count."""
    return _LEAST_RESULT if metric.unit in (SHARE, "nats") else 0.0


def standardised(
    results: FloatArray, worst: float, least: float = _LEAST_RESULT
) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
    """Returns standardised logs of results, and what makes results of such.

    What diverged is as bad as guessing, or as the worst that counts. Results as they are, not their
    logs, where one is negative (a density's logarithm, say).

    Args:
        results: float64 [n], lower is better; inf or NaN for trials that diverged.
        worst: What guessing gives; results above it are alike. inf if not known.
        least: Results below it are alike; 0 if all count, as where guessing's is not known.
    """
    finite = results[np.isfinite(results)]
    are_logs = not (finite < 0).any()
    of_use = finite[finite > 0] if are_logs else finite
    # 0 has no logarithm, and is better than the least.
    share = 1 if len(of_use) == len(finite) else 2
    if not math.isfinite(worst) or (are_logs and worst <= 0):
        ends = np.quantile(of_use, [0.0, _WORST_QUANTILE]) if len(of_use) else (1.0, 1.0)
        least, worst = float(ends[0]) / share, float(ends[1])
    elif not are_logs:
        least = float(finite.min())
    elif not least:
        least = float(of_use.min(initial=worst)) / share
    kept = np.clip(np.nan_to_num(results, nan=worst, posinf=worst), least, worst)
    targets = np.log(kept) if are_logs else kept
    mean, deviation = float(targets.mean()), float(targets.std()) or 1.0

    def restored(expected: FloatArray) -> FloatArray:
        values = mean + deviation * expected
        return np.exp(values) if are_logs else values

    return np.asarray((targets - mean) / deviation), restored


def _fitted(inputs: FloatArray, targets: FloatArray) -> GaussianProcessRegressor:
    num_dims = inputs.shape[1]
    start = np.full(num_dims, 0.3)  # from here as good an optimum was found as from several places
    kernel = ConstantKernel(1.0, _SIGNAL) * RBF(start, _LENGTH_SCALES) + WhiteKernel(0.1, _NOISE)
    process = GaussianProcessRegressor(kernel)
    with warnings.catch_warnings():
        # A length scale at its bound is a dimension that hardly matters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return process.fit(inputs, targets)
