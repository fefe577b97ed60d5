"""Would another search space have said something else? A declared restriction, on the same trials.

Choi et al. (2019) claim that the search space decides the rankings that papers report. A *box* is a
part of the search spaces: limits of hyperparameters of some optimizers; the others keep their whole
space. D is asked for at one K, of all trials and of those inside, for each pair of which at least
one side is restricted:

    turns             both intervals exclude 0, and the two D have opposite signs
    differs           the interval of D in the box minus D in the whole space excludes 0
    cannot say        neither
    not answerable    too few trials inside, or they leave out too much of the box

Whole studies are resampled and each resample is cut (`Means.cut_differences`), so that the number
of trials inside varies as it would. The level, 0.05, is divided by the boxes times their pairs. A
box that was chosen because of these trials' results makes the difference look larger, by up to a
factor of two: it has to be declared. For the same reason nothing here looks for boxes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from tfoptcmp.analysis.comparison import LEAST_TRIALS_A_DRAW, Comparison, Limit
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.analysis.statistics.bootstrap import Bootstrapped
from tfoptcmp.analysis.statistics.means import BoolArray, means_of
from tfoptcmp.analysis.statistics.pairs import every_pair
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, measured
from tfoptcmp.analysis.statistics.verdicts import LEVEL, MOST_NEEDED, rounded_up
from tfoptcmp.hyperparameters import HYPERPARAMETERS, Hyperparameter
from tfoptcmp.metrics import Metric
from tfoptcmp.spaces import Choice, Dimension, Uniform

LEAST_INSIDE = 30
"""Trials of each side below which nothing is said."""

_LEAST_SPAN = 0.8  # of each limit's interval, between the smallest and the largest value inside

Box = tuple[Limit, ...]


class Change(StrEnum):
    """What a box changes of a pair's difference."""

    TURNS = "turns"
    DIFFERS = "differs"
    CANNOT_SAY = "cannot say"
    NOT_ANSWERABLE = "not answerable"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A difference of means and the ends of its interval, in the metric's unit."""

    value: float
    low: float
    high: float

    @property
    def excludes_0(self) -> bool:
        """Whether its sign is sure."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The trials of one optimizer that lie in a box.

    Attributes:
        contestant: The optimizer.
        inside: bool [N], of the feasible trials; all of them where it has no limit.
        lacking: Why they do not answer for the box, with the trials needed; "" if they do.
        trials_needed: Roughly the N at which they would, N itself if they do; inf if more trials
            would not help, or for more than MOST_NEEDED times as many.
    """

    contestant: Contestant
    inside: BoolArray
    lacking: str
    trials_needed: float

    @property
    def num_inside(self) -> int:
        """Feasible trials in the box."""
        return int(self.inside.sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Restricted:
    """What a box says of a pair of optimizers.

    Attributes:
        box: The limits.
        a: The first, and its trials inside.
        b: The second.
        statistic: A name in STATISTICS: the comparison's main one.
        metric: What it reports.
        tuning_budget: K, of the box and of the whole space.
        level: Probability that one of the intervals misses the true value.
        change: The answer.
        whole: D, b minus a, of all trials; None if it is not answerable, as those below.
        part: D of the trials inside.
        difference: D of those inside minus D of all.
    """

    box: Box
    a: Part
    b: Part
    statistic: str
    metric: Metric
    tuning_budget: int
    level: float
    change: Change
    whole: Estimate | None = None
    part: Estimate | None = None
    difference: Estimate | None = None


def parse_box(text: str) -> Box:
    """Reads a box: "adam:epsilon=1e-9..1e-7,momentum:eta0=1e-3..1e-1".

    Raises:
        ValueError: If it is none; the message says what is wrong with which part.
    """
    limits = tuple(_limit(part.strip()) for part in text.split(","))
    named = [(limit.optimizer, limit.name) for limit in limits]
    for limit in limits:
        if named.count((limit.optimizer, limit.name)) > 1:
            raise ValueError(f"{limit.optimizer}:{limit.name} must have one range; got {text!r}")
    return limits


def _limit(text: str) -> Limit:
    left, _, ends = text.rpartition("=")
    optimizer, _, name = left.rpartition(":")
    low, dots, high = ends.partition("..")
    try:
        found = Limit(optimizer=optimizer, name=name, low=float(low), high=float(high))
    except ValueError:
        found = None
    if not (optimizer and name and dots) or found is None or "..." in ends:
        raise ValueError(
            f"must be optimizer:hyperparameter=low..high, such as adam:epsilon=1e-9..1e-7; "
            f"got {text!r}"
        )
    if not (math.isfinite(found.low) and math.isfinite(found.high) and found.low < found.high):
        raise ValueError(f"low must be < high, both finite; got {text!r}")
    return found


def with_boxes(comparisons: Sequence[Comparison], boxes: Sequence[Box]) -> list[Comparison]:
    """Returns comparisons that ask about boxes, each of those limits whose optimizer it has.

    Raises:
        ValueError: If no comparison has an optimizer, or an optimizer has no such hyperparameter.
    """
    known = sorted({one.name for each in comparisons for one in each.contestants})
    for limit in (limit for box in boxes for limit in box):
        if limit.optimizer not in known:
            raise ValueError(f"optimizer must be one of {known}; got {str(limit)!r}")
    asked = []
    for each in comparisons:
        by_name = {one.name: one for one in each.contestants}
        own = [tuple(limit for limit in box if limit.optimizer in by_name) for box in boxes]
        for limit in (limit for box in own for limit in box):
            if by_name[limit.optimizer].num_feasible:
                values_of(by_name[limit.optimizer], limit.name)
        asked.append(replace(each, boxes=tuple(box for box in own if box)))
    return asked


def values_of(one: Contestant, name: str) -> FloatArray:
    """Returns a hyperparameter of the feasible trials.

    Args:
        one: The optimizer.
        name: As searched, as used ("beta_1") or as the paper calls it: "alpha0" and "eta0" are the
            learning rate at the first step, also where its ratio to epsilon was searched.

    Returns:
        float64 [N], NaN where it is not known.

    Raises:
        ValueError: If it is not known; the message lists what is.
    """
    known = _known(one)
    if name not in known:
        raise ValueError(
            f"hyperparameter of {one.name!r} must be one of {sorted(known)}; got {name!r}"
        )
    column, meaning = known[name]
    values: FloatArray = one.feasible[column].to_numpy(dtype=np.float64)
    if meaning is None or meaning.transform == "same":
        return values
    if meaning.transform == "one_minus":
        return np.asarray(1.0 - values)
    epsilon = one.feasible["used_epsilon"].to_numpy(dtype=np.float64)
    return np.asarray(
        values / (epsilon if meaning.transform == "times_epsilon" else np.sqrt(epsilon))
    )


def _known(one: Contestant) -> dict[str, tuple[str, Hyperparameter | None]]:
    """Name to the column of `trials` that has it, and the transform from it to that column."""
    ratio = "" if one.rule is None else one.rule.rate_over_epsilon
    prefix = "used_"
    used = {
        str(column).removeprefix(prefix)
        for column in one.trials
        if str(column).startswith(prefix) and one.reports(str(column))
    }
    found: dict[str, tuple[str, Hyperparameter | None]] = {
        name: (prefix + meaning.argument, meaning)
        for name, meaning in HYPERPARAMETERS.items()
        if meaning.argument in used
        and meaning.transform != "fraction_of_budget"
        and (not meaning.needs_epsilon or (name == ratio and "epsilon" in used))
    }
    found |= {name: (prefix + name, None) for name in used}
    return found | {name: (f"searched_{name}", None) for name in one.searched_names}


def restrictions(comparison: Comparison) -> list[Restricted]:
    """Answers for each of the comparison's boxes, and each pair that it restricts, in order."""
    statistic = main_statistic(comparison)
    known = [one for one in comparison.contestants if measured(one, statistic)]
    pairs = every_pair(comparison, known)
    asked = [
        (box, a, b)
        for box in comparison.boxes
        for a, b in pairs
        if {a.name, b.name} & {limit.optimizer for limit in box}
    ]
    return [_restricted(comparison, statistic, *one, LEVEL / len(asked)) for one in asked]


def _restricted(
    comparison: Comparison, statistic: str, box: Box, a: Contestant, b: Contestant, level: float
) -> Restricted:
    parts = [part_of(one, box, comparison.tuning_budget) for one in (a, b)]
    change, found = Change.NOT_ANSWERABLE, {}
    if not any(one.lacking for one in parts):
        inside = (parts[0].inside, parts[1].inside)
        resampled = means_of(comparison).cut_differences(
            a, b, statistic, comparison.tuning_budget, inside
        )
        whole, part, difference = (_estimate(one, level) for one in resampled)
        change = change_of(whole, part, difference)
        found = {"whole": whole, "part": part, "difference": difference}
    return Restricted(
        box=box,
        a=parts[0],
        b=parts[1],
        statistic=statistic,
        metric=STATISTICS[statistic].metric(comparison),
        tuning_budget=comparison.tuning_budget,
        level=level,
        change=change,
        **found,
    )


def _estimate(found: Bootstrapped, level: float) -> Estimate:
    low, high = found.interval(level)
    return Estimate(value=found.estimate, low=low, high=high)


def change_of(whole: Estimate, part: Estimate, difference: Estimate) -> Change:
    """Applies the rule; see the top of this file."""
    if whole.excludes_0 and part.excludes_0 and (whole.low > 0) != (part.low > 0):
        return Change.TURNS
    return Change.DIFFERS if difference.excludes_0 else Change.CANNOT_SAY


def least_inside(tuning_budget: int) -> int:
    """Returns the number of trials that each side must have in a box, at K."""
    return max(LEAST_INSIDE, LEAST_TRIALS_A_DRAW * tuning_budget)


def part_of(one: Contestant, box: Box, tuning_budget: int) -> Part:
    """Returns an optimizer's trials in a box, and whether they answer for it.

    Args:
        one: The optimizer.
        box: Limits; those of other optimizers do not count.
        tuning_budget: K.
    """
    limits = [(limit, as_searched(one, limit)) for limit in box if limit.optimizer == one.name]
    values = {told: values_of(one, limit.name) for told, limit in limits}
    inside = np.ones(one.num_feasible, dtype=np.bool_)
    for told, limit in limits:
        inside &= (values[told] >= limit.low) & (values[told] <= limit.high)
    count, needed = int(inside.sum()), least_inside(tuning_budget)
    narrow = [
        reason
        for told, limit in limits
        if (reason := _leaves_out(one, told, limit, values[told][inside], count >= needed))
    ]
    trials_needed: float = one.num_feasible
    lacking = narrow
    if count < needed:
        in_all = math.inf if narrow or not count else needed * one.num_feasible / count
        far = in_all > MOST_NEEDED * one.num_feasible
        trials_needed = math.inf if far else rounded_up(math.ceil(in_all))
        of_all = f"{count} of {one.num_feasible}" if limits else str(count)
        what = f"trials of {one.title} {'lie inside' if limits else 'are there'}"
        text = f"{of_all} {what}, {needed} are needed"
        if not narrow and limits:
            text += (
                f" (more than {MOST_NEEDED * one.num_feasible:,} in all would do)"
                if far
                else f" (about {trials_needed:,.0f} in all would do)"
            )
        lacking = [text, *narrow]
    elif narrow:
        trials_needed = math.inf
    return Part(
        contestant=one, inside=inside, lacking="; ".join(lacking), trials_needed=trials_needed
    )


def _leaves_out(
    one: Contestant, told: Limit, limit: Limit, inside: FloatArray, enough: bool
) -> str:
    """Why the trials of a search leave out too much of a limit's interval; "" if they do not."""
    dimension = one.dimensions.get(limit.name)
    if dimension is not None and not _spans(limit, dimension, dimension.low, dimension.high):
        return f"the search space of {one.title} leaves out much of {told}"
    if enough and not _spans(limit, dimension, float(inside.min()), float(inside.max())):
        return (
            f"the trials of {one.title} inside span less than {100 * _LEAST_SPAN:.0f} % of {told}"
        )
    return ""


def _spans(limit: Limit, dimension: Dimension | None, low: float, high: float) -> bool:
    """Whether two values leave out little of what is between a limit's, on the search's scale."""
    if isinstance(dimension, Choice):
        return True  # its values lie where they lie
    ends = np.array([limit.low, limit.high, max(low, limit.low), min(high, limit.high)])
    if ends.min() > 0 and not isinstance(dimension, Uniform):
        ends = np.log(ends)
    return bool(ends[3] - ends[2] >= _LEAST_SPAN * (ends[1] - ends[0]))


def as_searched(one: Contestant, limit: Limit) -> Limit:
    """Returns a limit by the name that was searched, if they differ at most as x and 1 - x.

    Else the limit itself, as of a learning rate whose ratio to epsilon was searched.
    """
    if limit.name in one.free:
        return limit
    asked = HYPERPARAMETERS.get(limit.name)
    argument, transform = (
        (limit.name, "same") if asked is None else (asked.argument, asked.transform)
    )
    for name in one.free:
        meaning = one.meaning(name)
        if meaning is None or meaning.argument != argument:
            continue
        transforms = {meaning.transform, transform}
        if transforms == {"same", "one_minus"}:
            low, high = (float(f"{1 - end:.12g}") for end in (limit.high, limit.low))
            return replace(limit, name=name, low=low, high=high)
        if len(transforms) == 1 and not meaning.needs_epsilon:
            return replace(limit, name=name)
    return limit
