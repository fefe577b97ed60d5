"""How results were got, as tables for people: search spaces, what was spent, provenance."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfoptcmp.analysis.ranges.boundary import check_boundaries
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform
from tfoptcmp.study.schema import Status

# Numbers that a rule keeps for each weight beside it (PAPER, table 1: v; v, m; m, v).
_STATE_NUMBERS = {"sgd": 0, "momentum": 1, "nesterov": 1, "rmsprop": 2, "adam": 2, "nadam": 2}
_FLOAT32_BYTES = 4


def space_cells(studies: Sequence[StudyResults]) -> list[list[str]]:
    """Returns the search spaces with their lineage, a dimension a row, with a heading."""
    cells = [["optimizer", "hyperparameter", "searched over", "source of the space"]]
    for results in studies:
        space = results.signature.space
        cells += [
            [results.title, name, describe_dimension(dimension), space.source]
            for name, dimension in space.dimensions.items()
        ]
    return cells


def describe_dimension(dimension: Dimension) -> str:
    """Returns what a hyperparameter is searched over, for people."""
    match dimension:
        case Fixed():
            return f"fixed at {dimension.fixed:g}"
        case Choice():
            return "one of " + ", ".join(f"{value:g}" for value in dimension.values)
        case _:
            scale = "log-uniform" if isinstance(dimension, LogUniform) else "uniform"
            return f"{scale} in [{dimension.low:g}, {dimension.high:g})"


def boundary_cells(studies: Sequence[StudyResults]) -> list[list[str]]:
    """Returns the boundary check, a free dimension a row, with a heading."""
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
    for check in (check for results in studies for check in check_boundaries(results)):
        good = check.good
        cells.append(
            [
                check.results.title,
                check.name,
                describe_dimension(check.dimension),
                f"{good[0]:.3g} to {good[-1]:.3g}" if len(good) else "-",
                f"{check.near_low} low, {check.near_high} high of {len(good)}",
                str(check.verdict),
                describe_dimension(check.suggestion) if check.suggestion else check.reason or "-",
            ]
        )
    return cells


def cost_cells(studies: Sequence[StudyResults]) -> list[list[str]]:
    """Returns the trials and the time that were spent, a study a row, with a heading."""
    cells = [
        [
            "optimizer",
            "all trials",
            "feasible",
            "diverged",
            "crashed",
            "total, minutes",
            "per step with evaluation, ms",
            "optimizer state a weight, bytes",
        ],
    ]
    for results in studies:
        done = results.feasible
        per_step = 1000 * (done["seconds"] / done["steps"]).median() if len(done) else None
        state = _STATE_NUMBERS.get(results.signature.rule.name)
        cells.append(
            [
                results.title,
                str(len(results.trials)),
                str(results.num_feasible),
                str(results.num_infeasible),
                str(int((results.trials["status"] == Status.FAILED.value).sum())),
                f"{results.trials['seconds'].sum() / 60:.1f}",
                "-" if per_step is None else f"{per_step:.2f}",
                "-" if state is None else str(state * _FLOAT32_BYTES),
            ]
        )
    return cells


def spent(studies: Sequence[StudyResults]) -> str:
    """Returns all trials and all time in a sentence."""
    trials = sum(len(results.trials) for results in studies)
    hours = sum(float(results.trials["seconds"].sum()) for results in studies) / 3600
    return (
        f"In all {trials:,} trials and {hours:.2g} hours of one trial at a time, the ones that "
        "diverged included. Earlier studies that a search space came from come on top; its source "
        "names them."
    )


def provenance_cells(studies: Sequence[StudyResults]) -> list[list[str]]:
    """Returns what the studies share in one row, what differs in a row each, with a heading."""
    facts = {results.title: _facts(results) for results in studies}
    names = dict.fromkeys(name for known in facts.values() for name in known)
    cells = [["what", "of", "value"]]
    for name in names:
        values = {title: known[name] for title, known in facts.items() if name in known}
        if len(values) == len(facts) and len(set(values.values())) == 1:
            cells.append([name, "all", next(iter(values.values()))])
        else:
            cells += [[name, title, value] for title, value in values.items()]
    return cells


def _facts(results: StudyResults) -> dict[str, str]:
    config = results.config
    facts: dict[str, Any] = {
        "directory": str(results.directory.parent),
        "study seed": config.seed,
        "search": config.search,
        "schedule": results.signature.schedule,
        "threads per trial": config.threads_per_trial,
        "examples": _joined(config.num_examples),
        "versions": _joined(config.versions),
        **config.provenance,
    }
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in facts.items()}


def _joined(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
