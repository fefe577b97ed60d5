"""How many trials there are, of what length, and what can be claimed from them."""

from collections.abc import Iterator, Sequence

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.evidence import Entry, Evidence, best_of_k, default_tuning_budget
from tfoptcmp.analysis.statistics.best_of_k import Distribution, difference

# "Tens of trials" (Choi et al. 2019): below two tens, K = N / 5 is 3 or less.
_TENS = 20
# A factor between numbers of trials that is more than an unfinished study's last few.
_MUCH_FEWER = 2.0
# With more than half of the trials lost, the space was hardly searched where the rule works.
_TOO_MANY_INFEASIBLE = 0.5


def few_trials(evidence: Evidence) -> Iterator[Finding]:
    """Finds optimizers with fewer than tens of feasible trials."""
    few = [entry for entry in evidence.entries if entry.num_feasible < _TENS]
    if few:
        yield Finding(
            severity="warning",
            subject=evidence.workload,
            title="fewer than tens of trials",
            evidence=f"{_counts(few)} feasible trials; at least {_TENS} are needed",
            next_step="run more trials (of tfoptcmp-tune: raise --num_feasible and repeat the "
            "command)",
        )


def unequal(evidence: Evidence) -> Iterator[Finding]:
    """Finds optimizers that were given more trials, more steps or another schedule than others."""
    counts = [entry.num_feasible for entry in evidence.entries]
    if min(counts) < max(counts):
        much = min(counts) * _MUCH_FEWER <= max(counts)
        yield Finding(
            severity="warning" if much else "note",
            subject=evidence.workload,
            title="unequal numbers of trials",
            evidence=f"{_counts(evidence.entries)} feasible trials; the best of more trials is "
            "better by luck alone",
            next_step=f"compare at the same K only (K = {evidence.tuning_budget} here), or run as "
            "many trials of each",
        )
    steps = {
        entry.title: int(entry.feasible["steps"].max())
        for entry in evidence.entries
        if "steps" in entry.trials and entry.feasible["steps"].notna().any()
    }
    if len(set(steps.values())) > 1:
        yield Finding(
            severity="error",
            subject=evidence.workload,
            title="unequal budgets",
            evidence="steps a trial: " + ", ".join(f"{t} {s:,}" for t, s in steps.items()),
            next_step="train every optimizer for the same number of steps",
        )
    schedules = {entry.title: entry.schedule for entry in evidence.entries if entry.schedule}
    if len(set(schedules.values())) > 1:
        yield Finding(
            severity="warning",
            subject=evidence.workload,
            title="different learning-rate schedules",
            evidence=", ".join(f"{title} {schedule}" for title, schedule in schedules.items()),
            next_step="give every optimizer the same kind of schedule, tuned for each",
        )


def scattered(comparisons: Sequence[Evidence]) -> Iterator[Finding]:
    """Finds optimizers that meet on no common budget, though they trained the same workload."""
    for workload in dict.fromkeys(evidence.workload for evidence in comparisons):
        same = [evidence for evidence in comparisons if evidence.workload == workload]
        names = [{entry.name for entry in evidence.entries} for evidence in same]
        if len(same) > 1 and any(known != names[0] for known in names):
            shown = "; ".join(
                f"{', '.join(entry.title for entry in evidence.entries)}: "
                + ", ".join(f"{name} {value:g}" for name, value in evidence.budget.items())
                for evidence in same
            )
            yield Finding(
                severity="warning",
                subject=workload,
                title="unequal budgets",
                evidence=f"{shown}; results of different budgets or data are not comparable",
                next_step="run every optimizer at the same budget and on the same data",
            )


def infeasible(evidence: Evidence) -> Iterator[Finding]:
    """Finds search spaces in which most trials diverge."""
    for entry in evidence.entries:
        diverged, total = int(entry.trials["diverged"].sum()), len(entry.trials)
        if diverged > _TOO_MANY_INFEASIBLE * total:
            yield Finding(
                severity="warning",
                subject=f"{evidence.workload}: {entry.title}",
                title="most trials diverged",
                evidence=f"{diverged} of {total} trials ({100 * diverged / total:.0f} %)",
                next_step="narrow the search space where trials diverge, most often at large "
                "learning rates, and run the study again",
            )


def unsupported_claim(evidence: Evidence) -> Iterator[Finding]:
    """Finds claims ("A is better than B") that the trials do not support at this K.

    Supported is what the 5th to 95th percentile of the difference of two independent tunings with
    K trials each bears out. K above N / 2 supports nothing: the intervals are too narrow. Where
    that is because K cannot be smaller, `few_trials` speaks of it.
    """
    entries = {entry.name: entry for entry in evidence.entries}
    num_trials = evidence.num_trials
    least = default_tuning_budget(num_trials)
    if num_trials and evidence.tuning_budget > max(num_trials / 2, least):
        yield Finding(
            severity="warning",
            subject=evidence.workload,
            title="K is more than half of the number of trials",
            evidence=f"K = {evidence.tuning_budget}, N = {num_trials}: no verdicts",
            next_step=f"run {2 * evidence.tuning_budget} trials of each, or choose a smaller K",
        )
    for better, worse in evidence.claims:
        statistic = _claimed_statistic(entries[better], entries[worse])
        at = _ahead(entries[better], entries[worse], statistic, evidence.tuning_budget)
        if at is None or at.percentile(95) < 0:
            continue
        enough = next(
            (
                k
                for k in range(evidence.tuning_budget + 1, num_trials // 2 + 1)
                if (d := _ahead(entries[better], entries[worse], statistic, k)) is not None
                and d.percentile(95) < 0
            ),
            None,
        )
        yield Finding(
            severity="warning",
            subject=f"{evidence.workload}: {entries[better].title} better than "
            f"{entries[worse].title}",
            title="K is too small for the claim",
            evidence=f"{statistic}, difference [{evidence.amount(at.percentile(5), statistic)}, "
            f"{evidence.amount(at.percentile(95), statistic)}] (5th to 95th percentile, below 0 is "
            f"better) at K = {evidence.tuning_budget}",
            next_step=f"claim it for K = {enough} trials and more only"
            if enough
            else f"run more trials: none of the K up to N / 2 = {num_trials // 2} supports it",
        )


def _claimed_statistic(first: Entry, second: Entry) -> str:
    tested = all(entry.feasible["test"].notna().any() for entry in (first, second))
    return "test" if tested else "validation"


def _ahead(better: Entry, worse: Entry, statistic: str, num_drawn: int) -> Distribution | None:
    a, b = best_of_k(better, statistic, num_drawn), best_of_k(worse, statistic, num_drawn)
    return None if a is None or b is None else difference(a, b)


def _counts(entries: Sequence[Entry]) -> str:
    return ", ".join(f"{entry.title} {entry.num_feasible}" for entry in entries)
