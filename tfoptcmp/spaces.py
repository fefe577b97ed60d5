"""Search spaces as data: from a point of [0, 1)^d to the values of named hyperparameters.

A space maps names to dimensions; `tfoptcmp.hyperparameters` says what the names mean.
`SearchSpace.derive` turns searched values into the arguments that an update rule, its schedule and
the regularisation take.

Nothing here knows TensorFlow, keras-tuner, a workload or an update rule.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NotRequired, TypedDict

from tfoptcmp.conversion import Number, convert
from tfoptcmp.hyperparameters import HYPERPARAMETERS, Hyperparameter

_ROUNDING = 1e-9  # relative: u close to 1 may come out a little above the upper end


@dataclass(frozen=True, kw_only=True)
class LogUniform:
    """Uniform in the logarithm over [low, high), 0 < low < high."""

    low: Number
    high: Number

    def __post_init__(self) -> None:
        _check_bounds(self)
        if self.low <= 0:
            raise ValueError(f"LogUniform low must be > 0 to have a logarithm; got {self.low!r}")

    def value(self, u: float) -> float:
        """Maps u in [0, 1) to [low, high)."""
        return math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))

    def __contains__(self, value: float) -> bool:
        return self.low * (1 - _ROUNDING) <= value <= self.high * (1 + _ROUNDING)

    @property
    def only_value(self) -> None:
        """None: it has several values."""
        return None

    def __str__(self) -> str:
        return f"log-uniform in [{self.low:g}, {self.high:g})"


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Uniform over [low, high), low < high."""

    low: Number
    high: Number

    def __post_init__(self) -> None:
        _check_bounds(self)

    def value(self, u: float) -> float:
        """Maps u in [0, 1) to [low, high)."""
        return self.low + u * (self.high - self.low)

    def __contains__(self, value: float) -> bool:
        slack = _ROUNDING * max(abs(self.low), abs(self.high))
        return self.low - slack <= value <= self.high + slack

    @property
    def only_value(self) -> None:
        """None: it has several values."""
        return None

    def __str__(self) -> str:
        return f"uniform in [{self.low:g}, {self.high:g})"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several distinct values, each with the same probability."""

    values: tuple[Number, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values or len(set(self.values)) != len(self.values):
            raise ValueError(f"Choice values must be distinct and not empty; got {self.values!r}")
        for value in self.values:
            _check_number("Choice value", value)

    def value(self, u: float) -> float:
        """Maps u in [0, 1) to one of the values."""
        return self.values[int(u * len(self.values))]

    def __contains__(self, value: float) -> bool:
        return value in self.values

    @property
    def low(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(self.values)

    @property
    def only_value(self) -> float | None:
        """The value if there is only one, else None."""
        return self.values[0] if len(self.values) == 1 else None

    def __str__(self) -> str:
        return "one of " + ", ".join(f"{value:g}" for value in self.values)


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A constant: it takes no coordinate of the point."""

    fixed: Number

    def __post_init__(self) -> None:
        _check_number("Fixed value", self.fixed)

    def __contains__(self, value: float) -> bool:
        return value == self.fixed

    @property
    def low(self) -> float:
        """The value."""
        return self.fixed

    @property
    def high(self) -> float:
        """The value."""
        return self.fixed

    @property
    def only_value(self) -> float:
        """The value."""
        return self.fixed

    def __str__(self) -> str:
        return f"fixed at {self.fixed:g}"


Dimension = LogUniform | Uniform | Choice | Fixed

_DIMENSIONS: dict[str, type[Dimension]] = {
    "log_uniform": LogUniform,
    "uniform": Uniform,
    "choice": Choice,
    "fixed": Fixed,
}


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """Named dimensions, in the order of the point's coordinates.

    Attributes:
        dimensions: Name to dimension. The order of the names says which coordinate belongs to
            which.
        source: Where the ranges come from ("reconstructed", "ours", a study), for the record.
        own: Names that are not in HYPERPARAMETERS, for optimizers that need others.
        free: Names of the dimensions that are not Fixed: one coordinate each, in this order.
    """

    dimensions: Mapping[str, Dimension]
    source: str
    own: Mapping[str, Hyperparameter] = field(default_factory=dict)
    free: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimensions", dict(self.dimensions))
        object.__setattr__(self, "own", dict(self.own))
        for name, dimension in self.dimensions.items():
            for end in (dimension.low, dimension.high):
                _check_range(name, end, self.meaning(name))
        arguments: dict[str, str] = {}
        for name in self.dimensions:
            argument = self.meaning(name).argument
            if argument in arguments:
                raise ValueError(
                    f"a search space must give {argument} once; got {arguments[argument]!r} and "
                    f"{name!r}"
                )
            arguments[argument] = name
            if self.meaning(name).needs_epsilon and "epsilon" not in self.dimensions:
                raise ValueError(f"a search space with {name!r} must have 'epsilon' too")
        for name in self.dimensions:
            if self.meaning(name).transform == "over_rate" and "learning_rate" not in arguments:
                raise ValueError(f"a search space with {name!r} must have a learning rate too")
        object.__setattr__(
            self, "free", tuple(n for n, d in self.dimensions.items() if not isinstance(d, Fixed))
        )

    @property
    def num_dims(self) -> int:
        """Number of coordinates of a point: the dimensions that are not Fixed."""
        return len(self.free)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of what `derive` returns, in the order of the dimensions."""
        return tuple(self.meaning(name).argument for name in self.dimensions)

    def meaning(self, name: str) -> Hyperparameter:
        """Returns what a name means.

        Raises:
            ValueError: If the name is unknown; the message lists the known names.
        """
        if name in self.own:
            return self.own[name]
        if name == "weight_decay":
            raise ValueError(
                "weight_decay cannot be searched: Keras multiplies the weights by the learning "
                "rate times it, and alpha0 has the unit of epsilon; search "
                "'weight_decay_per_step', the product of both, or 'l2', which is part of the loss"
            )
        if name not in HYPERPARAMETERS:
            raise ValueError(
                f"hyperparameter name must be one of {sorted([*HYPERPARAMETERS, *self.own])}; "
                f"got {name!r}"
            )
        return HYPERPARAMETERS[name]

    def values(self, point: Sequence[float]) -> dict[str, float]:
        """Maps a point to the searched values.

        Args:
            point: `num_dims` coordinates in [0, 1), in the order of `free`.

        Returns:
            Name to value for every dimension, the fixed ones included, as Python numbers.

        Raises:
            ValueError: If the number of coordinates is wrong or one lies outside [0, 1).
        """
        if len(point) != self.num_dims:
            raise ValueError(f"point must have {self.num_dims} coordinates; got {len(point)}")
        for coordinate in point:
            if not 0 <= coordinate < 1:
                raise ValueError(f"point's coordinates must lie in [0, 1); got {coordinate!r}")
        coordinates = iter(float(coordinate) for coordinate in point)
        return {
            name: dimension.fixed
            if isinstance(dimension, Fixed)
            else dimension.value(next(coordinates))
            for name, dimension in self.dimensions.items()
        }

    def derive(self, values: Mapping[str, float], *, budget_steps: int) -> dict[str, float]:
        """Turns searched values into the arguments as used, e.g. `learning_rate` and `beta_1`.

        Args:
            values: Searched name to value, for every dimension.
            budget_steps: Training steps of a trial, the unit of `decay_steps_fraction`.

        Returns:
            Argument to value, in the order of the dimensions; `decay_steps` in steps.

        Raises:
            ValueError: If a name is missing or unknown, or a value is out of range.
        """
        if set(values) != set(self.dimensions):
            raise ValueError(
                f"values must name exactly {sorted(self.dimensions)}; got {sorted(values)}"
            )
        meanings = {name: self.meaning(name) for name in self.dimensions}
        for name, value in values.items():
            _check_range(name, value, meanings[name])
        of_rate = [n for n, meaning in meanings.items() if meaning.argument == "learning_rate"]
        rate = math.nan
        for name in of_rate:
            rate = meanings[name].value(name, values, budget_steps)
        return {
            meaning.argument: meaning.value(name, values, budget_steps, rate)
            for name, meaning in meanings.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the space as JSON-ready data; `from_json` restores it."""
        kinds = {dimension: kind for kind, dimension in _DIMENSIONS.items()}
        data: dict[str, Any] = {
            "source": self.source,
            "dimensions": {
                name: {"kind": kinds[type(dimension)], **_fields(dimension)}
                for name, dimension in self.dimensions.items()
            },
        }
        if self.own:
            data["own"] = {
                name: {key: value for key, value in asdict(meaning).items() if value != math.inf}
                for name, meaning in self.own.items()
            }
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, source: str = "not stated") -> "SearchSpace":
        """Builds a space from what `to_json` returned or a user wrote.

        Args:
            data: As a JSON file holds it.
            source: Source of the ranges, if the data do not give it.

        Raises:
            ValueError: If a key, a kind or a range is not allowed; the message names it.
        """
        if not isinstance(data, dict) or "dimensions" not in data:
            raise ValueError(
                'a search space must be {"source": ..., "dimensions": {name: {"kind": ...}}}; '
                f"got {data!r}"
            )
        record = convert(data, _Record)
        return cls(
            dimensions={
                name: _dimension(given, f"dimensions.{name}")
                for name, given in record["dimensions"].items()
            },
            source=record.get("source", source),
            own=record.get("own", {}),
        )


class _Record(TypedDict):
    """A search space in a JSON file."""

    dimensions: dict[str, dict[str, Any]]
    source: NotRequired[str]
    own: NotRequired[dict[str, Hyperparameter]]


def _dimension(given: Mapping[str, Any], path: str) -> Dimension:
    arguments = dict(given)
    kind = arguments.pop("kind", None)
    if not isinstance(kind, str) or kind not in _DIMENSIONS:
        raise ValueError(f"{path}.kind must be one of {sorted(_DIMENSIONS)}; got {kind!r}")
    return convert(arguments, _DIMENSIONS[kind], path)


def _fields(dimension: Dimension) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in vars(dimension).items()
    }


def _check_number(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{what} must be a finite number; got {value!r}")


def _check_range(name: str, value: float, allowed: Hyperparameter) -> None:
    _check_number(name, value)
    below = value <= allowed.low if allowed.low_open else value < allowed.low
    if below or value > allowed.high:
        end = "]" if math.isfinite(allowed.high) else ")"
        interval = f"{'(' if allowed.low_open else '['}{allowed.low:g}, {allowed.high:g}{end}"
        raise ValueError(f"{name} must lie in {interval}; got {value!r}")


def _check_bounds(dimension: LogUniform | Uniform) -> None:
    kind = type(dimension).__name__
    _check_number(f"{kind} low", dimension.low)
    _check_number(f"{kind} high", dimension.high)
    if dimension.low >= dimension.high:
        raise ValueError(
            f"{kind} low must be < high; got low={dimension.low!r}, high={dimension.high!r}"
        )
