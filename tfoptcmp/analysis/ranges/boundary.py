"""The boundary check: do the best trials of a search lie away from the edges of its space?

Choi et al. (2019) search a wide initial space first and accept a final one only if every
optimizer's best trials lie inside it (figure 5): a best trial at an edge says that a better one may
lie beyond. Our rule: of the `good_trials`, count those in the outer fifth of the range, on the
dimension's own scale (those at the last value of a choice). If good trials lay anywhere alike, the
count were binomial; the edge is crowded if so many had a probability below 0.01, and nothing can be
told below 0.1 or with fewer than 15 feasible trials, of which five are too large a part.

A dimension that hardly matters has its good trials everywhere, and counts as inside.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.spaces import (
    Choice,
    Dimension,
    Fixed,
    LogUniform,
    SearchSpace,
    Uniform,
)

OUTER = 0.2
"""The part of the range that is near an edge, on the dimension's own scale."""

_LEAST_GOOD = 5
_SHARE_GOOD = 0.1
LEAST_FEASIBLE = 3 * _LEAST_GOOD
_CROWDED = 0.01
_UNLIKELY = 0.1
# A moved range goes on by this part of its width; the other side keeps this far from good trials.
_EXTENSION = 0.5
_MARGIN = 0.1

_NONE: FloatArray = np.array([], dtype=np.float64)


class Edge(StrEnum):
    """Where the good trials lie."""

    INSIDE = "inside"
    LOW = "crowds the low edge"
    HIGH = "crowds the high edge"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, kw_only=True, eq=False)
class BoundaryCheck:
    """One dimension of one study.

    Attributes:
        results: The study.
        name: Name of the hyperparameter as searched.
        dimension: What it was searched over.
        good: float64 [m], the values of the good trials, ascending.
        near_low: How many of them are near the low edge.
        near_high: How many of them are near the high edge.
        verdict: Where they lie.
        suggestion: Another range, if an edge is crowded and there is something beyond it.
        reason: Why nothing can be told, or why there is no suggestion; "" otherwise.
    """

    results: StudyResults
    name: str
    dimension: Dimension
    good: FloatArray
    near_low: int
    near_high: int
    verdict: Edge
    suggestion: Dimension | None = None
    reason: str = ""


def good_trials(results: StudyResults) -> pd.DataFrame:
    """Returns the best feasible trials by the final validation metric.

    10 % of them, or 5 where that is more, but no more than a third: not all can be good.
    """
    feasible = results.feasible[results.feasible["validation_metric"].notna()]
    count = max(_LEAST_GOOD, math.ceil(_SHARE_GOOD * len(feasible)))
    count = min(count, math.ceil(len(feasible) / 3))
    return feasible.sort_values("validation_metric", kind="stable").head(count)


def check_boundaries(results: StudyResults) -> list[BoundaryCheck]:
    """Checks every free dimension of a study, in the order of the space."""
    good = good_trials(results)
    return [
        _check(results, name, results.signature.space.dimensions[name], good)
        for name in results.signature.space.free
    ]


def position(dimension: Dimension, values: Sequence[float] | FloatArray) -> FloatArray:
    """Returns where values lie on the dimension's own scale: 0 at the low edge, 1 at the high.

    Args:
        dimension: Not Fixed. A Choice is taken in ascending order, its values at equal distances.
        values: Within the dimension.
    """
    given = np.asarray(values, dtype=np.float64)
    match dimension:
        case LogUniform(low=low, high=high):
            return np.asarray(np.log(given / low) / math.log(high / low))
        case Uniform(low=low, high=high):
            return np.asarray((given - low) / (high - low))
        case Choice(values=choices):
            return np.searchsorted(sorted(choices), given) / max(1, len(choices) - 1)
        case Fixed():
            raise ValueError(f"dimension must have a range; got {dimension!r}")


def suggested_spaces(studies: Sequence[StudyResults]) -> dict[str, SearchSpace]:
    """Returns each study's search space with crowded edges moved; signature name to space.

    A space in which nothing is crowded is returned as it is.
    """
    spaces = {}
    for results in studies:
        space = results.signature.space
        moved = {c.name: c.suggestion for c in check_boundaries(results) if c.suggestion}
        if moved:
            space = SearchSpace(
                dimensions={**space.dimensions, **moved},
                own=space.own,
                source=f"{space.source}; {', '.join(moved)} moved after the boundary check of "
                f"{results.num_feasible} trials of {results.config.workload}, study seed "
                f"{results.config.seed}",
            )
        spaces[results.name] = space
    return spaces


def write_spaces(spaces: Mapping[str, SearchSpace], path: Path) -> Path:
    """Writes signature name to `SearchSpace.to_json()`, for `tfoptcmp-tune --space_file`."""
    data = {name: space.to_json() for name, space in spaces.items()}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return path


def _check(
    results: StudyResults, name: str, dimension: Dimension, good: pd.DataFrame
) -> BoundaryCheck:
    values = np.sort(good[f"searched_{name}"].to_numpy(dtype=np.float64)) if len(good) else _NONE
    where = position(dimension, values)
    outer = 1 / len(dimension.values) if isinstance(dimension, Choice) else OUTER
    # Of a choice only the last value itself is near: its neighbour is 1 / (n - 1) away.
    near = 0.0 if isinstance(dimension, Choice) else OUTER
    near_low, near_high = int((where <= near).sum()), int((where >= 1 - near).sum())
    verdict, reason = _verdict(results.num_feasible, len(where), near_low, near_high, outer)
    suggestion = None
    if verdict in (Edge.LOW, Edge.HIGH):
        allowed = results.signature.space.meaning(name)
        suggestion = _moved(allowed, dimension, where, verdict)
        reason = "" if suggestion else "the edge is the limit of what is allowed"
    return BoundaryCheck(
        results=results,
        name=name,
        dimension=dimension,
        good=values,
        near_low=near_low,
        near_high=near_high,
        verdict=verdict,
        suggestion=suggestion,
        reason=reason,
    )


def _verdict(
    num_feasible: int, num_good: int, near_low: int, near_high: int, outer: float
) -> tuple[Edge, str]:
    if num_feasible < LEAST_FEASIBLE:
        return Edge.CANNOT_TELL, f"needs {LEAST_FEASIBLE} feasible trials"
    side, count = max(((Edge.LOW, near_low), (Edge.HIGH, near_high)), key=lambda pair: pair[1])
    probability = _at_least(count, num_good, outer)
    if probability < _CROWDED:
        return side, ""
    if probability < _UNLIKELY:
        return Edge.CANNOT_TELL, f"{count} of {num_good} may be chance"
    return Edge.INSIDE, ""


def _at_least(count: int, num: int, p: float) -> float:
    """P(X >= count) for X binomial with `num` draws of probability p."""
    return sum(math.comb(num, i) * p**i * (1 - p) ** (num - i) for i in range(count, num + 1))


def _moved(
    allowed: Hyperparameter, dimension: Dimension, where: FloatArray, edge: Edge
) -> Dimension | None:
    """The range shifted past the crowded edge; None if nothing is allowed there.

    It goes on by half its width. The other side comes after, by up to half the width too, so that
    as many trials search about as densely, but stays clear of every good trial.
    """
    if isinstance(dimension, Choice):
        return _one_more(dimension, edge, allowed.low, allowed.high)
    assert not isinstance(dimension, Fixed)
    if edge is Edge.LOW:
        low, high = -_EXTENSION, min(1.0, max(0.5, float(where.max()) + _MARGIN))
    else:
        low, high = max(0.0, min(0.5, float(where.min()) - _MARGIN)), 1 + _EXTENSION
    ends = [dimension.low, dimension.high]
    if low != 0:
        ends[0] = max(_nice(dimension.value(low)), allowed.low)
    if high != 1:
        ends[1] = min(_nice(dimension.value(high)), allowed.high)
    if ends[0] == allowed.low and allowed.low_open:
        ends[0] = dimension.low  # of a uniform dimension, which cannot come closer
    goes_on = ends[0] < dimension.low if edge is Edge.LOW else ends[1] > dimension.high
    return type(dimension)(low=ends[0], high=ends[1]) if goes_on else None


def _one_more(dimension: Choice, edge: Edge, low: float, high: float) -> Choice | None:
    """The choice with one value more at the same ratio, if it is allowed."""
    values = sorted(dimension.values, reverse=edge is Edge.LOW)
    if len(values) < 2 or min(values) <= 0:
        return None
    beyond = _nice(values[-1] * values[-1] / values[-2])
    return Choice(values=tuple(sorted((*values, beyond)))) if low < beyond < high else None


def _nice(value: float) -> float:
    """Two significant digits, as a person would write it."""
    return float(f"{value:.2g}")
