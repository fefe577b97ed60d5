"""Answers to claims, and what the checks of all claims need from a figure's comparisons."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tfoptcmp.tools.reproduction.plans import ALL_TUNED, Panel

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.statistics.means import means_of
from tfoptcmp.analysis.statistics.quantities import best_of_k, main_statistic, measured
from tfoptcmp.analysis.statistics.verdicts import LEVEL, Judgement, judge

Panels = Sequence[tuple[Panel, Comparison]]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What our studies say about a claim.

    Attributes:
        ours: In numbers.
        agrees: "yes", "no", "cannot tell", or "not run".
    """

    ours: str
    agrees: str


NOT_RUN = Answer(ours="not run", agrees="not run")


def of(panels: Panels, workload: str) -> Panels:
    """Returns the panels of one workload."""
    return [(panel, comparison) for panel, comparison in panels if panel.workload == workload]


def with_space(panels: Panels, space: str) -> Panels:
    """Returns the panels of one search space."""
    return [(panel, comparison) for panel, comparison in panels if panel.space == space]


def all_tuned(panels: Panels) -> Panels:
    """Returns the panels in which everything is tuned, in any space."""
    return [(panel, comparison) for panel, comparison in panels if panel.protocol == ALL_TUNED]


def mean_results(comparison: Comparison) -> dict[str, float]:
    """Rule to the mean test result (validation where there is no test split) of the best of K."""
    return mean_values(comparison, main_statistic(comparison))


def mean_steps(comparison: Comparison) -> dict[str, float]:
    """Rule to the mean steps to the target, given that it was reached."""
    return {
        one.rule.name: reached.mean()
        for one in comparison.contestants
        if one.rule is not None
        and (steps := best_of_k(one, "steps_to_target", comparison.tuning_budget)) is not None
        and (reached := steps.finite()[0]) is not None
    }


def mean_values(comparison: Comparison, statistic: str) -> dict[str, float]:
    """Rule to the mean of a statistic of the best of K by which verdicts are reached.

    What does not reach the target counts as if it took all steps, a loss above guessing as that.
    """
    means, budget = means_of(comparison), comparison.tuning_budget
    return {
        one.rule.name: means.mean(one, statistic, budget)
        for one in comparison.contestants
        if one.rule is not None and measured(one, statistic)
    }


def versus(
    comparison: Comparison, first: str, second: str, statistic: str | None = None
) -> Judgement | None:
    """Returns the difference of the means of two rules, first minus second; None if one has none.

    By the test result, or validation where there is no test split, if no statistic is given.
    """
    statistic = statistic or main_statistic(comparison)
    named = {
        one.rule.name: one
        for one in comparison.contestants
        if one.rule is not None and measured(one, statistic)
    }
    if not {first, second} <= named.keys():
        return None
    return judge(comparison, named[second], named[first], statistic, inclusion=True)


def change_of(
    before: Comparison, after: Comparison, name: str
) -> tuple[float, float, float] | None:
    """Returns what a rule's mean result grows by, with its 95 % interval; None if one has none.

    The trials of the two have nothing in common, so the distances from the means to the ends of
    their intervals add up as squares (Zou and Donner 2008).
    """
    found = []
    for comparison in (before, after):
        statistic, budget = main_statistic(comparison), comparison.tuning_budget
        for one in comparison.contestants:
            if one.rule is not None and one.rule.name == name and measured(one, statistic):
                means = means_of(comparison)
                ((low, high),) = means.intervals(one, statistic, (budget,), LEVEL)
                found.append((means.mean(one, statistic, budget), low, high))
                break
        else:
            return None
    (a, a_low, a_high), (b, b_low, b_high) = found
    gap = b - a
    return gap, gap - math.hypot(b - b_low, a_high - a), gap + math.hypot(b_high - b, a - a_low)


def told(judgement: Judgement) -> str:
    """Returns a difference of means, as users know them, with its 95 % interval."""
    j = judgement
    return j.metric.value_difference_with(j.difference, j.low, j.high)


def yes(holds: bool, panels: Panels) -> str:
    """Returns "yes" or "no", or "cannot tell" if there are too few trials somewhere."""
    if any(comparison.too_few for _, comparison in panels):
        return "cannot tell"
    return "yes" if holds else "no"
