"""How many trials there are, of what length, and what can be claimed from them."""

from collections.abc import Iterator, Sequence

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison, default_tuning_budget
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import Distribution, difference
from tfoptcmp.analysis.statistics.quantities import STATISTICS, best_of_k, measured
from tfoptcmp.analysis.statistics.verdicts import INTERVAL, interval, is_better

# "Tens of trials" (Choi et al. 2019): below two tens, K = N / 5 is 3 or less.
_TENS = 20
# A factor between numbers of trials that is more than an unfinished study's last few.
_MUCH_FEWER = 2.0
# With more than half of the trials lost, the space was hardly searched where the rule works.
_TOO_MANY_INFEASIBLE = 0.5


def few_trials(comparison: Comparison) -> Iterator[Finding]:
    """Finds optimizers with fewer than tens of feasible trials."""
    few = [one for one in comparison.contestants if one.num_feasible < _TENS]
    if few:
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="fewer than tens of trials",
            evidence=f"{_counts(few)} feasible trials; at least {_TENS} are needed",
            next_step="run more trials (of tfoptcmp-tune: raise --num_feasible and repeat the "
            "command)",
        )


def unequal(comparison: Comparison) -> Iterator[Finding]:
    """Finds optimizers that were given more trials, more steps or another schedule than others."""
    counts = [one.num_feasible for one in comparison.contestants]
    if min(counts) < max(counts):
        much = min(counts) * _MUCH_FEWER <= max(counts)
        yield Finding(
            severity="warning" if much else "note",
            subject=comparison.workload,
            title="unequal numbers of trials",
            evidence=f"{_counts(comparison.contestants)} feasible trials; the best of more trials "
            "is better by luck alone",
            next_step=f"compare at the same K only (K = {comparison.tuning_budget} here), or run "
            "as many trials of each",
        )
    steps = {
        one.title: int(one.feasible["steps"].max())
        for one in comparison.contestants
        if one.reports("steps")
    }
    if len(set(steps.values())) > 1:
        yield Finding(
            severity="error",
            subject=comparison.workload,
            title="unequal budgets",
            evidence="steps a trial: " + ", ".join(f"{t} {s:,}" for t, s in steps.items()),
            next_step="train every optimizer for the same number of steps",
        )
    schedules = {one.title: one.schedule for one in comparison.contestants if one.schedule}
    if len(set(schedules.values())) > 1:
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="different learning-rate schedules",
            evidence=", ".join(f"{title} {schedule}" for title, schedule in schedules.items()),
            next_step="give every optimizer the same kind of schedule, tuned for each",
        )


def scattered(comparisons: Sequence[Comparison]) -> Iterator[Finding]:
    """Finds optimizers that meet on no common budget, though they trained the same workload."""
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


def unsupported_claim(comparison: Comparison) -> Iterator[Finding]:
    """Finds claims ("A is better than B") that the trials do not support at this K.

    Supported is what the interval of the difference of two independent tunings with K trials each
    bears out. K above N / 2 supports nothing: the intervals are too narrow. Where that is because K
    cannot be smaller, `few_trials` speaks of it.
    """
    named = {one.name: one for one in comparison.contestants}
    budget, num_trials = comparison.tuning_budget, comparison.num_trials
    if comparison.descriptive_only and num_trials and budget > default_tuning_budget(num_trials):
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="K is more than half of the number of trials",
            evidence=f"K = {budget}, N = {num_trials}: no verdicts",
            next_step=f"run {2 * budget} trials of each, or choose a smaller K",
        )
    for better, worse in comparison.claims:
        first, second = named[better], named[worse]
        statistic = (
            "test" if all(measured(one, "test") for one in (first, second)) else "validation"
        )
        at = _ahead(first, second, statistic, budget)
        if at is None or is_better(at):
            continue
        more = range(budget + 1, num_trials // 2 + 1)
        enough = next((k for k in more if _is_ahead(first, second, statistic, k)), None)
        low, high = map(STATISTICS[statistic].metric(comparison).text, interval(at))
        yield Finding(
            severity="warning",
            subject=f"{comparison.workload}: {first.title} better than {second.title}",
            title="K is too small for the claim",
            evidence=f"{statistic}, difference [{low}, {high}] ({INTERVAL}, below 0 is better) at "
            f"K = {budget}",
            next_step=f"claim it for K = {enough} trials and more only"
            if enough
            else f"run more trials: none of the K up to N / 2 = {num_trials // 2} supports it",
        )


def _ahead(
    better: Contestant, worse: Contestant, statistic: str, num_drawn: int
) -> Distribution | None:
    a, b = best_of_k(better, statistic, num_drawn), best_of_k(worse, statistic, num_drawn)
    return None if a is None or b is None else difference(a, b)


def _is_ahead(better: Contestant, worse: Contestant, statistic: str, num_drawn: int) -> bool:
    ahead = _ahead(better, worse, statistic, num_drawn)
    return ahead is not None and is_better(ahead)


def _counts(contestants: Sequence[Contestant]) -> str:
    return ", ".join(f"{one.title} {one.num_feasible}" for one in contestants)


CHECKS = (few_trials, unequal, infeasible, unsupported_claim)
