"""How search spaces came about: rounds, what was spent in them, and for which spaces verdicts hold.

The trials of the rounds before the last were spent to find the spaces. They belong to the price of
a result, and stand wherever trials are counted; no statistic uses them.
"""

import math
import textwrap
from typing import Any

import numpy as np

from tfoptcmp.analysis.comparison import Comparison, counted, short
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.boundary import check_boundaries, why_not_final
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform

# A trial that is no better than this part of the error of guessing has learnt nothing.
_AS_GUESSING = 0.98

_MOST_SOURCES = 2
_SOURCE_CHARACTERS = 110

HOW_TO_READ_LINEAGE = (
    "Only the last round is judged; the trials before it were spent to find its space. At "
    f"guessing: trials that diverged or ended at {_AS_GUESSING:g} times the validation metric of "
    "guessing or above. Volume: the product of the widths of the ranges, each on its own scale, "
    "beside that of round 0. Accepted as final: no good trials crowd an edge of the last space "
    "that could be moved."
)


def lineage_cells(comparison: Comparison) -> list[list[str]]:
    """Returns what each round did, one optimizer and round per row, with a heading.

    Only the heading if no space was refined.
    """
    cells = [
        [
            *("optimizer", "round", "feasible", "diverged", "at guessing", "best validation"),
            *("volume", "ranges", "space"),
        ]
    ]
    for one in comparison.contestants if comparison.is_refined else ():
        for number, each in enumerate(one.rounds):
            best, lost = each.winner, share_at_guessing(comparison, each)
            cells.append(
                [
                    one.title,
                    str(number),
                    str(each.num_feasible),
                    str(each.num_infeasible),
                    "-" if math.isnan(lost) else f"{100 * lost:.0f} %",
                    "-"
                    if best is None
                    else comparison.metric.text(float(best["validation_metric"])),
                    _percent(volume_left(one.rounds[0], each)),
                    _ranges(one.rounds[0], each),
                    _last_word(comparison, one) if each is one else "-",
                ]
            )
    return cells


def share_at_guessing(comparison: Comparison, contestant: Contestant) -> float:
    """Returns the share of the trials that diverged or ended about where guessing would.

    NaN without a trial. If the level of guessing is not known, only divergence counts.
    """
    ended = contestant.ended
    if ended.empty:
        return math.nan
    results = ended["validation_metric"].to_numpy(dtype=np.float64)
    lost = ~ended["feasible"].to_numpy(dtype=bool) | ~np.isfinite(results)
    if math.isfinite(comparison.metric.guessing):
        lost |= results >= _AS_GUESSING * comparison.metric.guessing
    return float(lost.mean())


def volume_left(first: Contestant, later: Contestant) -> float:
    """Returns the volume of a round's space as a share of that of another.

    Widths are on the dimensions' own scales: decades where a range is logarithmic. It can be above
    1, since edges may move outward.
    """
    ratios = [
        _width(later.dimensions[name]) / _width(dimension)
        for name, dimension in first.dimensions.items()
        if not isinstance(dimension, Fixed) and name in later.dimensions
    ]
    return math.prod(ratios)


def _width(dimension: Dimension) -> float:
    match dimension:
        case LogUniform(low=low, high=high):
            return math.log10(high / low)
        case Choice(values=values):
            return len(values)
    return dimension.high - dimension.low


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def _ranges(first: Contestant, later: Contestant) -> str:
    """The logarithmic ranges, and what else is not as in round 0."""
    shown = []
    for name, dimension in later.dimensions.items():
        if isinstance(dimension, LogUniform):
            ends = f"{name} {short(dimension.low)} .. {short(dimension.high)}"
            shown.append(ends.replace(" ", "\N{NO-BREAK SPACE}"))  # a range stays in one line
        elif dimension != first.dimensions.get(name):
            shown.append(f"{name} {dimension}")
    return ", ".join(shown) or "-"


def _last_word(comparison: Comparison, one: Contestant) -> str:
    if not one.earlier:
        return "not refined"
    if comparison.rounds_missing:
        return f"{comparison.rounds_missing} more to come"
    reason = why_not_final(one)
    return f"not accepted: {reason}" if reason else "accepted as final"


def acceptance(comparison: Comparison) -> str:
    """Returns which refined spaces are accepted as final, in a sentence; "" if none was refined."""
    refined = [one for one in comparison.contestants if one.earlier]
    if not refined:
        return ""
    if comparison.rounds_missing:
        more = comparison.rounds_missing
        return f"not accepted yet, {more} more round{'s are' if more > 1 else ' is'} to come."
    missing = {one.title: reason for one in refined if (reason := why_not_final(one))}
    if not missing:
        at_limit = [
            f"{one.title} {check.name}"
            for one in refined
            for check in check_boundaries(one)
            if check.is_crowded
        ]
        but = f" but where nothing lies beyond it: {', '.join(at_limit)}" if at_limit else ""
        return f"accepted as final: no good trials crowd an edge{but}."
    accepted = [one.title for one in refined if one.title not in missing]
    told = "; ".join(f"{title} ({reason})" for title, reason in missing.items())
    return (f"accepted as final: {', '.join(accepted)}; " if accepted else "") + (
        f"not accepted: {told}."
    )


def holds_for(comparison: Comparison) -> str:
    """Returns for which search spaces verdicts hold, in a sentence; "" if none is on record."""
    told_of = [(one, s) for one in comparison.contestants if (s := one.rounds[0].source)]
    sources = list(dict.fromkeys(source for _, source in told_of))
    if not sources:
        return ""
    rules = [one.rule for one, _ in told_of if one.rule is not None]
    if len(set(map(id, rules))) < len(rules) and len(sources) > 1:
        # The same rule in several spaces: which is whose is what the reader wants to know.
        sources = [f"{one.title}: {source}" for one, source in told_of]
    short_ones = [
        textwrap.shorten(s, _SOURCE_CHARACTERS, placeholder=" ...") for s in sources[:_MOST_SOURCES]
    ]
    if more := len(sources) - len(short_ones):
        short_ones.append(f"{more} more sources")
    told = "; ".join(short_ones)
    if comparison.is_refined:
        before = comparison.trials_before
        rounds = max(len(one.earlier) for one in comparison.contestants)
        told += f"; narrowed in {counted(rounds, 'round')} ({before} feasible trials of each)"
    return f"Holds for these search spaces: {told}."


def rounds_json(one: Contestant) -> list[dict[str, Any]]:
    """Returns the rounds of an optimizer, the last one included, as `docs/files.md` says."""
    return [
        {
            "round": number,
            "num_feasible": each.num_feasible,
            "num_infeasible": each.num_infeasible,
            "space": None if each.space is None else each.space.to_json()["dimensions"],
        }
        for number, each in enumerate(one.rounds)
    ]


def lineage_json(comparison: Comparison, one: Contestant) -> dict[str, Any]:
    """Returns what is said of an optimizer's rounds, as `docs/files.md` says."""
    judged = bool(one.earlier) and not comparison.rounds_missing
    reason = why_not_final(one) if judged else None
    return {
        "rounds": rounds_json(one),
        "num_trials_all_rounds": one.num_ended_of_all_rounds,
        "accepted": not reason if judged else None,
        "why_not_final": reason,
    }
