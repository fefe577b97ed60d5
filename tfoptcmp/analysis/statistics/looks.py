"""Adding trials until it is decided: when to look, what a look may spend, what it finds.

Whoever looks again and again at the 5 % level, and stops as soon as something is decided, is wrong
more often than 5 %. Here the looks are planned: N = 20, 40, 80, ... up to a maximum, the first with
N >= 5 K. The look at N_l of N_max may err, on each side, with the probability

    0.025 (N_l - N_{l-1}) / N_max / (number of pairs asked about),        N_0 = 0,

whose sum over looks and pairs is 0.025 (Lan and DeMets 1983, "Discrete sequential boundaries for
clinical trials", with spending in proportion to the trials; Bonferroni over the pairs). Decided
pairs stay decided. Of each study the first N_l feasible trials by their index count, so that a look
is a function of the trials: neither their order in time nor trials that came later change it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import cast

import pandas as pd
from scipy.special import ndtri

from tfoptcmp.analysis.comparison import (
    LEAST_TRIALS,
    Comparison,
    too_few_trials,
    trials_for_verdicts,
)
from tfoptcmp.analysis.comparison import comparison as comparison_of
from tfoptcmp.analysis.contestant import Contestant, trials_table
from tfoptcmp.analysis.statistics.means import Means
from tfoptcmp.analysis.statistics.pairs import every_pair, testable_inclusions
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, measured
from tfoptcmp.analysis.statistics.resamples import NUM_RESAMPLES
from tfoptcmp.analysis.statistics.verdicts import LEVEL, Verdict, tolerance_of, verdict_of
from tfoptcmp.metrics import Metric
from tfoptcmp.signatures import Signature
from tfoptcmp.study.looks import Look, Looks, Pair, PairLook, Plan, SequentialVerdict
from tfoptcmp.study.schema import StudyError, planned_tuning_budget

# An end of an interval is a percentile of the resamples: that many lie beyond it.
_RESAMPLES_BEYOND = 10

_POWER = 0.8  # of forecasts


def planned_looks(max_feasible: int, tuning_budget: int) -> tuple[int, ...]:
    """Returns N of each look: 20, 40, 80, ... as far as N >= 5 K, and the maximum.

    Args:
        max_feasible: N_max, with enough trials for a verdict at K.
        tuning_budget: K >= 1.

    Raises:
        ValueError: If max_feasible is too few.
    """
    if reason := too_few_trials(max_feasible, tuning_budget):
        raise ValueError(
            f"max_feasible must be >= {trials_for_verdicts(tuning_budget)}; got {max_feasible}: "
            f"{reason}"
        )
    looks, num = [], LEAST_TRIALS
    while num < max_feasible:
        if not too_few_trials(num, tuning_budget):
            looks.append(num)
        num *= 2
    return (*looks, max_feasible)


def make_plan(
    comparison: Comparison,
    max_feasible: int,
    tuning_budget: int | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> Plan:
    """Returns the plan of a comparison, which needs no trials for that.

    Args:
        comparison: With all contestants.
        max_feasible: N_max.
        tuning_budget: K; by default N_max // 10, at least 2.
        pairs: Names of those to decide; by default all inclusions, if there are none all pairs.

    Raises:
        ValueError: If a number is too small or a pair is none of the comparison's.
    """
    tuning_budget = tuning_budget or planned_tuning_budget(max_feasible)
    return Plan(
        max_feasible=max_feasible,
        tuning_budget=tuning_budget,
        pairs=pairs_to_decide(comparison, pairs),
        looks=planned_looks(max_feasible, tuning_budget),
        level=LEVEL / 2,
    )


def pairs_to_decide(
    comparison: Comparison, asked: Sequence[tuple[str, str]] | None = None
) -> tuple[Pair, ...]:
    """Returns the names of the pairs, a special rule first, in the contestants' order.

    Args:
        comparison: With all contestants.
        asked: Pairs of names in any order; by default all inclusions, if there are none all pairs.

    Raises:
        ValueError: If a pair is none of the comparison's, or named twice.
    """
    every = [(a.name, b.name) for a, b in every_pair(comparison, comparison.contestants)]
    if not every:
        raise ValueError("optimizers must be two at least: there is no pair to decide")
    if asked is None:
        included = testable_inclusions(comparison)
        return tuple(pair for pair in every if pair in included) or tuple(every)
    wanted = [frozenset(pair) for pair in asked]
    for names, pair in zip(wanted, asked, strict=True):
        if names not in map(frozenset, every):
            known = ", ".join(one.name for one in comparison.contestants)
            raise ValueError(f"pairs must name two different ones of {known}; got {pair}")
        if wanted.count(names) > 1:
            raise ValueError(f"pairs must be named once each; got {pair} twice")
    return tuple(pair for pair in every if frozenset(pair) in wanted)


def without_trials(signatures: Sequence[Signature], metric: Metric) -> Comparison:
    """Returns what is known of a comparison before its first trial, for its plan."""
    return comparison_of(
        workload="",
        metric=metric,
        contestants=[
            Contestant(
                name=one.name,
                title=one.name,
                rule=one.rule,
                trials=trials_table(pd.DataFrame()),
                dimensions=one.space.dimensions,
                own=one.space.own,
                schedule=one.schedule,
            )
            for one in signatures
        ],
    )


def levels(plan: Plan) -> list[float]:
    """Returns the level of each look, of one pair on one side."""
    return spent(plan.looks, len(plan.pairs), plan.level)


def spent(looks: Sequence[int], num_pairs: int, level: float) -> list[float]:
    """Returns how a level is spent: what each look adds over the maximum, for each of the pairs."""
    return [level * (num - before) / looks[-1] / num_pairs for before, num in pairwise((0, *looks))]


def take_look(comparison: Comparison, made: Looks, num_resamples: int = NUM_RESAMPLES) -> Looks:
    """Returns the looks with the next one.

    Args:
        comparison: With the contestants of the plan and enough trials for its next look.
        made: The plan and the looks so far; there must be a next one.
        num_resamples: Of the bootstrap, at least; more where the level asks for more.

    Raises:
        StudyError: If a trial that should count has not ended.
    """
    plan, num_trials = made.plan, made.next_look
    assert num_trials is not None, "there is a next look"
    names = {name for pair in plan.pairs for name in pair}
    cut = replace(
        comparison,
        # Those that nobody asked about must not change what is drawn.
        contestants=tuple(
            first_trials(one, num_trials) for one in comparison.contestants if one.name in names
        ),
        tuning_budget=plan.tuning_budget,
    )
    level = levels(plan)[len(made.looks)]
    means = Means(cut, max(num_resamples, math.ceil(_RESAMPLES_BEYOND / level)))
    look = Look(
        num_trials=num_trials,
        pairs=[_pair_look(cut, means, pair, 2 * level) for pair in made.open_pairs],
    )
    return replace(made, looks=[*made.looks, look])


def first_trials(one: Contestant, num_feasible: int) -> Contestant:
    """Returns an optimizer with no more than its first feasible trials, by their index.

    Raises:
        StudyError: If there are fewer, or one of lower index than the last of them has not ended:
            then others would be the first once it has.
    """
    ended = one.ended.sort_values("trial", kind="stable")
    enough = ended["feasible"].cumsum() >= num_feasible
    if not enough.any():
        raise StudyError(
            f"{one.name}: a look at N = {num_feasible} needs as many feasible trials; got "
            f"{one.num_feasible}"
        )
    last = float(ended.loc[enough.idxmax(), "trial"])
    kept = ended[ended["trial"] <= last]
    if len(kept) != last + 1:
        missing = min({*range(int(last) + 1)} - {*kept["trial"].astype(int)})
        raise StudyError(
            f"{one.name}: trial {missing} has not ended, and belongs to the first {num_feasible} "
            "feasible ones or before them"
        )
    return replace(one, trials=kept)


def seconds_a_trial(one: Contestant) -> float:
    """Returns the time of a feasible trial, with its share of those that diverged; 0 if unknown."""
    return float(one.ended["seconds"].sum() / max(1, one.num_feasible))


def looks_needed_factor(plan: Plan) -> float:
    """Returns how many times the trials of a single test at 5 % a decision by looks takes, roughly.

    By the normal approximation, at the level of the last look and with probability 0.8.
    """
    power = ndtri(_POWER)
    at_last = ndtri(1 - levels(plan)[-1])
    return float(((at_last + power) / (ndtri(1 - LEVEL / 2) + power)) ** 2)


def looks_sentences(comparison: Comparison) -> list[str]:
    """Returns what a reader has to know if trials were added until pairs were decided."""
    made = comparison.looks
    if made is None:
        return []
    plan = made.plan
    planned = ", ".join(map(str, plan.looks))
    num = len(plan.pairs)
    pairs = "1 pair was decided" if num == 1 else f"{num} pairs were decided"
    said = (
        f"Trials were added until {pairs}, at most {plan.max_feasible} of each, with looks planned "
        f"at N = {planned} (K = {plan.tuning_budget}). Read as if N had been fixed, as elsewhere "
        "in this report, intervals of 95 % are then too optimistic; by looks, which allow for "
        "that: "
    )
    titles = {one.name: one.title for one in comparison.contestants}
    decided = [
        f"{titles[b]} against {titles[a]} {one.verdict} at N = {num_trials}"
        for (a, b), (num_trials, one) in made.decided.items()
    ]
    open_ones = [f"{titles[b]} against {titles[a]}" for a, b in made.open_pairs]
    if open_ones:
        so_far = f" at N = {made.looks[-1].num_trials}" if made.looks else ", no look yet"
        decided.append(f"not decided{so_far}: {', '.join(open_ones)}")
    return [said + "; ".join(decided) + "."]


def _pair_look(comparison: Comparison, means: Means, pair: Pair, level: float) -> PairLook:
    a, b = map(comparison.named, pair)
    statistic = main_statistic(comparison)
    for one in (a, b):
        if not measured(one, statistic):
            raise StudyError(f"{one.name} has no result of {STATISTICS[statistic].title}")
    inclusion = pair in testable_inclusions(comparison)
    d = means.difference(a, b, statistic, comparison.tuning_budget)
    low, high = d.interval(level)
    mean = means.mean(a, statistic, comparison.tuning_budget)
    margin = tolerance_of(comparison, statistic, mean)
    verdict = verdict_of(low, high, margin, inclusion=inclusion)
    assert verdict is not Verdict.NO_VERDICT, "there are enough trials"
    return PairLook(
        a=a.name,
        b=b.name,
        statistic=statistic,
        difference=d.estimate,
        low=low,
        high=high,
        margin=margin,
        verdict=cast(SequentialVerdict, verdict.value),
    )
