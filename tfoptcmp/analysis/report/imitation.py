"""Whether general spaces hold what special rules found: the containments in words and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfoptcmp.analysis.ranges.containment import Containment

_MOST_NAMED = 3

QUESTION = "Does the general optimizer's space hold the special one's good trials?"

HOW_TO_READ = (
    "Each good trial of the special rule, translated into the hyperparameters of the general rule "
    "that act the same; a range counts with a tenth of room. Where the two are equal only for "
    "large epsilons, the largest must be ten times the gradient's root mean square in that trial. "
    "A general rule could not have imitated what its ranges leave outside: there the inclusion "
    "says nothing about these spaces."
)


def containment_cells(found: Sequence[Containment]) -> list[list[str]]:
    """Returns whether general spaces hold special trials, one pair per row, with a heading."""
    cells = [["special <= general", "good trials inside", "left outside by"]]
    for one in found:
        cells.append(
            [
                f"{one.special.title} <= {one.general.title}",
                f"{one.num_inside} of {one.num_good}",
                _cut_off(one.cut_off) or "-",
            ]
        )
    return cells


def _cut_off(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def containment_sentence(found: Sequence[Containment]) -> str:
    """Returns which pairs have most good trials outside; "" if none has."""
    outside = [one for one in found if one.mostly_outside]
    if not outside:
        return ""
    outside.sort(key=lambda one: one.num_inside / one.num_good)
    pairs = [
        f"{one.special.title} <= {one.general.title} ({one.num_inside} of {one.num_good} inside)"
        for one in outside[:_MOST_NAMED]
    ]
    if more := len(outside) - len(pairs):
        pairs.append(f"{more} more pairs" if more > 1 else "1 more pair")
    return (
        "Imitation: the general rule's ranges leave out most good trials of its special case in "
        f"{', '.join(pairs)}."
    )


def containment_json(found: Sequence[Containment]) -> list[dict[str, Any]]:
    """Returns the containments as `docs/files.md` says."""
    return [
        {
            "special": one.special.name,
            "general": one.general.name,
            "num_good": one.num_good,
            "num_inside": one.num_inside,
            "cut_off": dict(one.cut_off),
        }
        for one in found
    ]
