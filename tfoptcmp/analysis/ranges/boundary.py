"""The boundary check: do the best trials of a search lie away from the edges of its space?

Choi et al. (2019) search a wide initial space first and accept a final one only if every
optimizer's best trials lie inside it (figure 5): if a best trial is at an edge, a better one may
lie beyond. Our rule: of the `good_trials`, count those in the outer fifth of the range, on the
dimension's own scale (those at the last value of a choice). If good trials were spread evenly, the
count would be binomial. The edge is crowded if a count this high has a probability below 0.01.
Nothing can be concluded if it is below 0.1, or with fewer than 15 feasible trials, of which five
are too large a part.

A dimension that hardly matters has good trials everywhere, and counts as inside.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtrc

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.study.rounds import LEAST_FEASIBLE

OUTER = 0.2
"""The part of the range that is near an edge, on the dimension's own scale."""

_LEAST_GOOD = LEAST_FEASIBLE // 3  # a third of the trials is the most that can count as good
_SHARE_GOOD = 0.1
_CROWDED = 0.01
_UNLIKELY = 0.1
_MOST_DIGITS = 17  # of a float64
_MARGIN = 0.1  # of the width, between the other side of a moved range and good trials

EXTENSION = 0.5
"""A moved range is extended by this part of its width."""


class Edge(StrEnum):
    """Where the good trials lie."""

    INSIDE = "inside"
    LOW = "crowds the low edge"
    HIGH = "crowds the high edge"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, kw_only=True, eq=False)
class BoundaryCheck:
    """One dimension that a contestant searched.

    Attributes:
        contestant: The contestant.
        name: Name of the hyperparameter as searched.
        dimension: What it was searched over.
        good: float64 [m], the values of the good trials, ascending.
        near_low: How many of them are near the low edge.
        near_high: How many of them are near the high edge.
        verdict: Where they lie.
        suggestion: Another range, if an edge is crowded and there is something beyond it.
        reason: Why nothing can be concluded, or why there is no suggestion; "" otherwise.
    """

    contestant: Contestant
    name: str
    dimension: Dimension
    good: FloatArray
    near_low: int
    near_high: int
    verdict: Edge
    suggestion: Dimension | None = None
    reason: str = ""

    @property
    def is_crowded(self) -> bool:
        """Whether the good trials crowd an edge."""
        return self.verdict in (Edge.LOW, Edge.HIGH)

    @property
    def outer(self) -> float:
        """The share of the range that is near one edge; of a choice its last value."""
        return _outer(self.dimension)

    def near(self, edge: Edge) -> int:
        """Returns how many good trials are near the low or the high edge."""
        return self.near_low if edge is Edge.LOW else self.near_high

    def chance(self, edge: Edge) -> float:
        """Returns the probability of at least as many if good trials were spread evenly."""
        return _at_least(self.near(edge), len(self.good), self.outer)

    def at_limit(self, edge: Edge) -> bool:
        """Returns whether nothing is allowed beyond an edge of a range, as far as known."""
        allowed = self.contestant.meaning(self.name)
        if allowed is None or isinstance(self.dimension, Choice):
            return False
        return _is_at_limit(self.dimension, allowed, edge)


def enough_trials(contestant: Contestant) -> bool:
    """Returns whether there are enough feasible trials to conclude anything."""
    return len(_comparable(contestant)) >= LEAST_FEASIBLE


def good_trials(contestant: Contestant) -> pd.DataFrame:
    """Returns the best feasible trials by the final validation metric.

    10 % of them, or 5 where that is more, but no more than a third: not all can be good.
    """
    ascending = _comparable(contestant)
    count = max(_LEAST_GOOD, math.ceil(_SHARE_GOOD * len(ascending)))
    count = min(count, math.ceil(len(ascending) / 3))
    return contestant.feasible.iloc[ascending[:count]]


def _comparable(contestant: Contestant) -> NDArray[np.intp]:
    """The places of the feasible trials with a finite validation metric, the best first."""
    ranks = contestant.ranks("validation_metric")
    return ranks.order[np.isfinite(ranks.values[ranks.order])]


def check_boundaries(contestant: Contestant) -> list[BoundaryCheck]:
    """Checks every dimension that was searched, as far as known, in the order of the space."""
    good = good_trials(contestant)
    return [_check(contestant, name, good) for name in contestant.free]


def why_not_final(contestant: Contestant) -> str:
    """Returns why a search space is not accepted as final; "" if it is.

    It is final if it was searched by enough trials and no edge is crowded, apart from edges beyond
    which nothing is allowed.
    """
    if not enough_trials(contestant):
        num = len(_comparable(contestant))
        return f"{num} feasible trials, of {LEAST_FEASIBLE} that the boundary check needs"
    crowded = [
        f"{check.name} {check.verdict}"
        for check in check_boundaries(contestant)
        if check.is_crowded and check.suggestion is not None
    ]
    return ", ".join(crowded)


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


def suggested_spaces(comparison: Comparison) -> dict[str, SearchSpace]:
    """Returns each search space on record with crowded edges moved; contestant's name to space.

    A space without crowded edges is returned unchanged.
    """
    spaces = {}
    for one in comparison.contestants:
        space = one.space
        if space is None or one.record is None:
            continue
        moved = {c.name: c.suggestion for c in check_boundaries(one) if c.suggestion}
        if moved:
            space = SearchSpace(
                dimensions={**space.dimensions, **moved},
                own=space.own,
                source=f"{space.source}; {', '.join(moved)} moved after the boundary check of "
                f"{one.num_feasible} trials of {comparison.workload}, study seed "
                f"{one.record.seed}",
            )
        spaces[one.name] = space
    return spaces


def write_spaces(spaces: Mapping[str, SearchSpace], path: Path) -> Path:
    """Writes name to `SearchSpace.to_json()`, for `tfoptcmp-tune --space_file`."""
    data = {name: space.to_json() for name, space in spaces.items()}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return path


def _check(contestant: Contestant, name: str, good: pd.DataFrame) -> BoundaryCheck:
    dimension = contestant.dimensions[name]
    values = np.sort(contestant.searched(name)[good.index].dropna().to_numpy(dtype=np.float64))
    where = position(dimension, values)
    # In a choice only the last value itself is near: its neighbour is 1 / (n - 1) away.
    near = 0.0 if isinstance(dimension, Choice) else OUTER
    near_low, near_high = int((where <= near).sum()), int((where >= 1 - near).sum())
    verdict, reason, suggestion = Edge.CANNOT_TELL, f"needs {LEAST_FEASIBLE} feasible trials", None
    if enough_trials(contestant):
        verdict, reason = _verdict(len(where), near_low, near_high, _outer(dimension))
    if verdict in (Edge.LOW, Edge.HIGH):
        suggestion, reason = _suggestion(contestant.meaning(name), dimension, where, verdict)
    return BoundaryCheck(
        contestant=contestant,
        name=name,
        dimension=dimension,
        good=values,
        near_low=near_low,
        near_high=near_high,
        verdict=verdict,
        suggestion=suggestion,
        reason=reason,
    )


def _outer(dimension: Dimension) -> float:
    return 1 / len(dimension.values) if isinstance(dimension, Choice) else OUTER


def _verdict(num_good: int, near_low: int, near_high: int, outer: float) -> tuple[Edge, str]:
    if num_good < _LEAST_GOOD:
        return Edge.CANNOT_TELL, f"needs its value in {_LEAST_GOOD} good trials"
    side, count = max(((Edge.LOW, near_low), (Edge.HIGH, near_high)), key=lambda pair: pair[1])
    probability = _at_least(count, num_good, outer)
    if probability < _CROWDED:
        return side, ""
    if probability < _UNLIKELY:
        return Edge.CANNOT_TELL, f"{count} of {num_good} may be chance"
    return Edge.INSIDE, ""


def _at_least(count: int, num: int, p: float) -> float:
    """Returns P(X >= count) for X binomial with `num` draws of probability p."""
    return float(bdtrc(count - 1, num, p)) if count else 1.0


def _suggestion(
    allowed: Hyperparameter | None, dimension: Dimension, where: FloatArray, edge: Edge
) -> tuple[Dimension | None, str]:
    """Another range, or why there is none."""
    if allowed is None:
        return None, "the allowed range is not known"
    moved = _moved(allowed, dimension, where, edge)
    if moved is not None:
        return moved, ""
    if _is_at_limit(dimension, allowed, edge):
        return None, "the edge is the limit of the allowed range"
    return None, "nothing is left up to the limit, which is excluded"


def _is_at_limit(dimension: Dimension, allowed: Hyperparameter, edge: Edge) -> bool:
    if edge is Edge.LOW:
        return dimension.low <= allowed.low
    return dimension.high >= allowed.high


def _moved(
    allowed: Hyperparameter, dimension: Dimension, where: FloatArray, edge: Edge
) -> Dimension | None:
    """The range shifted past the crowded edge; None if nothing is allowed there.

    It is extended by half its width. The other side follows, also by up to half the width, so that
    the same number of trials searches about as densely; but it stays clear of every good trial.
    """
    if isinstance(dimension, Choice):
        return _one_more(dimension, edge, allowed)
    assert not isinstance(dimension, Fixed)
    if edge is Edge.LOW:
        low, high = -EXTENSION, min(1.0, max(0.5, float(where.max()) + _MARGIN))
    else:
        low, high = max(0.0, min(0.5, float(where.min()) - _MARGIN)), 1 + EXTENSION
    for num_digits in range(2, _MOST_DIGITS):  # two, if the range is not too narrow for them
        ends = [dimension.low, dimension.high]
        if low != 0:
            ends[0] = max(_nice(dimension.value(low), num_digits), allowed.low)
        if high != 1:
            ends[1] = min(_nice(dimension.value(high), num_digits), allowed.high)
        if ends[0] == allowed.low and allowed.low_open:
            ends[0] = dimension.low  # of a uniform dimension, which cannot come closer
        if edge is Edge.LOW:
            goes_on = ends[0] < dimension.low and ends[0] < ends[1] <= dimension.high
        else:
            goes_on = ends[1] > dimension.high and dimension.low <= ends[0] < ends[1]
        if goes_on:
            return type(dimension)(low=ends[0], high=ends[1])
    return None


def _one_more(dimension: Choice, edge: Edge, allowed: Hyperparameter) -> Choice | None:
    """The choice with one more value: at the same ratio, or the limit of what is allowed.

    With a 0 in it the distance is kept instead.
    """
    values = sorted(dimension.values, reverse=edge is Edge.LOW)
    if len(values) < 2:
        return None
    *_, before, last = values
    following = last * last / before if min(values) > 0 else 2 * last - before
    beyond = min(max(past(last, following, 2), allowed.low), allowed.high)
    if beyond == last or (beyond == allowed.low and allowed.low_open):
        return None
    return Choice(values=tuple(sorted((*values, beyond))))


def past(edge: float, value: float, num_digits: int) -> float:
    """Returns a value beyond an edge in so few significant digits, or as many as leave it there."""
    found = (_nice(value, digits) for digits in range(num_digits, _MOST_DIGITS + 1))
    return next((one for one in found if one != edge and (one > edge) == (value > edge)), edge)


def _nice(value: float, num_digits: int) -> float:
    """Few significant digits, as a person would write it."""
    return float(f"{value:.{num_digits}g}")
