"""The best trial of each optimizer, to take with you: hyperparameters as used, and Keras code."""

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.containment import acts_as
from tfoptcmp.analysis.report.tables import again, digits
from tfoptcmp.analysis.statistics.ranking import Ranking
from tfoptcmp.keras_code import keras_code
from tfoptcmp.rules import RULES
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
        acts_as: Which simpler rule it comes to, in a sentence; "" if none is known.
        hyperparameters: As used; empty if not reported.
        code: Python code that defines the optimizer; "" for results of other tools.
    """

    optimizer: str
    title: str
    trial: int
    results: str
    luck: str
    acts_as: str
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
                acts_as=_acts_as(one),
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
            f"{best.title}, trial {best.trial}: {best.results}. {told(best)}\n\n"
            f"{used}\n\n{textwrap.indent(best.code, '    ')}"
        )
    return "\n\n".join(parts)


def told(best: Best) -> str:
    """Returns what to know of a best trial beside its numbers."""
    return f"{best.luck} {best.acts_as}".rstrip()


def _acts_as(one: Contestant) -> str:
    assert one.winner is not None
    found = acts_as(one, one.winner)
    if found is None:
        return ""
    special, rate = found
    return (
        f"Its epsilon is so large beside the gradients that it acts as {RULES[special].title} "
        f"with a learning rate of {rate:.3g}; its own learning rate matters only over epsilon."
    )


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
    runs = again(one, metric)
    if not runs:
        return (
            "Not run again, so how much of it is luck is not known: tfoptcmp-tune --rerun_best=5."
        )
    number, diverged = runs["num_reruns"], runs["num_diverged_reruns"]
    times = "once" if number + diverged == 1 else f"{number + diverged} times"
    said = f"Run again {times} with other seeds: "
    if diverged:
        said += f"{diverged} diverged, "
    if not number:
        return f"{said}so its result was luck."
    mean = metric.error(runs["rerun_validation_mean"])
    lost = mean - float(best["validation_metric"])
    deviation = runs["rerun_validation_sd"]
    spread = f" (standard deviation {metric.size(deviation)})" if number > 1 else ""
    said += f"validation {metric.text(mean)}{' on average' if number > 1 else ''}{spread}"
    if diverged:
        return f"{said} in the rest. With another seed it may diverge."
    if number == 1:
        return f"{said}; one run does not tell how much of it was luck."
    if lost <= 0:
        which = "it was not luck"
    elif lost < 2 * deviation / math.sqrt(number):
        which = "seeds vary too much to tell how much of it was luck"
    else:
        which = f"about {metric.difference(lost).lstrip('+-')} of it was luck"
    return f"{said}, so {which}."


def choose_now(comparison: Comparison, ranked: Ranking) -> list[str]:
    """Returns what to take now, in sentences; nothing without a leader.

    The leader's best trial was chosen for its result; what best trials gave when they were run
    again was not. So of those the one with the best mean validation metric is to be taken, where
    they are known, and rather one of which no run diverged.
    """
    if not ranked.places:
        return []
    metric, leader = comparison.metric, ranked.places[0].contestant
    best = {one.optimizer: one for one in best_trials(comparison)}
    runs = {one.name: known for one in comparison.contestants if (known := again(one, metric))}

    def result(name: str) -> tuple[bool, float]:
        known = runs[name]
        mean = metric.error(known["rerun_validation_mean"]) if known["num_reruns"] else math.inf
        return known["num_diverged_reruns"] > 0, mean

    is_known = len(runs) > 1 and any(known["num_reruns"] for known in runs.values())
    chosen = min(runs, key=result) if is_known else leader.name
    if chosen not in best:
        return []
    take = best[chosen]
    settings = ", ".join(f"{name}={digits(value)}" for name, value in take.hyperparameters.items())
    where = " Its code stands below; tfoptcmp-report --best prints it." if take.code else ""
    given = settings or "hyperparameters are not reported"
    said = [
        f"{take.title}, trial {take.trial}: {given}.{where}",
        f"{take.results[0].upper()}{take.results[1:]}. {told(take)}",
    ]
    if not is_known:
        return said
    steady = sum(not known["num_diverged_reruns"] for known in runs.values())
    among = " of which none diverged" if 0 < steady < len(runs) else ""
    said[1] += f" Of the best trials run again{among} it has the best mean validation result."
    if leader.name in runs and leader.name != chosen:
        lead = best[leader.name]
        said.append(
            f"{lead.title} leads in what tuning gives on average, but its best trial, "
            f"{lead.trial}, does not bear that out: {lead.results}. {told(lead)}"
        )
    tested = [name for name in runs if not math.isnan(runs[name]["rerun_test_mean"])]
    order = sorted(tested, key=lambda name: metric.error(runs[name]["rerun_test_mean"]))
    each = [f"{best[name].title} {metric.shown(runs[name]['rerun_test_mean'])}" for name in order]
    if each:
        said.append(f"Mean test {metric.name} of the best trials run again: {', '.join(each)}.")
    return said
