"""Which contestants have an inclusion between them, by their rules and by what they search."""

from collections.abc import Sequence
from itertools import combinations, product

from tfoptcmp import inclusions
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant


def inclusion_pairs(comparison: Comparison) -> list[tuple[Contestant, Contestant]]:
    """Returns the (special, general) that have an inclusion, in the contestants' order.

    The general one's rule contains the special one's, or it is the same, under the same schedule,
    and more of it is tuned (`_restricts`).
    """
    rules = [one.rule for one in comparison.contestants if one.rule is not None]
    declared = [(special, rule.name) for rule in rules for special in rule.contains]
    return [
        (special, general)
        for special, general in product(comparison.contestants, repeat=2)
        if special.rule is not None
        and general.rule is not None
        and (
            inclusions.is_special_case(special.rule.name, general.rule.name, declared)
            or _restricts(special, general)
        )
    ]


def testable_inclusions(comparison: Comparison) -> set[tuple[str, str]]:
    """Returns the names (special, general) of the inclusions that carry over to their users."""
    pairs = inclusion_pairs(comparison)
    return {(a.name, b.name) for a, b in pairs if not why_not_included(a, b)}


def every_pair(
    comparison: Comparison, known: Sequence[Contestant]
) -> list[tuple[Contestant, Contestant]]:
    """Returns each two of some contestants once, in order, the special rule of an inclusion first.

    Args:
        comparison: Of which they are.
        known: Which, in the comparison's order.
    """
    contained = {(a.name, b.name) for a, b in inclusion_pairs(comparison)}
    return [(b, a) if (b.name, a.name) in contained else (a, b) for a, b in combinations(known, 2)]


def why_not_included(special: Contestant, general: Contestant) -> str:
    """Returns why the rules' inclusion does not carry over to two of their users; "" if it does.

    The general one must be free to imitate every point of the special one: it may fix none of its
    rule's hyperparameters ("Adam with epsilon fixed" does not contain Momentum), and of the
    schedule and the regularisation only what the special one fixes at the same value; so, too, of
    the rule, if both have the same. The special one may be as restricted as it likes. Whether the
    general one's *ranges* suffice is another question.
    """
    if special.schedule != general.schedule:
        return f"schedules differ: {special.schedule} and {general.schedule}"
    for name in fixed_beyond(special, general):
        return f"{general.name} fixes {name}"
    for name, dimension in special.dimensions.items():
        if special.is_of_the_rule(name) or general.is_of_the_rule(name):
            continue
        other = general.dimensions.get(name)
        if other is None:
            return f"{general.name} has no {name}, which {special.name} has"
        if other.only_value is not None and other != dimension:
            return f"{general.name} fixes {name}, which {special.name} does not fix likewise"
    return ""


def fixed_beyond(special: Contestant, general: Contestant) -> list[str]:
    """Returns what the general one fixes of its rule, and the special one not at the same value."""
    alike = special.fixed if special.rule == general.rule else {}
    return [name for name, value in general.fixed.items() if alike.get(name) != value]


def _restricts(special: Contestant, general: Contestant) -> bool:
    """Whether it is the general one with less of its rule tuned, as far as all of it is known."""
    rule = special.rule
    if rule is None or rule != general.rule or special.schedule != general.schedule:
        return False
    known = [
        {one.argument(name): dimension for name, dimension in one.dimensions.items()}
        for one in (special, general)
    ]
    if not all({*rule.hyperparameters} <= each.keys() for each in known):
        return False
    less, more = (
        {name for name in rule.hyperparameters if each[name].only_value is None} for each in known
    )
    return less < more
