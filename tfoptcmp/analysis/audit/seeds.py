"""Luck of the seed: single seeds, gaps inside their noise, and winners that were lucky."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.evidence import Entry, Evidence

# Standard deviations, of the difference of two runs or of a run and a mean: 1 in 20 by chance.
_TWO = 2.0


def seed_noise(evidence: Evidence) -> Iterator[Finding]:
    """Finds rankings from one seed whose gaps are no larger than what a seed makes.

    One seed: all trials have the same, or each optimizer has a single run. Trials with seeds of
    their own need no such check, since resampling the trials resamples the seeds.
    """
    entries = [entry for entry in evidence.entries if entry.winner is not None]
    if len(entries) < 2 or not _one_seed(entries):
        return
    tested = all(not math.isnan(_result(entry)) for entry in entries)
    first, second = sorted(entries, key=lambda e: _result(e) if tested else _validation(e))[:2]
    value = _result if tested else _validation
    gap = value(second) - value(first)
    noise, how = _noise(evidence, first, second, "test" if tested else "validation")
    if not gap > _TWO * noise:  # also if the noise is not known
        known = (
            f"a difference of two runs varies by {evidence.amount(noise)} ({how})"
            if not math.isnan(noise)
            else "how much a seed changes is not known"
        )
        yield Finding(
            severity="note" if math.isnan(noise) else "warning",
            subject=f"{evidence.workload}: {first.title} before {second.title}",
            title="one seed, and a gap that may be its noise",
            evidence=f"gap {evidence.amount(gap)}; {known}",
            next_step="run the best trial of each again with fresh seeds "
            "(tfoptcmp-tune --rerun_best=5)",
        )


def winners_curse(evidence: Evidence) -> Iterator[Finding]:
    """Finds selected trials and claims that the winners' re-runs do not bear out."""
    again = {}
    for entry in evidence.entries:
        runs, winner = _reruns(entry), entry.winner
        if winner is None or len(runs) < 2:
            continue
        again[entry.name] = float(runs["test"].mean())
        for split in ("validation", "test"):
            mean, deviation = float(runs[split].mean()), float(runs[split].std(ddof=1))
            # Of one run against the mean of n others.
            noise = deviation * math.sqrt(1 + 1 / len(runs))
            if mean - float(winner[split]) > _TWO * noise:
                yield Finding(
                    severity="note",
                    subject=f"{evidence.workload}: {entry.title}",
                    title="the winner was lucky",
                    evidence=f"trial {winner['trial']:g}: {split} "
                    f"{evidence.amount(float(winner[split]))}; {len(runs)} re-runs with fresh "
                    f"seeds: mean {evidence.amount(mean)}, standard deviation "
                    f"{evidence.amount(deviation)}",
                    next_step="quote the mean of the re-runs",
                )
                break
    for better, worse in evidence.claims:
        if better in again and worse in again and not again[better] < again[worse]:
            yield Finding(
                severity="warning",
                subject=f"{evidence.workload}: {better} better than {worse}",
                title="re-runs do not bear out the claim",
                evidence=f"mean test metric of the winners' re-runs: {better} "
                f"{evidence.amount(again[better])}, {worse} {evidence.amount(again[worse])}",
                next_step="do not claim this order from the selected trials",
            )


def _one_seed(entries: list[Entry]) -> bool:
    if all(len(entry.trials) == 1 for entry in entries):
        return True
    if any("seed" not in entry.trials for entry in entries):
        return False
    seeds = pd.concat([entry.trials["seed"] for entry in entries])
    return bool(seeds.notna().all() and seeds.nunique() == 1)


def _noise(evidence: Evidence, first: Entry, second: Entry, split: str) -> tuple[float, str]:
    """Standard deviation of the difference of two runs; NaN if nothing tells."""
    deviations = [
        float(runs[split].std(ddof=1))
        for runs in map(_reruns, evidence.entries)
        if len(runs) > 1 and runs[split].notna().all()
    ]
    if deviations:
        return math.sqrt(2) * float(np.mean(deviations)), "from runs with several seeds"
    if split in evidence.num_examples:
        rates = [_result(e) if split == "test" else _validation(e) for e in (first, second)]
        n = evidence.num_examples[split]
        # A lower bound: what the finite evaluation set alone makes.
        return math.sqrt(sum(p * (1 - p) / n for p in rates)), f"from {n:,} {split} examples alone"
    return math.nan, ""


def _reruns(entry: Entry) -> pd.DataFrame:
    """The winner's, but for those that diverged."""
    done = entry.reruns.dropna(subset="validation")
    return done.head(0) if entry.winner is None else done[done["trial"] == entry.winner["trial"]]


def _result(entry: Entry) -> float:
    return math.nan if entry.winner is None else float(entry.winner["test"])


def _validation(entry: Entry) -> float:
    return math.inf if entry.winner is None else float(entry.winner["validation"])
