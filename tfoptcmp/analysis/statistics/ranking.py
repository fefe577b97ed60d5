"""Which optimizer should a practitioner with K trials use? The group of the best.

An optimizer belongs to the group unless some other one is better than it by more than the margin,
at the level divided by the number of its rivals (Bonferroni): so the truly best is in the group in
at least 95 % of comparisons. It is behind the leader if its interval at that level lies above 0.
"""

from dataclasses import dataclass

from tfoptcmp.analysis.comparison import Comparison, too_few_trials
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, measured
from tfoptcmp.analysis.statistics.verdicts import (
    LEVEL,
    Judgement,
    all_pairs,
    tolerance_of,
)
from tfoptcmp.metrics import Metric


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """One optimizer's place.

    Attributes:
        contestant: Which.
        mean: Of the best of K, in the metric's unit.
        behind: The mean minus that of the leader, >= 0.
        low: Least that `behind` may well be: end of its 95 % interval.
        high: Most that it may well be.
        is_behind: Whether it is surely worse than the leader, were it by less than the margin.
        among_the_best: Whether it is in the group of the best.
    """

    contestant: Contestant
    mean: float
    behind: float
    low: float
    high: float
    is_behind: bool
    among_the_best: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """The optimizers by the mean of the best of K, and what is sure of that order.

    Attributes:
        statistic: A name in STATISTICS: the main one.
        metric: What it reports.
        tuning_budget: K.
        places: Ascending means; the first is the leader. Empty if nothing can be said.
        pairs: Every pair, judged.
        too_few: Those with too few trials to take part, and what they lack.
    """

    statistic: str
    metric: Metric
    tuning_budget: int
    places: tuple[Place, ...]
    pairs: tuple[Judgement, ...]
    too_few: tuple[tuple[Contestant, str], ...]

    @property
    def group(self) -> list[Place]:
        """The group of the best, the leader first."""
        return [place for place in self.places if place.among_the_best]

    @property
    def behind(self) -> list[Place]:
        """Those that are behind the leader, some of them perhaps by no more than the margin."""
        return [place for place in self.places if place.is_behind]

    @property
    def alike(self) -> list[Place]:
        """Those that cannot be told from the leader, and itself."""
        return [place for place in self.places if not place.is_behind]

    @property
    def open_pairs(self) -> list[Judgement]:
        """Pairs of those alike that are not decided, those that need the fewest trials first."""
        alike = {place.contestant.name for place in self.alike}
        found = [
            j
            for j in self.pairs
            if not j.verdict.decided and {j.special.name, j.general.name} <= alike
        ]
        return sorted(found, key=lambda j: j.trials_needed)

    @property
    def decided(self) -> bool:
        """Whether the trials decided any pair at all."""
        return any(j.verdict.decided for j in self.pairs)

    @property
    def all_equal(self) -> bool:
        """Whether no two of the group of the best differ by more than the margin."""
        group = {place.contestant.name for place in self.group}
        return all(
            -j.delta <= j.low and j.high <= j.delta
            for j in self.pairs
            if {j.special.name, j.general.name} <= group
        )


def ranking(comparison: Comparison) -> Ranking:
    """Ranks a comparison's optimizers by its main statistic."""
    statistic, budget = main_statistic(comparison), comparison.tuning_budget
    known = [one for one in comparison.contestants if measured(one, statistic)]
    lacking = [
        (
            one,
            too_few_trials(one.num_feasible, budget)
            or ("" if one in known else f"no {STATISTICS[statistic].title} result"),
        )
        for one in comparison.contestants
    ]
    taking_part = [one for one in known if not too_few_trials(one.num_feasible, budget)]
    means = means_of(comparison)
    order = sorted(taking_part, key=lambda one: means.mean(one, statistic, budget))
    places = []
    for one in order:
        d = means.difference(order[0], one, statistic, budget)
        low, high = d.interval(LEVEL)
        places.append(
            Place(
                contestant=one,
                mean=means.mean(one, statistic, budget),
                behind=d.estimate,
                low=low,
                high=high,
                is_behind=one is not order[0] and d.interval(LEVEL / max(1, len(order) - 1))[0] > 0,
                among_the_best=not any(
                    _is_beaten(comparison, one, rival, statistic, len(order) - 1)
                    for rival in order
                    if rival is not one
                ),
            )
        )
    return Ranking(
        statistic=statistic,
        metric=STATISTICS[statistic].metric(comparison),
        tuning_budget=budget,
        places=tuple(places),
        pairs=tuple(all_pairs(comparison, statistic)),
        too_few=tuple((one, reason) for one, reason in lacking if reason),
    )


def _is_beaten(
    comparison: Comparison, one: Contestant, rival: Contestant, statistic: str, num_rivals: int
) -> bool:
    means, budget = means_of(comparison), comparison.tuning_budget
    d = means.difference(rival, one, statistic, budget)
    low, _ = d.interval(LEVEL / num_rivals)
    return low > tolerance_of(comparison, statistic, means.mean(rival, statistic, budget))
