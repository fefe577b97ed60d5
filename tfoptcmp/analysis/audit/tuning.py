"""What was searched, and over which ranges: untuned, unreported and copied hyperparameters."""

import math
from collections.abc import Iterator
from itertools import combinations

from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.evidence import Entry, Evidence
from tfoptcmp.analysis.published import DEFAULT_EPSILONS, PUBLISHED_EPSILONS
from tfoptcmp.spaces import Choice, Dimension, Fixed

# Values at which libraries leave an argument (ours, Keras, TensorFlow 1, PyTorch, DeepOBS).
_DEFAULTS: dict[str, tuple[float, ...]] = {
    "epsilon": (*dict.fromkeys(DEFAULT_EPSILONS.values()), 1e-7),
    "momentum": (0.0, 0.9, 0.99),
    "rho": (0.9, 0.99),
    "beta_1": (0.9,),
    "beta_2": (0.99, 0.999),
}

# A range so wide was not copied from another rule: it holds whatever one may wish for.
_WIDE_DECADES = 10.0


def untuned(evidence: Evidence) -> Iterator[Finding]:
    """Finds rules of which a hyperparameter was not tuned, epsilon above all.

    A signature with something fixed beside one of the same rule that tunes it is an ablation, which
    a reader has to know, and no fault.
    """
    for entry in evidence.entries:
        if not entry.fixed:
            continue
        fixed = ", ".join(_fixed(entry, name, value) for name, value in entry.fixed.items())
        shown = f"{fixed} in all {len(entry.trials)} trials"
        if "epsilon" in entry.fixed:
            chosen = sorted({(p.epsilon, p.source) for p in PUBLISHED_EPSILONS})
            shown += "; published work chose epsilons of " + ", ".join(
                f"{epsilon:g} ({source})" for epsilon, source in chosen
            )
        if whole := _tuned_sibling(evidence, entry):
            yield Finding(
                severity="note",
                subject=f"{evidence.workload}: {entry.title}",
                title="not its whole rule was tuned",
                evidence=f"{shown}; {whole.title} tunes more of the same rule",
                next_step="name it by what is fixed wherever its result is quoted",
            )
        else:
            yield Finding(
                severity="warning",
                subject=f"{evidence.workload}: {entry.title}",
                title=f"{' and '.join(map(entry.argument, entry.fixed))} not tuned",
                evidence=shown,
                next_step=f"search {', '.join(map(entry.argument, entry.fixed))} too"
                + (
                    " (epsilon over many decades, and the learning rate divided by it)"
                    if "epsilon" in entry.fixed
                    else ""
                )
                + ", or justify the value",
            )


def unreported(evidence: Evidence) -> Iterator[Finding]:
    """Finds hyperparameters whose search space a reader cannot know."""
    missing = {}
    for entry in evidence.entries:
        reported = {entry.argument(name) for name in entry.dimensions}
        names = [name for name in entry.own_hyperparameters if name not in reported]
        names += [
            entry.argument(name) if entry.is_own(name) else name
            for name in entry.values
            if name not in entry.dimensions
            and entry.argument(name) not in entry.own_hyperparameters
        ]
        if entry.rule is None and not entry.dimensions:
            names = ["everything"]
        if names:
            missing[entry.title] = names
    if missing:
        yield Finding(
            severity="warning",
            subject=evidence.workload,
            title="search spaces not reported",
            evidence="no range of "
            + "; ".join(f"{', '.join(names)} of {title}" for title, names in missing.items()),
            next_step="report for each hyperparameter what it was searched over or fixed at "
            "(columns <name>_low and <name>_high)",
        )


def copied_ranges(evidence: Evidence) -> Iterator[Finding]:
    """Finds equal ranges of hyperparameters that share a name and not a meaning.

    A learning rate of SGD, of Momentum (the step is 1 / (1 - gamma) as long), of RMSProp and of
    Adam (the gradient's scale is divided out) are different things; so is epsilon inside and
    outside the square root. Momentum's and Nesterov's are alike, and Adam's and NAdam's. The ratios
    of learning rate and epsilon have names of their own and are not compared.
    """
    shared: dict[tuple[str, Dimension], list[Entry]] = {}
    for first, second in combinations(evidence.entries, 2):
        for name, dimension in first.dimensions.items():
            argument = first.argument(name)
            same = [n for n, d in second.dimensions.items() if d == dimension]
            if (
                name in ("eta0", "alpha0", "epsilon")
                and argument in map(second.argument, same)
                and not any("_over_" in n for n in same)
                and _meaning(first, argument) != _meaning(second, argument)
                and _decades(dimension) < _WIDE_DECADES
            ):
                known = shared.setdefault((argument, dimension), [])
                known += [entry for entry in (first, second) if entry not in known]
    for (argument, dimension), entries in shared.items():
        yield Finding(
            severity="note",
            subject=f"{evidence.workload}: {', '.join(e.title for e in entries)}",
            title=f"the same range of {argument} for different update rules",
            evidence=f"{argument}: {_range(dimension)} for all of them, though it has another "
            "meaning in each",
            next_step="check that each rule's best trials lie inside its range, and give each rule "
            "a range of its own where they do not",
        )


def _fixed(entry: Entry, name: str, value: float) -> str:
    argument = entry.argument(name)
    used = 1.0 - value if name.startswith("one_minus_") else value
    default = any(math.isclose(used, d, rel_tol=1e-6) for d in _DEFAULTS.get(argument, ()))
    return f"{argument} = {used:.6g}" + (" (a default)" if default else "")


def _tuned_sibling(evidence: Evidence, entry: Entry) -> Entry | None:
    """Another signature of the rule that fixes less."""
    for other in evidence.entries:
        if entry.rule == other.rule is not None and other.fixed.keys() < entry.fixed.keys():
            return other
    return None


def _meaning(entry: Entry, argument: str) -> str | None:
    """Rules in which the argument means the same get the same answer."""
    alike = {"nesterov": "momentum", "nadam": "adam"}
    return entry.rule if entry.rule is None else alike.get(entry.rule, entry.rule)


def _decades(dimension: Dimension) -> float:
    match dimension:
        case Fixed():
            return math.inf  # `untuned` speaks of it
        case Choice(values=values):
            low, high = min(values), max(values)
        case _:
            low, high = dimension.low, dimension.high
    return math.log10(high / low) if low > 0 else 0.0


def _range(dimension: Dimension) -> str:
    match dimension:
        case Fixed():
            return f"{dimension.fixed:g}"
        case Choice(values=values):
            return "one of " + ", ".join(f"{value:g}" for value in values)
        case _:
            return f"{dimension.low:g} .. {dimension.high:g}"
