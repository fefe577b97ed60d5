"""How a benchmark is run, and what it found: samples, ratios, targets. No measuring here."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tfoptcmp.tools.lab.benchmark.order_of_rounds import Samples


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Values of the flags of the same names; `threads` is at least 1, None means the default."""

    alternations: int
    threads: int
    networks: tuple[str, ...]
    rule: str
    torch_compile: bool
    cases: tuple[str, ...]
    trials: int | None
    trial_steps: int | None
    data_dir: str | None
    short: bool

    @property
    def method(self) -> str:
        """How contestants start: each with imports of its own where times mean something."""
        return "fork" if self.short else "spawn"


@dataclass(frozen=True, kw_only=True)
class Range:
    """Median, smallest and largest of a number of measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Range":
        """Returns that of these values."""
        return cls(median=statistics.median(values), low=min(values), high=max(values))

    def text(self, scale: float = 1.0) -> str:
        """Returns "median [low, high]", each times `scale`, to three digits."""
        median, low, high = (f"{scale * v:.3g}" for v in (self.median, self.low, self.high))
        return f"{median} [{low}, {high}]"


@dataclass(frozen=True, kw_only=True)
class Check:
    """A claim about a measurement.

    Attributes:
        claim: What the number is.
        measured: The number.
        limit: The promised limit; None if nothing is promised.
        at_least: Whether the limit is a lower one; else an upper one.
    """

    claim: str
    measured: Range
    limit: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the limit; None without one."""
        if self.limit is None:
            return None
        median = self.measured.median
        return median >= self.limit if self.at_least else median <= self.limit

    def text(self) -> str:
        """Returns one line."""
        line = f"{self.claim}: {self.measured.text()}"
        if self.limit is None:
            return line
        verdict = "met" if self.met else "MISSED"
        return f"{line}  {'>=' if self.at_least else '<='} {self.limit:g}? {verdict}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One table of the benchmark.

    Attributes:
        title: What was measured, on what.
        unit: Of the samples.
        samples: Contestant to what it measured.
        checks: What follows.
        notes: What readers need to know.
    """

    title: str
    unit: str
    samples: Mapping[str, Samples]
    checks: Sequence[Check] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    def text(self) -> str:
        """Returns the table, for people."""
        spread = "; median [smallest, largest]" if self.samples else ""
        lines = [f"{self.title} ({self.unit}{spread})"]
        scale = {"ms": 1e3, "us": 1e6}.get(self.unit, 1.0)
        for name, samples in self.samples.items():
            shown = f"failed: {samples.error.strip().splitlines()[-1]}" if samples.error else ""
            lines.append(f"  {name:<34} {shown or Range.of(samples.values).text(scale)}")
        lines += [f"  {check.text()}" for check in self.checks]
        lines += [f"  ({note})" for note in self.notes]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Returns everything, JSON-ready; samples in seconds, or in the unit if it is no time."""
        checks = [{**asdict(check), "met": check.met} for check in self.checks]
        samples = {name: asdict(value) for name, value in self.samples.items()}
        return {**asdict(self), "samples": samples, "checks": checks}


def ratios(numerator: Samples, denominator: Samples) -> Range:
    """Returns the ratio of two contestants, taken round by round."""
    return Range.of([a / b for a, b in zip(numerator.values, denominator.values, strict=True)])


def fastest(samples: Mapping[str, Samples]) -> str:
    """Returns the name of the contestant with the smallest median."""
    measured = {name: s.values for name, s in samples.items() if s.values}
    return min(measured, key=lambda name: statistics.median(measured[name]))
