"""How results were obtained, as tables for readers: search spaces, what was spent, provenance."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.boundary import check_boundaries
from tfoptcmp.analysis.statistics.quantities import best_of_k

_FLOAT32_BYTES = 4


def space_cells(contestants: Sequence[Contestant]) -> list[list[str]]:
    """Returns the search spaces with their lineage, one optimizer per row, with a heading."""
    return [
        ["optimizer", "searched over", "source of the space"],
        *(
            [
                one.title,
                "\n".join(f"{name} {dimension}" for name, dimension in one.dimensions.items()),
                one.source or "-",
            ]
            for one in contestants
            if one.dimensions
        ),
    ]


def boundary_cells(contestants: Sequence[Contestant]) -> list[list[str]]:
    """Returns the boundary check, one free dimension per row, with a heading."""
    cells = [
        [
            "optimizer",
            "hyperparameter",
            "searched over",
            "good trials",
            "near the edges",
            "verdict",
            "suggestion",
        ]
    ]
    for check in (check for one in contestants for check in check_boundaries(one)):
        good = check.good
        cells.append(
            [
                check.contestant.title,
                check.name,
                str(check.dimension),
                f"{good[0]:.3g} to {good[-1]:.3g}" if len(good) else "-",
                f"{check.near_low} low, {check.near_high} high of {len(good)}",
                str(check.verdict),
                str(check.suggestion) if check.suggestion else check.reason or "-",
            ]
        )
    return cells


def cost_cells(comparison: Comparison) -> list[list[str]]:
    """Returns the trials and the time that were spent, one optimizer per row, with a heading.

    Of the last round; what all rounds cost stands in the last columns. Steps of optimizers differ
    in cost: seconds to the target are the mean steps of the best of K times the median time of one.
    """
    contestants = comparison.contestants
    in_rounds = any(one.earlier for one in contestants)
    cells = [
        [
            "optimizer",
            "all trials",
            "feasible",
            "diverged",
            "crashed",
            "total, minutes",
            "per step with evaluation, ms",
            *(["to the target, s"] if comparison.target is not None else []),
            "optimizer state a weight, bytes",
            *(["trials of all rounds", "minutes of all rounds"] if in_rounds else []),
        ],
    ]
    for one in contestants:
        timed = one.reports("seconds")
        per_step = 1000 * (one.feasible["seconds"] / one.feasible["steps"]).median()
        state = None if one.rule is None else one.rule.kept_per_parameter
        row = [
            one.title,
            str(len(one.trials)),
            str(one.num_feasible),
            str(one.num_infeasible),
            str(one.num_failed),
            f"{one.trials['seconds'].sum() / 60:.1f}" if timed else "-",
            "-" if math.isnan(per_step) else f"{per_step:.2f}",
            *([_to_target(comparison, one, per_step)] if comparison.target is not None else []),
            "-" if state is None else str(state * _FLOAT32_BYTES),
        ]
        if in_rounds:
            minutes = sum(float(each.trials["seconds"].sum()) for each in one.rounds) / 60
            row += [str(sum(len(each.trials) for each in one.rounds)), f"{minutes:.1f}"]
        cells.append(row)
    return cells


def _to_target(comparison: Comparison, one: Contestant, milliseconds: float) -> str:
    known = best_of_k(one, "steps_to_target", comparison.tuning_budget)
    reached, _ = (None, 0.0) if known is None else known.finite()
    if reached is None or math.isnan(milliseconds):
        return "-"
    return f"{reached.mean() * milliseconds / 1000:.3g}"


def spent(contestants: Sequence[Contestant]) -> str:
    """Returns all trials and all time in a sentence, those of all rounds."""
    rounds = [each for one in contestants for each in one.rounds]
    trials = sum(len(each.trials) for each in rounds)
    hours = sum(float(each.trials["seconds"].sum()) for each in rounds) / 3600
    time = f"and {hours:.2g} hours (one trial at a time)" if hours else "(time: unknown)"
    if len(rounds) > len(contestants):
        return (
            f"In total, in all rounds, {trials:,} trials {time}, including those that diverged. "
            "Studies that the space of round 0 came from are not included; its source names them."
        )
    return (
        f"In total {trials:,} trials {time}, including those that diverged. Earlier studies that a "
        "search space came from are not included; the source of the space names them."
    )


def provenance_cells(contestants: Sequence[Contestant]) -> list[list[str]]:
    """Returns what all share in one row, and each difference in its own row, with a heading."""
    facts = {one.title: _facts(one) for one in contestants}
    names = dict.fromkeys(name for known in facts.values() for name in known)
    cells = [["what", "of", "value"]]
    for name in names:
        values = {title: known[name] for title, known in facts.items() if name in known}
        if len(values) == len(facts) and len(set(values.values())) == 1:
            cells.append([name, "all", next(iter(values.values()))])
        else:
            cells += [[name, title, value] for title, value in values.items()]
    return cells


def _facts(contestant: Contestant) -> dict[str, str]:
    record = contestant.record
    if record is None:
        known = {"directory": contestant.directory, "schedule": contestant.schedule}
        return {name: value for name, value in known.items() if value}
    facts: dict[str, Any] = {
        "directory": str(Path(contestant.directory).parent),
        "study seed": record.seed,
        "search": record.search,
        "schedule": contestant.schedule,
        "threads per trial": record.threads_per_trial,
        "examples": _joined(record.num_examples),
        "versions": _joined(record.versions),
        **record.provenance,
    }
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in facts.items()}


def _joined(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
