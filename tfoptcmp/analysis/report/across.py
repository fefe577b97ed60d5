"""What a report says of all its workloads together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.report.tables import Cells, format_rows, format_sentences
from tfoptcmp.analysis.statistics.across import FACTORS, Across, across
from tfoptcmp.analysis.statistics.quantities import main_statistic

QUESTION = "Over all workloads"

HOW_TO_READ = (
    "Ranks by the mean of the best of K; mean ranks that differ by less than the critical "
    "difference (Nemenyi's test at 5 %) say nothing. A workload's own differences and how sure "
    "they are stand in its section: ranks forget how large they are."
)


def across_sentences(found: Across) -> list[str]:
    """Returns what can be told, in sentences."""
    order = np.argsort(found.mean_ranks, kind="stable")
    best = found.contestants[order[0]]
    lead = found.mean_ranks - found.mean_ranks[order[0]]
    told = [found.contestants[i].title for i in order[1:] if lead[i] >= found.critical_difference]
    num = len(found.comparisons)
    ranks = f"{best.title} has the best mean rank over {num} workloads, "
    ranks += f"{found.mean_ranks[order[0]]:.2f}"
    sure = (
        f"It is better than {', '.join(told)} beyond chance"
        if told
        else "That is not beyond chance"
    )
    needed = f"mean ranks must differ by {found.critical_difference:.2f}"
    sentences = [f"{ranks}. {sure}: {needed}."]
    statistics = {main_statistic(one) for one in found.comparisons}
    budgets = {one.tuning_budget for one in found.comparisons}
    by = " or ".join(sorted(statistics))
    at = f"K = {budgets.pop()}" if len(budgets) == 1 else "each workload's own K"
    sentences.append(f"Ranked by the mean {by} result of the best of K, at {at}.")
    if num < found.workloads_needed:
        sentences.append(
            f"With {len(found.contestants)} optimizers nothing can be told from ranks on fewer "
            f"than {found.workloads_needed} workloads."
        )
    return [*sentences, *(f"Left out: {reason}" for reason in found.left_out)]


def across_cells(found: Across) -> Cells:
    """Returns the workload-by-optimizer table, an optimizer a row, the best mean rank first."""
    heading = ["optimizer", "mean rank", *(one.workload for one in found.comparisons)]
    rows = []
    for i in np.argsort(found.mean_ranks, kind="stable"):
        results = [
            f"{comparison.metric.text(float(mean))} ({rank:g}.)"
            for comparison, mean, rank in zip(
                found.comparisons, found.means[:, i], found.ranks[:, i], strict=True
            )
        ]
        rows.append([found.contestants[i].title, f"{found.mean_ranks[i]:.2f}", *results])
    return [heading, *rows]


def profile_cells(found: Across) -> Cells:
    """Returns the performance profiles; only the heading without a target on two workloads."""
    heading = ["optimizer", *(f"within {factor:g} x" for factor in FACTORS)]
    if not found.has_profiles:
        return [heading]
    shares = np.stack([found.profile(factor) for factor in FACTORS], axis=1)
    order = np.lexsort(-shares.T[::-1])
    return [
        heading,
        *([found.contestants[i].title, *(f"{share:.0%}" for share in shares[i])] for i in order),
    ]


def across_json(found: Across | None) -> dict[str, Any] | None:
    """Returns it as `docs/files.md` says; None if there is nothing to say."""
    if found is None:
        return None
    factors = FACTORS if found.has_profiles else ()
    return {
        "workloads": [one.workload for one in found.comparisons],
        "critical_difference": found.critical_difference,
        "optimizers": [
            {
                "optimizer": one.name,
                "mean_rank": float(found.mean_ranks[i]),
                "ranks": found.ranks[:, i].tolist(),
                "profile": {f"{factor:g}": float(found.profile(factor)[i]) for factor in factors},
            }
            for i, one in enumerate(found.contestants)
        ],
    }


def format_across(comparisons: Sequence[Comparison]) -> str:
    """Returns what a terminal shows of all workloads; "" if there is nothing to say."""
    found = across(comparisons)
    if found is None:
        return ""
    lines = [f"{QUESTION}:", *format_sentences(across_sentences(found)), ""]
    lines.append(format_rows(across_cells(found)))
    profile = profile_cells(found)
    if len(profile) > 1:
        lines += [
            "Workloads on which the steps to the target are within a factor of the fastest's:",
            format_rows(profile),
        ]
    return "\n".join(lines)
