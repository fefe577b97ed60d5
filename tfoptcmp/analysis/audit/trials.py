"""How many trials there are, of what length, and what can be claimed from them."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tfoptcmp.analysis.audit.cost import more_trials
from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import LEAST_TRIALS, LEAST_TRIALS_A_DRAW, Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.curves import verdict_curve
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, measured
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import Verdict, judge

# A larger difference between numbers of trials than the last few of an unfinished study.
_MUCH_FEWER = 2.0
# With more than half of the trials lost, the space was hardly searched where the rule works.
_TOO_MANY_INFEASIBLE = 0.5
# In a budget of time, steps of trials vary by some percent (AlgoPerf: 57,218 to 59,229).
_OF_ONE_BUDGET = 1.2
# Fewer equal trials than this may be chance.
_FEWEST_COPIED = 5


def few_trials(comparison: Comparison) -> Iterator[Finding]:
    """Finds optimizers with fewer than tens of feasible trials."""
    few = [one for one in comparison.contestants if one.num_feasible < LEAST_TRIALS]
    if few:
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="fewer than tens of trials",
            evidence=f"{_counts(few)} feasible trials; at least {LEAST_TRIALS} are needed",
            next_step="run more trials (of tfoptcmp-tune: raise --num_feasible and repeat the "
            "command)" + more_trials((one, LEAST_TRIALS - one.num_feasible) for one in few),
        )


def unequal(comparison: Comparison) -> Iterator[Finding]:
    """Finds optimizers that got more trials, more steps or a different schedule than others."""
    counts = [one.num_feasible for one in comparison.contestants]
    if min(counts) < max(counts):
        much = min(counts) * _MUCH_FEWER <= max(counts)
        yield Finding(
            severity="warning" if much else "note",
            subject=comparison.workload,
            title="unequal numbers of trials",
            evidence=f"{_counts(comparison.contestants)} feasible trials; the best of more trials "
            "is better by luck alone",
            next_step=f"compare only at the same K (K = {comparison.tuning_budget} here), or run "
            "the same number of trials of each"
            + more_trials((one, max(counts) - one.num_feasible) for one in comparison.contestants),
        )
    yield from _unequal_steps(comparison)
    schedules = {one.title: one.schedule for one in comparison.contestants if one.schedule}
    if len(set(schedules.values())) > 1:
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="different learning-rate schedules",
            evidence=", ".join(f"{title} {schedule}" for title, schedule in schedules.items()),
            next_step="give every optimizer the same kind of schedule, tuned for each",
        )


def _unequal_steps(comparison: Comparison) -> Iterator[Finding]:
    """Finds trials of fewer steps than others; a budget of time gives each its own number."""
    steps = {
        one.title: (int(one.feasible["steps"].min()), int(one.feasible["steps"].max()))
        for one in comparison.contestants
        if one.reports("steps")
    }
    if len({end for ends in steps.values() for end in ends}) < 2:
        return
    within = [title for title, (low, high) in steps.items() if high > _OF_ONE_BUDGET * low]
    most = [high for _, high in steps.values()]
    by_time = all(low < high for low, high in steps.values()) and not within
    apart = max(most) > _OF_ONE_BUDGET * min(most)
    shown = ", ".join(
        f"{title} {low:,}" + (f" to {high:,}" if high > low else "")
        for title, (low, high) in steps.items()
    )
    if by_time and not apart:
        yield Finding(
            severity="note",
            subject=comparison.workload,
            title="a budget of time, it seems",
            evidence=f"steps per trial: {shown}",
            next_step="say that the budget was time, and on which machine",
        )
        return
    yield Finding(
        severity="error",
        subject=comparison.workload,
        title="unequal budgets",
        evidence=f"steps per trial: {shown}",
        next_step="train every optimizer for the same number of steps"
        if not within
        else f"train every trial of {', '.join(within)} for the same number of steps, or leave out "
        "those that were stopped early",
    )


def identical(comparison: Comparison) -> Iterator[Finding]:
    """Finds trials that are listed twice."""
    for one in comparison.contestants:
        alike = one.feasible.drop(columns="trial")
        for name in ("validation_metric", "test_metric"):  # hardly any are alike in both
            alike = alike[alike[name].duplicated(keep=False)]
        repeated = int(alike.duplicated().sum())
        if repeated and any(name.startswith("searched_") for name in alike):
            yield Finding(
                severity="note",
                subject=f"{comparison.workload}: {one.title}",
                title="identical trials",
                evidence=f"{repeated} of {len(one.trials)} trials equal another in all that is "
                "known",
                next_step="leave out copies; if they are runs with other seeds, report the seeds",
            )


def copies(comparison: Comparison) -> Iterator[Finding]:
    """Finds optimizers of which most trials are another's, too: a study beside its copy."""
    known = [(one, *_told_apart(one)) for one in comparison.contestants]
    for (first, names, rows), (second, others, other_rows) in itertools.combinations(known, 2):
        if names != others or min(rows.size, other_rows.size) < _FEWEST_COPIED:
            continue
        shared = np.intersect1d(rows, other_rows, assume_unique=True).size
        if shared > 0.5 * min(rows.size, other_rows.size):
            yield Finding(
                severity="warning",
                subject=f"{comparison.workload}: {first.title}, {second.title}",
                title="the same trials under two names",
                evidence=f"{shared} trials agree in every hyperparameter and result, so that they "
                "seem to be one optimizer, which counts as two",
                next_step="leave one of them out",
            )


def _told_apart(one: Contestant) -> tuple[list[str], NDArray[np.uint64]]:
    """The hyperparameters that are known, and a number for each trial of a result of its own.

    The number is of hyperparameters and results. Trials that end at guessing, or whose results are
    coarse, say nothing about copies.
    """
    results = ["validation_metric", "test_metric", "train_loss"]
    table = one.feasible[[name for name in one.feasible if name.startswith("searched_")]]
    table = table.dropna(axis="columns", how="all").sort_index(axis="columns").astype(float)
    names = list(table)
    if not names:
        return names, np.empty(0, np.uint64)
    table = table.join(one.feasible[results]).drop_duplicates(results, keep=False)
    return names, np.unique(pd.util.hash_pandas_object(table, index=False).to_numpy())


def untested(comparison: Comparison) -> Iterator[Finding]:
    """Finds comparisons judged by the metric that selects, so that selected results flatter."""
    if comparison.num_trials and main_statistic(comparison) == "validation":
        tested = [
            f"{one.title} {one.num_reporting('test_metric')} of {one.num_feasible}"
            for one in comparison.contestants
        ]
        some = any(one.reports("test_metric") for one in comparison.contestants)
        yield Finding(
            severity="note",
            subject=comparison.workload,
            title="test metric of some trials only" if some else "no test metric",
            evidence="trials are selected by the validation metric, and judged by it"
            + (f"; it is known of {', '.join(tested)}" if some else ""),
            next_step="report the test metric of every trial, or say that the results are "
            "those of the validation set",
        )


def scattered(comparisons: Sequence[Comparison]) -> Iterator[Finding]:
    """Finds optimizers without a common budget, though they trained the same workload."""
    for workload in dict.fromkeys(comparison.workload for comparison in comparisons):
        same = [comparison for comparison in comparisons if comparison.workload == workload]
        names = [{one.name for one in comparison.contestants} for comparison in same]
        if len(same) > 1 and any(known != names[0] for known in names):
            shown = "; ".join(
                f"{', '.join(one.title for one in comparison.contestants)}: "
                + ", ".join(f"{name} {value:g}" for name, value in comparison.budget.items())
                for comparison in same
            )
            yield Finding(
                severity="warning",
                subject=workload,
                title="unequal budgets",
                evidence=f"{shown}; results of different budgets or data are not comparable",
                next_step="run every optimizer at the same budget and on the same data",
            )


def infeasible(comparison: Comparison) -> Iterator[Finding]:
    """Finds search spaces in which most trials diverge."""
    for one in comparison.contestants:
        diverged, total = one.num_infeasible, len(one.ended)
        if diverged > _TOO_MANY_INFEASIBLE * total:
            yield Finding(
                severity="warning",
                subject=f"{comparison.workload}: {one.title}",
                title="most trials diverged",
                evidence=f"{diverged} of {total} trials ({100 * diverged / total:.0f} %)",
                next_step="narrow the search space where trials diverge, most often at large "
                "learning rates, and run the study again",
            )


def no_verdicts(comparison: Comparison) -> Iterator[Finding]:
    """Finds a K that needs more trials, where `few_trials` does not report it."""
    if comparison.too_few and comparison.num_trials >= LEAST_TRIALS:
        needed, largest = (
            LEAST_TRIALS_A_DRAW * comparison.tuning_budget,
            comparison.num_trials // LEAST_TRIALS_A_DRAW,
        )
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="K is too large for the number of trials",
            evidence=f"{comparison.too_few}: no verdicts",
            next_step=f"ask about K = {largest} or less, or run {needed} trials of each"
            + more_trials((one, needed - one.num_feasible) for one in comparison.contestants),
        )


def inconclusive(comparison: Comparison) -> Iterator[Finding]:
    """Finds comparisons that decided nothing: of no pair is it known which one is better."""
    if comparison.too_few or len(comparison.contestants) < 2:
        return
    found = ranking(comparison)
    if found.decided or not found.open_pairs:
        return
    first = found.open_pairs[0]
    lacking = (
        (one, int(min(first.trials_needed, 1e9)) - one.num_feasible)
        for one in (first.special, first.general)
    )
    pairs = "its only pair is" if len(found.pairs) == 1 else f"all {len(found.pairs)} pairs are"
    yield Finding(
        severity="warning",
        subject=comparison.workload,
        title="inconclusive: no two optimizers can be told apart",
        evidence=f"{STATISTICS[found.statistic].title}, K = {comparison.tuning_budget}, "
        f"N = {comparison.num_trials}: {pairs} not decided",
        next_step=f"run more trials: {first.trials_needed_text.replace('>', 'more than')} of each "
        f"would be needed, roughly, to decide {first.special.title} against {first.general.title}"
        + ("" if math.isinf(first.trials_needed) else more_trials(lacking)),
    )


def unsupported_claim(comparison: Comparison) -> Iterator[Finding]:
    """Finds claims ("A is better than B") that the trials do not bear out at this K.

    Borne out is a difference of mean errors whose 95 % interval lies below 0. Where there are too
    few trials for any verdict, other checks speak of it.
    """
    for better, worse in comparison.claims:
        first, second = comparison.named(better), comparison.named(worse)
        main = main_statistic(comparison)
        others = (name for name in ("test", "validation") if name != main)
        both = [name for name in (main, *others) if _both(first, second, name)]
        if not both:
            continue
        judgement = judge(comparison, second, first, both[0], inclusion=True)
        if judgement.verdict in (Verdict.BETTER, Verdict.NO_VERDICT):
            continue
        at_other = verdict_curve(comparison, second, first, both[0])
        enough = [
            point.tuning_budget
            for point in at_other
            if point.tuning_budget > comparison.tuning_budget and point.verdict is Verdict.BETTER
        ]
        metric = judgement.metric
        shown = metric.value_difference_with(judgement.difference, judgement.low, judgement.high)
        side = "above" if metric.maximize else "below"
        yield Finding(
            severity="warning",
            subject=f"{comparison.workload}: {first.title} better than {second.title}",
            title="the trials do not support the claim",
            evidence=f"{both[0]}, difference of means {shown} (95 % interval, {side} 0 is "
            f"better) at K = {comparison.tuning_budget}",
            next_step=f"claim it only for K = {enough[0]} trials"
            if enough
            else f"run more trials ({judgement.trials_to_be_better_text} of each, roughly), or "
            "drop it"
            if judgement.difference < 0 and judgement.verdict is not Verdict.EQUIVALENT
            else "drop it",
        )


def _both(first: Contestant, second: Contestant, statistic: str) -> bool:
    return measured(first, statistic) and measured(second, statistic)


def _counts(contestants: Sequence[Contestant]) -> str:
    return ", ".join(f"{one.title} {one.num_feasible}" for one in contestants)


CHECKS = (
    few_trials,
    no_verdicts,
    unequal,
    identical,
    copies,
    untested,
    infeasible,
    inconclusive,
    unsupported_claim,
)
