"""Would epsilon near its default have said something else? Said only where the trials can tell."""

from collections.abc import Iterator
from dataclasses import replace

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison, Limit
from tfoptcmp.analysis.statistics.restriction import (
    Box,
    Change,
    Restricted,
    part_of,
    restrictions,
)

# Around the default: what a tool that leaves epsilon alone searches, and its neighbourhood.
_FACTOR = 10.0


def near_the_default(comparison: Comparison) -> Iterator[Finding]:
    """Finds rules that tuned epsilon, and enough of whose trials had it near its default.

    A note: whether the order of the optimizers would have been another with epsilon left about
    there. The box is known before any trial is run, so it was not chosen for its result.
    """
    boxes: list[Box] = []
    for one in comparison.contestants:
        epsilon = None if one.rule is None else one.rule.epsilon
        if epsilon is None or "epsilon" not in one.free or not one.num_feasible:
            continue
        low, high = epsilon.default / _FACTOR, epsilon.default * _FACTOR
        box: Box = (Limit(optimizer=one.name, name="epsilon", low=low, high=high),)
        if not part_of(one, box, comparison.tuning_budget).lacking:
            boxes.append(box)
    if not boxes:
        return
    found = restrictions(replace(comparison, boxes=tuple(boxes)))
    for box in boxes:
        (limit,) = box
        answered = [r for r in found if r.box == box and r.change is not Change.NOT_ANSWERABLE]
        if not answered:
            continue
        parts = {one.contestant.name: one for r in answered for one in (r.a, r.b)}
        part = parts[limit.optimizer]
        title = part.contestant.title
        yield Finding(
            severity="note",
            subject=f"{comparison.workload}: {title}, epsilon",
            title=_title(answered),
            evidence=f"{part.num_inside} of {part.contestant.num_feasible} trials have epsilon in "
            f"{limit.low:g} to {limit.high:g}; {'; '.join(map(_pair, answered))}",
            next_step=f"where {title} is quoted, say that epsilon was tuned, and over which range",
        )


def _title(answered: list[Restricted]) -> str:
    changes = {one.change for one in answered}
    if Change.TURNS in changes:
        return "with epsilon near its default the order would have been another"
    if Change.DIFFERS in changes:
        return "with epsilon near its default the differences would have been others"
    return "with epsilon near its default no verdict is seen to turn"


def _pair(one: Restricted) -> str:
    pair = f"{one.a.contestant.title} against {one.b.contestant.title} {one.change}"
    if one.change is Change.CANNOT_SAY or one.whole is None or one.part is None:
        return pair
    whole, part = (
        one.metric.difference_with(e.value, e.low, e.high) for e in (one.whole, one.part)
    )
    d = one.metric.worse_by("D")
    return f"{pair} ({d} {whole} in the whole space, {part} near the default)"


CHECKS = (near_the_default,)
