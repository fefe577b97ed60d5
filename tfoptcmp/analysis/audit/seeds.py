"""Luck of the seed: single seeds, gaps inside their noise, winners that were lucky or vary."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from tfoptcmp.analysis.audit.cost import more_trials
from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.verdicts import tolerance_of

# Standard deviations, of the difference of two runs or of a run and a mean: 1 in 20 by chance.
_TWO = 2.0
# Fewer runs say little of how much they vary.
_FEWEST_TO_SPREAD = 3


def seed_noise(comparison: Comparison) -> Iterator[Finding]:
    """Finds rankings from one seed whose gaps are no larger than the noise of the seed.

    One seed: all trials have the same, or each optimizer has a single run. Trials with seeds of
    their own need no such check, since resampling the trials resamples the seeds.
    """
    ranked = [(one, one.winner) for one in comparison.contestants if one.winner is not None]
    if len(ranked) < 2 or not _one_seed([one for one, _ in ranked]):
        return
    tested = all(not math.isnan(winner["test_metric"]) for _, winner in ranked)
    split = "test" if tested else "validation"
    results = sorted(
        ((float(winner[f"{split}_metric"]), one.title) for one, winner in ranked),
        key=lambda result: result[0],
    )
    (best, first), (next_best, second) = results[:2]
    gap = next_best - best
    noise, how = _noise(comparison, split, (best, next_best))
    if not gap > _TWO * noise:  # also if the noise is not known
        size = comparison.metric.size
        known = (
            f"a difference of two runs varies by {size(noise)} ({how})"
            if not math.isnan(noise)
            else "the effect of the seed is not known"
        )
        yield Finding(
            severity="note" if math.isnan(noise) else "warning",
            subject=f"{comparison.workload}: {first} before {second}",
            title="one seed, and a gap that may be its noise",
            evidence=f"gap {size(gap)}; {known}",
            next_step="run the best trial of each again with fresh seeds "
            "(tfoptcmp-tune --rerun_best=5)" + more_trials((one, 5) for one, _ in ranked),
        )


def winners_curse(comparison: Comparison) -> Iterator[Finding]:
    """Finds winners and claims that the winners' re-runs do not bear out."""
    again, text = {}, comparison.metric.text
    # Without a validation metric the test metric stands in its column.
    splits = ("test",) if comparison.selected_by == "test" else ("validation", "test")
    for one in comparison.contestants:
        yield from _diverged(comparison, one)
        runs, winner = _reruns(one), one.winner
        if winner is None or len(runs) < 2:
            continue
        again[one.name] = {split: float(runs[f"{split}_metric"].mean()) for split in splits}
        for split in splits:
            selected, values = float(winner[f"{split}_metric"]), runs[f"{split}_metric"]
            mean, deviation = float(values.mean()), float(values.std(ddof=1))
            # Of one run against the mean of n others.
            noise = deviation * math.sqrt(1 + 1 / len(runs))
            if mean - selected > _TWO * noise:
                yield Finding(
                    severity="note",
                    subject=f"{comparison.workload}: {one.title}",
                    title="the winner was lucky",
                    evidence=f"trial {winner['trial']:g}: {split} {text(selected)}; {len(runs)} "
                    f"re-runs with fresh seeds: mean {text(mean)}, standard deviation "
                    f"{comparison.metric.size(deviation)}",
                    next_step="quote the mean of the re-runs",
                )
                break
        yield from _unstable(comparison, one, runs)
    for better, worse in comparison.claims:
        if better not in again or worse not in again:
            continue
        of_better, of_worse = again[better], again[worse]
        split = splits[-1]
        if math.isnan(of_better[split]) or math.isnan(of_worse[split]):
            split = splits[0]
        if not of_better[split] < of_worse[split]:
            yield Finding(
                severity="warning",
                subject=f"{comparison.workload}: {better} better than {worse}",
                title="re-runs do not bear out the claim",
                evidence=f"mean {split} metric of the winners' re-runs: {better} "
                f"{text(of_better[split])}, {worse} {text(of_worse[split])}",
                next_step="do not claim this order from the selected trials",
            )


def _diverged(comparison: Comparison, one: Contestant) -> Iterator[Finding]:
    """Finds winners that diverged with another seed."""
    runs = one.winner_reruns
    if number := len(runs) - len(_reruns(one)):
        yield Finding(
            severity="warning",
            subject=f"{comparison.workload}: {one.title}",
            title="the winner diverges with another seed",
            evidence=f"{number} of {len(runs)} re-runs diverged",
            next_step="take a trial whose re-runs end, or say how often it diverges",
        )


def _unstable(comparison: Comparison, one: Contestant, runs: pd.DataFrame) -> Iterator[Finding]:
    """Finds winners whose result depends on the seed, far beyond the noise of the test set."""
    tests = runs["test_metric"].dropna()
    if len(tests) < _FEWEST_TO_SPREAD or "test" not in comparison.num_examples:
        return
    deviation = float(tests.std(ddof=1))
    margin = tolerance_of(comparison, "test", float(tests.median()))
    if deviation > _TWO * margin:
        text, size = comparison.metric.text, comparison.metric.size
        yield Finding(
            severity="note",
            subject=f"{comparison.workload}: {one.title}",
            title="the winner's result depends on the seed",
            evidence=f"{len(tests)} re-runs: test {text(float(tests.min()))} to "
            f"{text(float(tests.max()))}, standard deviation {size(deviation)}; the margin is "
            f"{size(margin)}",
            next_step="run it with several seeds before you rely on it",
        )


def _one_seed(contestants: Sequence[Contestant]) -> bool:
    ended = [one.ended for one in contestants]
    if all(len(trials) == 1 for trials in ended):
        return True
    # A point that was run with several seeds is there once; the others are its re-runs.
    seeds = pd.concat(
        [*(trials["seed"] for trials in ended), *(one.reruns["seed"] for one in contestants)]
    )
    return bool(seeds.notna().all() and seeds.min() == seeds.max())


def _noise(comparison: Comparison, split: str, results: Sequence[float]) -> tuple[float, str]:
    """Standard deviation of the difference of two runs; NaN if it is not known."""
    deviations = [
        float(values.std(ddof=1))
        for values in (_reruns(one)[f"{split}_metric"] for one in comparison.contestants)
        if len(values) > 1 and values.notna().all()
    ]
    if deviations:
        return math.sqrt(2) * float(np.mean(deviations)), "from runs with several seeds"
    n = comparison.num_examples.get(split)
    if n is None:
        return math.nan, ""
    # A lower bound: the noise of the finite evaluation set alone.
    errors = [comparison.metric.standard_error(result, n) for result in results]
    return math.hypot(*errors), f"from {n:,} {split} examples alone"


def _reruns(one: Contestant) -> pd.DataFrame:
    """The winner's re-runs, without those that diverged."""
    return one.winner_reruns.dropna(subset="validation_metric")


CHECKS = (seed_noise, winners_curse)
