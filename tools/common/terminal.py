"""How numbers look in a terminal."""

from collections.abc import Iterator, Mapping

from tfoptcmp.metrics import Metric
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform
from tfoptcmp.study.schema import Measurement

_SPLITS = ("train", "validation", "test")


def duration(seconds: float) -> str:
    """A duration in words: "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"."""
    seconds = round(seconds)
    for large, small, size in (("d", "h", 86400), ("h", "min", 3600), ("min", "s", 60)):
        if seconds >= size:
            rest = seconds % size * {"h": 24, "min": 60, "s": 60}[small] // size
            return (
                f"{seconds // size} {large} {rest} {small}"
                if rest
                else f"{seconds // size} {large}"
            )
    return f"{seconds} s"


def measurement_header(metric: Metric) -> str:
    """Heading of the columns of `measurement_row`."""
    columns = "".join(f"{f'{split} loss':>17}{'metric':>9}" for split in _SPLITS)
    return f"{'step':>8}{'rate':>11}{columns}{'gradient rms':>15}   (metric: {metric.name})"


def measurement_row(measurement: Measurement, metric: Metric) -> str:
    """One measurement as a line."""
    columns = "".join(
        f"{measurement[f'{split}_loss']:>17.4f}{metric.shown(measurement[f'{split}_metric']):>9}"
        if measurement.get(f"{split}_loss") is not None
        else f"{'-':>17}{'-':>9}"
        for split in _SPLITS
    )
    return (
        f"{measurement['step']:>8}{measurement['learning_rate']:>11.3g}{columns}"
        f"{measurement['gradient_rms']:>15.3g}"
    )


def hyperparameters(values: Mapping[str, float], arguments: Mapping[str, float]) -> str:
    """Hyperparameters as searched, if any are, and all arguments as used."""
    searched = ", ".join(f"{name} = {value:.4g}" for name, value in values.items())
    used = ", ".join(f"{name} = {value:.10g}" for name, value in arguments.items())
    return (f"  searched: {searched}\n" if searched else "") + f"  used: {used}"


def space(signature: Signature) -> str:
    """A search space, a line for each dimension."""
    lines = [f"{signature.rule.title}: {signature.schedule}, space from: {signature.space.source}"]
    for name, dimension in signature.space.dimensions.items():
        match dimension:
            case LogUniform(low=low, high=high):
                text = f"{low:g} .. {high:g}, log"
            case Uniform(low=low, high=high):
                text = f"{low:g} .. {high:g}"
            case Choice(values=values):
                text = "one of " + ", ".join(f"{value:g}" for value in values)
            case Fixed(fixed=fixed):
                text = f"{fixed:g}, fixed"
        lines.append(f"  {name:<24}{text}")
    return "\n".join([*lines, *_rates_at_the_default(signature)])


def _rates_at_the_default(signature: Signature) -> Iterator[str]:
    """Where the rate's ratio to epsilon is searched: which rates that gives at epsilon's default.

    A range of the ratio may leave out the rates that people use with the default.
    """
    rule, dimensions = signature.rule, signature.space.dimensions
    ratio, epsilon = dimensions.get(rule.rate_over_epsilon), dimensions.get("epsilon")
    if rule.epsilon is not None and ratio is not None and epsilon is not None:
        default = rule.epsilon.default
        if epsilon.low <= default <= epsilon.high:
            root = rule.epsilon.root(default)
            low, high = ratio.low * root, ratio.high * root
            yield f"  so {rule.rate} is {low:g} .. {high:g} at epsilon = {default:g}, its default"
        else:
            yield f"  so epsilon = {default:g}, its default, is left out"
