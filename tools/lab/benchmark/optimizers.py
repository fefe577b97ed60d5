"""One update of all weights: our rules, stock Keras's and PyTorch's, in four sizes."""

from collections.abc import Iterator, Mapping

from tfoptcmp.rules import DEFAULT_RULES
from tools.lab.benchmark.order_of_rounds import Contestant, Samples, alternate
from tools.lab.benchmark.results import Check, Comparison, fastest, ratios
from tools.lab.benchmark.settings import Settings
from tools.lab.benchmark.shapes import SIZES

_IMPLEMENTATIONS = {"fused": ("sgd", "momentum", "nesterov", "adam"), "foreach": DEFAULT_RULES}
_LIMITED = "simple_cnn"  # the size, 3.3 M parameters, of which something is promised


def compare(settings: Settings) -> Iterator[Comparison]:
    """Yields one table a size."""
    for size in ("digits",) if settings.short else SIZES:
        rules = ("momentum", "adam") if size == "resnet50" else DEFAULT_RULES  # for memory's sake
        yield _compare(size, rules, settings)


def _compare(size: str, rules: tuple[str, ...], settings: Settings) -> Comparison:
    arguments = {"size": size, "threads": settings.threads}
    contestants = [
        Contestant(
            name=name,
            function=f"tools.lab.benchmark.{function}",
            arguments=arguments,
            parts=rules,
        )
        for name, function in (
            ("ours", "optimizers_keras:ours"),
            ("Keras", "optimizers_keras:stock"),
        )
    ]
    contestants += [
        Contestant(
            name=f"PyTorch {implementation}",
            function="tools.lab.benchmark.optimizers_torch:pytorch",
            arguments={**arguments, "implementation": implementation},
            parts=tuple(rule for rule in rules if rule in known),
        )
        for implementation, known in _IMPLEMENTATIONS.items()
    ]
    samples = alternate(contestants, settings.alternations)
    num_parameters = samples[f"ours {rules[0]}"].facts["parameters"]
    return Comparison(
        title=f"One update of {num_parameters:,} parameters in {SIZES[size]}",
        unit="us",
        samples=samples,
        checks=[check for rule in rules for check in _checks(rule, samples, size == _LIMITED)],
        notes=[
            "Keras's and ours in a compiled loop: ours with XLA, as in trials, Keras's without, "
            "as in its deterministic `fit`; PyTorch's called one by one"
        ],
    )


def _checks(rule: str, samples: Mapping[str, Samples], limited: bool) -> list[Check]:
    ours = samples[f"ours {rule}"]
    pytorch = fastest(
        {
            name: sample
            for name, sample in samples.items()
            if name.startswith("PyTorch") and name.endswith(f" {rule}")
        }
    )
    return [
        Check(
            claim=f"ours / Keras, {rule}",
            measured=ratios(ours, samples[f"Keras {rule}"]),
            limit=0.5 if limited else None,
        ),
        Check(claim=f"ours / {pytorch}", measured=ratios(ours, samples[pytorch])),
    ]
