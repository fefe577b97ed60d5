"""What there is to compare: optimizers, workloads and search spaces, a line for each."""

from collections.abc import Iterable, Mapping

from tfoptcmp.workloads.spaces.assemble import SPACES

from tfoptcmp.inclusions import is_special_case
from tfoptcmp.rules import RULES, Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.workload import Workload


def listing(
    workloads: Mapping[str, Workload], spaces: Mapping[str, Mapping[str, Signature]]
) -> str:
    """Returns the lines.

    Args:
        workloads: Name to workload.
        spaces: Of one workload: name to optimizer to signature; the first has the optimizers.
    """
    optimizers = next(iter(spaces.values()))
    return "\n\n".join(
        [
            _section(
                "Optimizers (--optimizers=a,b), with what is searched beside schedule and "
                "regularisation, and what they contain",
                ((name, _of_rule(signature)) for name, signature in optimizers.items()),
            ),
            _section(
                "Workloads (--workload)", ((name, one.title) for name, one in workloads.items())
            ),
            _section(
                "Search spaces (--space), of the workload",
                ((n, _of_space(n, spaces)) for n in spaces),
            ),
        ]
    )


def _of_rule(signature: Signature) -> str:
    rule, space = signature.rule, signature.space
    searched = [n for n in space.free if space.meaning(n).argument in rule.hyperparameters]
    declared = [(special, rule.name) for special in rule.contains]
    contained = [name for name in RULES if is_special_case(name, rule.name, declared)]
    contains = f"; contains {', '.join(contained)}" if contained else ""
    return f"{rule.title}{_of_keras(rule)}: {', '.join(searched)}{contains}"


def _of_keras(rule: Rule) -> str:
    address = rule.optimizer.replace(":", ".")
    return "" if rule.name in RULES else f" ({address})"


def _of_space(name: str, spaces: Mapping[str, Mapping[str, Signature]]) -> str:
    optimizers = spaces[name]
    everywhere = next(iter(spaces.values()))
    which = "" if len(optimizers) == len(everywhere) else f": {', '.join(optimizers)}"
    return f"{SPACES.get(name, 'your own')}{which}"


def _section(heading: str, lines: Iterable[tuple[str, str]]) -> str:
    rows = list(lines)
    width = max(len(name) for name, _ in rows)
    return "\n".join([f"{heading}:", *(f"  {name:<{width}}  {text}" for name, text in rows)])
