"""Quantities that trials are compared by: unit, format, what difference is too small to count.

Lower is better throughout. Nothing here imports TensorFlow.
"""

import math
from dataclasses import dataclass

SHARE = "share"
"""The unit of shares in [0, 1], which are shown in percent."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A quantity of a trial, lower is better.

    Attributes:
        name: For people: "classification error", "cross entropy".
        unit: "share" (of [0, 1], shown in percent), "nats", "steps", or "" where it is not known.
        digits: Significant digits shown of what is neither a share nor steps.
    """

    name: str
    unit: str
    digits: int = 4

    @property
    def scale(self) -> float:
        """Factor from the unit to the one shown."""
        return 100.0 if self.unit == SHARE else 1.0

    @property
    def shown_unit(self) -> str:
        """Name of the unit shown: "%", "nats", "steps"; "" where it is not known."""
        return "%" if self.unit == SHARE else self.unit

    def label(self, what: str) -> str:
        """Returns what an axis or a column shows, with the unit shown if there is one."""
        return f"{what}, {self.shown_unit}" if self.shown_unit else what

    @property
    def difference_unit(self) -> str:
        """Name of the unit shown of differences."""
        return "percentage points" if self.unit == SHARE else self.unit

    @property
    def cap(self) -> float:
        """The worst value that counts, so that means exist: 1 for a share."""
        return 1.0 if self.unit == SHARE else math.inf

    def number(self, value: float) -> str:
        """Returns a value in the unit shown, without the unit, for a column of a table."""
        form = {SHARE: ".2f", "steps": ",.0f"}.get(self.unit, f".{self.digits}g")
        return format(self.scale * value, form)

    def text(self, value: float | None) -> str:
        """Returns a value with its unit, for a sentence; "-" where there is none."""
        if value is None or math.isnan(value):
            return "-"
        unit = {SHARE: " %", "steps": " steps"}.get(self.unit, "")
        return self.number(value) + unit

    def difference(self, value: float) -> str:
        """Returns a difference of two values with its sign; of shares in percentage points."""
        return f"{100 * value:+.2f} pp" if self.unit == SHARE else f"{value:+.3g}"

    def difference_with(self, value: float, low: float, high: float, *, unit: bool = True) -> str:
        """Returns a difference with its interval: "+0.34 [-0.39, +0.86] pp".

        Args:
            value: The difference.
            low: Low end of the interval.
            high: High end.
            unit: Whether to name the unit.
        """
        shown, least, most = (self.difference(v).removesuffix(" pp") for v in (value, low, high))
        named = " pp" if unit and self.unit == SHARE else ""
        return f"{shown} [{least}, {most}]{named}"

    def tolerance(
        self, value: float, *, num_examples: int | None = None, interval_steps: int = 1
    ) -> float:
        """Returns delta: the difference that is too small to matter, > 0.

        One standard error of the evaluation set for shares, or one example of it if that is more;
        LOSS_TOLERANCE for losses; one measurement interval for steps. For shares with evaluation
        sets of unknown size it is guessed as SHARE_TOLERANCE, and for metrics of unknown unit as
        UNKNOWN_TOLERANCE of the value.

        Args:
            value: The value that another is compared with; may be infinite.
            num_examples: Size of the evaluation set; None if not known.
            interval_steps: Steps between measurements.
        """
        if self.unit == "steps":
            return float(interval_steps)
        if self.unit == "nats":
            return LOSS_TOLERANCE
        if self.unit != SHARE:
            size = abs(value) if math.isfinite(value) and value else 1.0
            return UNKNOWN_TOLERANCE * size
        if num_examples is None:
            return SHARE_TOLERANCE
        return max(self.standard_error(value, num_examples), 1 / num_examples)

    def standard_error(self, value: float, num_examples: int) -> float:
        """Returns what evaluating on so many examples makes a share vary by; NaN if not a share.

        Args:
            value: May be infinite, which counts as the worst.
            num_examples: Size of the evaluation set.
        """
        if self.unit != SHARE:
            return math.nan
        share = min(value, self.cap)
        return math.sqrt(share * (1 - share) / num_examples)


UNITS = (SHARE, "nats")
"""The units that a workload's metric can have."""

LOSS_TOLERANCE = 0.01
"""delta of losses in nats; our own choice."""

SHARE_TOLERANCE = 0.005
"""delta of shares measured on a set of unknown size: one standard error of 10 % on 3,600 examples.

Our own choice.
"""

UNKNOWN_TOLERANCE = 0.01
"""delta of metrics of unknown unit, as a share of the value; our own choice."""

CLASSIFICATION_ERROR = Metric(name="classification error", unit=SHARE)
CROSS_ENTROPY = Metric(name="cross entropy", unit="nats")
TRAINING_LOSS = Metric(name="training loss", unit="nats", digits=3)
STEPS = Metric(name="training steps", unit="steps")
