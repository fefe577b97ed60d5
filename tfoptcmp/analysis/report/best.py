"""The best trial of each optimizer, to take with you: hyperparameters as used, and Keras code."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.report.tables import again
from tfoptcmp.analysis.statistics.ranking import Ranking
from tfoptcmp.keras_code import keras_code
from tfoptcmp.signatures import Signature


@dataclass(frozen=True, kw_only=True)
class Best:
    """The feasible trial of an optimizer with the best final validation metric.

    Attributes:
        optimizer: Its name.
        title: Name for people.
        trial: Its index.
        results: Its final metrics, for people.
        luck: How much of them is luck, in a sentence.
        hyperparameters: As used; empty if not reported.
        code: Python code that defines the optimizer; "" for results of other tools.
    """

    optimizer: str
    title: str
    trial: int
    results: str
    luck: str
    hyperparameters: Mapping[str, float]
    code: str


def best_trials(comparison: Comparison) -> list[Best]:
    """Returns the best trial of each optimizer that has a feasible one."""
    found = []
    for one in comparison.contestants:
        best = one.winner
        if best is None:
            continue
        metric = comparison.metric
        results = ", ".join(
            f"{split} {metric.text(float(best[f'{split}_metric']))}"
            for split in ("validation", "test")
            if one.reports(f"{split}_metric")
        )
        found.append(
            Best(
                optimizer=one.name,
                title=one.title,
                trial=int(best["trial"]),
                results=results,
                luck=_luck(comparison, one),
                hyperparameters=one.values_of(best, used=True),
                code=_code(one, comparison.workload, results),
            )
        )
    return found


def format_best(comparison: Comparison) -> str:
    """Returns the best trials for a terminal: JSON and code of each."""
    parts = [f"{comparison.workload}: the best trial of each optimizer, by validation"]
    for best in best_trials(comparison):
        used = json.dumps(dict(best.hyperparameters))
        parts.append(
            f"{best.title}, trial {best.trial}: {best.results}. {best.luck}\n\n"
            f"{used}\n\n{textwrap.indent(best.code, '    ')}"
        )
    return "\n\n".join(parts)


def _code(one: Contestant, workload: str, results: str) -> str:
    if one.record is None or one.winner is None:
        return ""
    signature = Signature.from_json(one.record.signature)
    where = f"{workload}, trial {int(one.winner['trial'])} of {one.name}: {results}"
    return keras_code(signature, one.values_of(one.winner, used=True), where)


def _luck(comparison: Comparison, one: Contestant) -> str:
    """A winner was chosen for its validation result, which flatters it."""
    metric, best = comparison.metric, one.winner
    assert best is not None
    runs = again(one, best, metric)
    if not runs or not runs["num_reruns"]:
        return (
            "Not run again, so how much of it is luck is not known: tfoptcmp-tune --rerun_best=5."
        )
    mean = metric.error(runs["rerun_validation_mean"])
    lost = mean - float(best["validation_metric"])
    luck = metric.difference(lost).lstrip("+-")
    which = f"{luck} of it was luck" if lost > 0 else "none of it was luck"
    return (
        f"Run again {runs['num_reruns']} times with other seeds: validation {metric.text(mean)} on "
        f"average, so {which}."
    )


def choose_now(comparison: Comparison, ranked: Ranking) -> list[str]:
    """Returns what to take now, in sentences; nothing without a leader.

    The leader's best trial was chosen for its result; what best trials gave when they were run
    again was not.
    """
    if not ranked.places:
        return []
    leader = ranked.places[0].contestant
    said = [
        f"{best.title}'s best trial, {best.trial}, whose code is in this report (see --best): "
        f"{best.results}. {best.luck}"
        for best in best_trials(comparison)
        if best.optimizer == leader.name
    ]
    metric = comparison.metric
    found = []
    for one in comparison.contestants:
        runs = {} if one.winner is None else again(one, one.winner, metric)
        if runs and runs["num_reruns"] and one.reports("test_metric"):
            found.append((metric.error(runs["rerun_test_mean"]), one.title))
    if len(found) > 1:
        each = ", ".join(f"{title} {metric.text(mean)}" for mean, title in sorted(found))
        said.append(f"Mean test {metric.name} of the best trials run again: {each}.")
    return said
