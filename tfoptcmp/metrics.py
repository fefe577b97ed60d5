"""Quantities that trials are compared by: direction, unit, format, what difference is too small.

Users see a metric's values; of one that is maximised, 0.95 beats 0.90. All analysis is of its
errors, of which lower is better: `Metric.error` and `Metric.value` convert, and nothing else does.
Nothing here imports TensorFlow.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tfoptcmp.conversion import Name, Number, Positive, PositiveCount

SHARE = "share"
"""The unit of shares in [0, 1], which are shown in percent."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A quantity of a trial.

    Attributes:
        name: For people: "classification error", "cross entropy".
        unit: "share" (of [0, 1], shown in percent), "nats", "steps", any other as it is to be
            shown, or "" where there is none or it is not known.
        digits: Significant digits shown of what is neither a share nor steps.
        maximize: Whether higher is better.
        guess: Value of a model that has learnt nothing; None if not known. See `with_classes`.
        margin: Difference that is too small to matter; None to take it from what is measured.
    """

    name: Name
    unit: str
    digits: PositiveCount = 4
    maximize: bool = False
    guess: Number | None = None
    margin: Positive | None = None

    def error(self, value: Any) -> Any:
        """Returns the error of a value, or of an array of them: lower is better.

        It is the value itself, or what it lacks to 1 if the metric is maximised.
        """
        return 1 - value if self.maximize else value

    def value(self, error: Any) -> Any:
        """Returns the value, as users know it, of an error."""
        return self.error(error)

    def with_classes(self, num_classes: int | None) -> "Metric":
        """Returns the metric with the value of guessing one of the classes, if it can be told."""
        guess = _OF_GUESSING.get(self.name)
        if not num_classes or guess is None or self.guess is not None:
            return self
        return replace(self, guess=guess(num_classes))

    @property
    def direction(self) -> str:
        """Says which values are better."""
        return "higher is better" if self.maximize else "lower is better"

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

    def worse_by(self, what: str) -> str:
        """Returns the heading of differences of errors; if higher is better, it says what + is."""
        return f"{what} (+ is worse)".lstrip() if self.maximize else what

    @property
    def difference_unit(self) -> str:
        """Name of the unit shown of differences."""
        return "percentage points" if self.unit == SHARE else self.unit

    @property
    def guessing(self) -> float:
        """Error of a model that has learnt nothing; inf if not known, 1 for a share."""
        if self.guess is not None:
            return float(self.error(self.guess))
        return 1.0 if self.unit == SHARE else math.inf

    @property
    def cap(self) -> float:
        """The worst error that counts, so that means exist: 1 for a share, else guessing's."""
        return 1.0 if self.unit == SHARE else self.guessing

    def number(self, error: float) -> str:
        """Returns the value of an error in the unit shown, without the unit, for a table."""
        form = {SHARE: ".2f", "steps": ",.0f"}.get(self.unit, f".{self.digits}g")
        return format(self.scale * self.value(error), form)

    def text(self, error: float | None) -> str:
        """Returns the value of an error with its unit, for a sentence; "-" where there is none."""
        if error is None or math.isnan(error):
            return "-"
        unit = {SHARE: " %", "steps": " steps"}.get(self.unit, "")
        return self.number(error) + unit

    def shown(self, value: float | None) -> str:
        """Returns a value, as users know it, with its unit; "-" where there is none."""
        return self.text(None if value is None else self.error(value))

    def size(self, value: float) -> str:
        """Returns a size, as of a standard deviation, which is the same for values and errors."""
        return replace(self, maximize=False).text(value)

    def difference(self, value: float) -> str:
        """Returns a difference of errors with its sign; of shares in percentage points."""
        return f"{100 * value:+.2f} pp" if self.unit == SHARE else f"{value:+.3g}"

    def difference_with(self, value: float, low: float, high: float, *, unit: bool = True) -> str:
        """Returns a difference of errors with its interval: "+0.34 [-0.39, +0.86] pp".

        An interval that is infinite is not known: there are too few trials.

        Args:
            value: The difference.
            low: Low end of the interval.
            high: High end.
            unit: Whether to name the unit.
        """
        shown, least, most = (self.difference(v).removesuffix(" pp") for v in (value, low, high))
        named = " pp" if unit and self.unit == SHARE else ""
        if math.isinf(low) and math.isinf(high):
            return f"{shown}{named} (no interval: too few trials)"
        return f"{shown} [{least}, {most}]{named}"

    def value_difference_with(self, value: float, low: float, high: float) -> str:
        """Returns a difference of errors as that of the values, to stand beside values.

        One value and the difference make the other; the ends of the interval change places.
        """
        if self.maximize:
            value, low, high = 0.0 - value, 0.0 - high, 0.0 - low  # no "-0.00"
        return self.difference_with(value, low, high)

    def tolerance(
        self,
        error: float,
        *,
        standard_error: float = math.nan,
        num_examples: int | None = None,
        interval_steps: int = 1,
    ) -> float:
        """Returns delta: the difference that is too small to matter, > 0.

        The metric's own margin, if it has one. Else one standard error of the evaluation set, as
        measured or as it follows from a share, or one example if that is more; one measurement
        interval for steps. Where the standard error is not known: LOSS_TOLERANCE for losses in
        nats, SHARE_TOLERANCE for shares, and for other metrics UNKNOWN_TOLERANCE of the value.

        Args:
            error: The one that another is compared with; may be infinite.
            standard_error: As measured; NaN if it was not.
            num_examples: Size of the evaluation set; None if not known.
            interval_steps: Steps between measurements.
        """
        if self.margin is not None:
            return float(self.margin)
        if self.unit == "steps":
            return float(interval_steps)
        if math.isnan(standard_error) and num_examples is not None:
            standard_error = self.standard_error(error, num_examples)
        if math.isfinite(standard_error):
            of_one = 1 / num_examples if self.unit == SHARE and num_examples else 0.0
            if found := max(standard_error, of_one):
                return found
        if self.unit == SHARE:
            return SHARE_TOLERANCE
        if self.unit == "nats":
            return LOSS_TOLERANCE
        value = abs(self.value(error))
        return UNKNOWN_TOLERANCE * (value if math.isfinite(value) and value else 1.0)

    def standard_error(self, error: float, num_examples: int) -> float:
        """Returns what evaluating on so many examples makes a share vary by; NaN if not a share.

        Args:
            error: May be infinite, which counts as the worst.
            num_examples: Size of the evaluation set.
        """
        if self.unit != SHARE:
            return math.nan
        share = min(error, self.cap)
        return math.sqrt(share * (1 - share) / num_examples)


LOSS_TOLERANCE = 0.01
"""delta of losses in nats; our own choice."""

SHARE_TOLERANCE = 0.005
"""delta of shares measured on a set of unknown size: one standard error of 10 % on 3,600 examples.

Our own choice.
"""

UNKNOWN_TOLERANCE = 0.01
"""delta of metrics of unknown unit, as a share of the value; our own choice."""

CLASSIFICATION_ERROR = Metric(name="classification error", unit=SHARE)
ACCURACY = Metric(name="accuracy", unit=SHARE, maximize=True)
TOP_5_ERROR = Metric(name="top-5 error", unit=SHARE)
CROSS_ENTROPY = Metric(name="cross entropy", unit="nats")
PERPLEXITY = Metric(name="perplexity", unit="")
MEAN_SQUARED_ERROR = Metric(name="mean squared error", unit="")
MEAN_ABSOLUTE_ERROR = Metric(name="mean absolute error", unit="")
R2 = Metric(name="R2", unit="", maximize=True, guess=0.0)
AUC = Metric(name="AUC", unit=SHARE, maximize=True, guess=0.5)
F1 = Metric(name="F1", unit=SHARE, maximize=True)
TRAINING_LOSS = Metric(name="training loss", unit="nats", digits=3)
STEPS = Metric(name="training steps", unit="steps")

_OF_GUESSING: dict[str, Callable[[int], float]] = {
    CLASSIFICATION_ERROR.name: lambda classes: 1 - 1 / classes,
    ACCURACY.name: lambda classes: 1 / classes,
    TOP_5_ERROR.name: lambda classes: max(0.0, 1 - 5 / classes),
    CROSS_ENTROPY.name: math.log,
    TRAINING_LOSS.name: math.log,
    PERPLEXITY.name: float,
}
