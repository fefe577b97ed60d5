"""What was searched, and over which ranges: untuned, unreported and copied hyperparameters."""

import math
from collections.abc import Iterator
from itertools import combinations

from tfoptcmp.analysis.audit.cost import more_trials
from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import Dimension

# Arguments that have the same name in several rules, but different meanings.
_RULES_OWN = ("learning_rate", "epsilon")
# A range this wide was not copied from another rule: it contains all plausible values.
_WIDE_DECADES = 10.0


def untuned(comparison: Comparison) -> Iterator[Finding]:
    """Finds rules with a hyperparameter that was not tuned, epsilon above all.

    If another signature of the same rule tunes it, this is an ablation: readers should know, but it
    is not a fault.
    """
    for one in comparison.contestants:
        if not one.fixed:
            continue
        fixed = ", ".join(_fixed(one, name, value) for name, value in one.fixed.items())
        shown = f"{fixed} in all {len(one.ended)} trials"
        if "epsilon" in one.fixed:
            epsilons = [rule.epsilon for rule in RULES.values() if rule.epsilon is not None]
            chosen = sorted({(p.value, p.source) for e in epsilons for p in e.published})
            shown += "; published work chose epsilons of " + ", ".join(
                f"{value:g} ({source})" for value, source in chosen
            )
        if whole := _tuned_sibling(comparison, one):
            yield Finding(
                severity="note",
                subject=f"{comparison.workload}: {one.title}",
                title="only part of its rule was tuned",
                evidence=f"{shown}; {whole.title} tunes more of the same rule",
                next_step="say what is fixed wherever its result is quoted",
            )
        else:
            yield Finding(
                severity="warning",
                subject=f"{comparison.workload}: {one.title}",
                title=f"{' and '.join(map(one.argument, one.fixed))} not tuned",
                evidence=shown,
                next_step=f"search {', '.join(map(one.argument, one.fixed))} too"
                + (
                    " (epsilon over many decades, and the learning rate divided by it)"
                    if "epsilon" in one.fixed
                    else ""
                )
                + ", or justify the value"
                + more_trials([(one, one.num_feasible)]),
            )


def unreported(comparison: Comparison) -> Iterator[Finding]:
    """Finds hyperparameters whose search space is not reported."""
    missing = {}
    for one in comparison.contestants:
        own = () if one.rule is None else one.rule.hyperparameters
        reported = {one.argument(name) for name in one.dimensions}
        names = [name for name in own if name not in reported]
        names += [
            one.argument(name) if one.is_of_the_rule(name) else name
            for name in one.searched_names
            if name not in one.dimensions and one.argument(name) not in own
        ]
        if one.rule is None and not one.dimensions:
            names = ["everything"]
        if names:
            missing[one.title] = names
    if missing:
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="search spaces not reported",
            evidence="no range of "
            + "; ".join(f"{', '.join(names)} of {title}" for title, names in missing.items()),
            next_step="report the searched range or the fixed value of each hyperparameter "
            "(columns <name>_low and <name>_high)",
        )


def copied_ranges(comparison: Comparison) -> Iterator[Finding]:
    """Finds equal ranges of hyperparameters that have the same name but different meanings.

    A learning rate of SGD, of Momentum (the step is 1 / (1 - gamma) as long), of RMSProp and of
    Adam (the gradient's scale is divided out) are different things; so is epsilon inside and
    outside the square root. Momentum's and Nesterov's are alike, and Adam's and NAdam's. The ratios
    of learning rate and epsilon have different names and are not compared.
    """
    shared: dict[tuple[str, Dimension], list[Contestant]] = {}
    for first, second in combinations(comparison.contestants, 2):
        others = _as_they_are(second)
        for argument, dimension in _as_they_are(first).items():
            if (
                others.get(argument) == dimension
                and _meaning(first) != _meaning(second)
                and _decades(dimension) < _WIDE_DECADES
            ):
                known = shared.setdefault((argument, dimension), [])
                known += [one for one in (first, second) if one not in known]
    for (argument, dimension), contestants in shared.items():
        yield Finding(
            severity="note",
            subject=f"{comparison.workload}: {', '.join(one.title for one in contestants)}",
            title=f"the same range of {argument} for different update rules",
            evidence=f"{argument}: {dimension} for all of them, though its meaning differs in each",
            next_step="check that each rule's best trials lie inside its range, and give each rule "
            "its own range where they do not",
        )


def _fixed(one: Contestant, name: str, value: float) -> str:
    meaning, argument = one.meaning(name), one.argument(name)
    complement = meaning is not None and meaning.transform == "one_minus"
    used = 1.0 - value if complement else value
    defaults = {d for rule in RULES.values() for d in rule.left_at.get(argument, ())}
    default = any(math.isclose(used, d, rel_tol=1e-6) for d in defaults)
    return f"{argument} = {used:.6g}" + (" (a default)" if default else "")


def _tuned_sibling(comparison: Comparison, one: Contestant) -> Contestant | None:
    """Another signature of the rule that fixes less."""
    for other in comparison.contestants:
        if one.rule == other.rule is not None and other.fixed.keys() < one.fixed.keys():
            return other
    return None


def _as_they_are(one: Contestant) -> dict[str, Dimension]:
    """What was searched of `_RULES_OWN`, without ratios and fixed values (see `untuned`)."""
    found: dict[str, Dimension] = {}
    for name, dimension in one.dimensions.items():
        meaning = one.meaning(name)
        if (
            meaning is not None
            and meaning.argument in _RULES_OWN
            and not meaning.needs_epsilon
            and dimension.only_value is None
        ):
            found[meaning.argument] = dimension
    return found


def _meaning(one: Contestant) -> str | None:
    """Rules in which the arguments mean the same get the same answer."""
    return None if one.rule is None else one.rule.similar_to or one.rule.name


def _decades(dimension: Dimension) -> float:
    return math.log10(dimension.high / dimension.low) if dimension.low > 0 else 0.0


CHECKS = (untuned, unreported, copied_ranges)
