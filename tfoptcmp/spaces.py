"""Search spaces as data: from a point of [0, 1)^d to the values of named hyperparameters.

A space maps names to dimensions. The names are those of the *decoupled* parameterisation of
Choi et al. (2019), section 4: not epsilon and the learning rate are searched but epsilon and
their ratio, because the best learning rate is nearly proportional to epsilon (sqrt(epsilon) for
RMSProp) where epsilon is large. `HYPERPARAMETERS` lists every name with what it means;
`SearchSpace.derive` turns searched values into the arguments that an update rule, its schedule and
the regularisation take.

Nothing here knows TensorFlow, keras-tuner, a workload or an update rule.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LogUniform:
    """Uniform in the logarithm over [low, high), 0 < low < high."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_bounds(self)
        if self.low <= 0:
            raise ValueError(
                f"LogUniform low must be > 0, the logarithm needs it; got {self.low!r}"
            )

    def value(self, u: float) -> float:
        """Maps u in [0, 1) to [low, high)."""
        return math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Uniform over [low, high), low < high."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_bounds(self)

    def value(self, u: float) -> float:
        """Maps u in [0, 1) to [low, high)."""
        return self.low + u * (self.high - self.low)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several distinct values, each with the same probability."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values or len(set(self.values)) != len(self.values):
            raise ValueError(f"Choice values must be distinct and not empty; got {self.values!r}")
        for value in self.values:
            _check_number("Choice value", value)

    def value(self, u: float) -> float:
        """Maps u in [0, 1) to one of the values."""
        return self.values[int(u * len(self.values))]


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A constant: it takes no coordinate of the point."""

    fixed: float

    def __post_init__(self) -> None:
        _check_number("Fixed value", self.fixed)


Dimension = LogUniform | Uniform | Choice | Fixed

_DIMENSIONS: dict[str, type[Dimension]] = {
    "log_uniform": LogUniform,
    "uniform": Uniform,
    "choice": Choice,
    "fixed": Fixed,
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """What one searchable name means.

    Attributes:
        argument: The argument it becomes (`SearchSpace.derive`), as the optimizer, the schedule or
            the trainer calls it.
        derive: The argument's value from the searched values and the budget in steps.
        low: Smallest value allowed, `low_open` if it is itself excluded.
        high: Largest value allowed.
        meaning: One line for people.
    """

    argument: str
    derive: Callable[[Mapping[str, float], int], float]
    meaning: str
    low: float = 0.0
    low_open: bool = False
    high: float = math.inf


def _same(name: str) -> Callable[[Mapping[str, float], int], float]:
    return lambda values, budget_steps: values[name]


def _one_minus(name: str) -> Callable[[Mapping[str, float], int], float]:
    return lambda values, budget_steps: 1.0 - values[name]


# The names that a search space may use (PAPER: section 4 and appendix D).
HYPERPARAMETERS: dict[str, Hyperparameter] = {
    "eta0": Hyperparameter(
        argument="learning_rate",
        derive=_same("eta0"),
        meaning="initial learning rate of SGD, Momentum, Nesterov (RMSProp if epsilon is fixed)",
        low_open=True,
    ),
    "alpha0": Hyperparameter(
        argument="learning_rate",
        derive=_same("alpha0"),
        meaning="initial learning rate of Adam, NAdam if epsilon is fixed",
        low_open=True,
    ),
    "eta0_over_sqrt_epsilon": Hyperparameter(
        argument="learning_rate",
        derive=lambda values, _: values["eta0_over_sqrt_epsilon"] * math.sqrt(values["epsilon"]),
        meaning="RMSProp's initial learning rate over sqrt(epsilon)",
        low_open=True,
    ),
    "alpha0_over_epsilon": Hyperparameter(
        argument="learning_rate",
        derive=lambda values, _: values["alpha0_over_epsilon"] * values["epsilon"],
        meaning="Adam's and NAdam's initial learning rate over epsilon",
        low_open=True,
    ),
    "one_minus_gamma": Hyperparameter(
        argument="momentum",
        derive=_one_minus("one_minus_gamma"),
        meaning="1 - momentum",
        low_open=True,
        high=1.0,
    ),
    "one_minus_rho": Hyperparameter(
        argument="rho",
        derive=_one_minus("one_minus_rho"),
        meaning="1 - RMSProp's decay of squared gradients",
        low_open=True,
        high=1.0,
    ),
    "one_minus_beta1": Hyperparameter(
        argument="beta_1",
        derive=_one_minus("one_minus_beta1"),
        meaning="1 - decay of the mean gradient",
        low_open=True,
        high=1.0,
    ),
    "one_minus_beta2": Hyperparameter(
        argument="beta_2",
        derive=_one_minus("one_minus_beta2"),
        meaning="1 - decay of squared gradients",
        low_open=True,
        high=1.0,
    ),
    "epsilon": Hyperparameter(
        argument="epsilon", derive=_same("epsilon"), meaning="damping", low_open=True
    ),
    "decay_steps_fraction": Hyperparameter(
        argument="decay_steps",
        derive=lambda values, budget_steps: max(
            1, round(values["decay_steps_fraction"] * budget_steps)
        ),
        meaning="share of the budget over which the learning rate decays linearly",
        low_open=True,
        high=1.0,
    ),
    "decay_factor": Hyperparameter(
        argument="decay_factor",
        derive=_same("decay_factor"),
        meaning="final over initial learning rate",
        high=1.0,
    ),
    "l2": Hyperparameter(
        argument="l2",
        derive=_same("l2"),
        meaning="lambda: lambda/2 times the sum of squares of the kernels is added to the loss",
    ),
    "label_smoothing": Hyperparameter(
        argument="label_smoothing",
        derive=_same("label_smoothing"),
        meaning="share of the label's probability spread over all classes",
        high=1.0,
    ),
}


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """Named dimensions, in the order of the point's coordinates.

    Attributes:
        dimensions: Name to dimension. The order of the names fixes which coordinate is whose.
        source: Where the ranges come from ("reconstructed", "ours", a study), for the record.
    """

    dimensions: Mapping[str, Dimension]
    source: str
    free: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimensions", dict(self.dimensions))
        for name, dimension in self.dimensions.items():
            _check_dimension(name, dimension)
        arguments: dict[str, str] = {}
        for name in self.dimensions:
            argument = HYPERPARAMETERS[name].argument
            if argument in arguments:
                raise ValueError(
                    f"a search space must give {argument} once; got {arguments[argument]!r} and "
                    f"{name!r}"
                )
            arguments[argument] = name
        for ratio in ("alpha0_over_epsilon", "eta0_over_sqrt_epsilon"):
            if ratio in self.dimensions and "epsilon" not in self.dimensions:
                raise ValueError(f"a search space with {ratio!r} must have 'epsilon' too")
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
        return tuple(HYPERPARAMETERS[name].argument for name in self.dimensions)

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
        for name, value in values.items():
            _check_range(name, value)
        return {
            HYPERPARAMETERS[name].argument: HYPERPARAMETERS[name].derive(values, budget_steps)
            for name in self.dimensions
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the space as JSON-ready data; `from_json` restores it."""
        kinds = {dimension: kind for kind, dimension in _DIMENSIONS.items()}
        return {
            "source": self.source,
            "dimensions": {
                name: {"kind": kinds[type(dimension)], **_fields(dimension)}
                for name, dimension in self.dimensions.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SearchSpace":
        """Builds a space from what `to_json` returned or a person wrote.

        Raises:
            ValueError: If a key, a kind or a range is not allowed; the message names it.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("dimensions"), Mapping):
            raise ValueError(
                'a search space must be {"source": ..., "dimensions": {name: {"kind": ...}}}; '
                f"got {data!r}"
            )
        dimensions = {}
        for name, given in data["dimensions"].items():
            kind = given.get("kind") if isinstance(given, Mapping) else None
            if kind not in _DIMENSIONS:
                raise ValueError(f"{name}: kind must be one of {sorted(_DIMENSIONS)}; got {kind!r}")
            try:
                arguments = {key: value for key, value in given.items() if key != "kind"}
                dimensions[name] = _DIMENSIONS[kind](**arguments)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name}: {error}") from error
        return cls(dimensions=dimensions, source=str(data.get("source", "not stated")))


def _fields(dimension: Dimension) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in vars(dimension).items()
    }


def _check_number(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{what} must be a finite number; got {value!r}")


def _check_bounds(dimension: LogUniform | Uniform) -> None:
    kind = type(dimension).__name__
    _check_number(f"{kind} low", dimension.low)
    _check_number(f"{kind} high", dimension.high)
    if dimension.low >= dimension.high:
        raise ValueError(
            f"{kind} low must be < high; got low={dimension.low!r}, high={dimension.high!r}"
        )


def _check_range(name: str, value: float) -> None:
    if name == "weight_decay":
        raise ValueError(
            "weight_decay cannot be searched: Keras multiplies the weights by the learning rate "
            "times it, and alpha0 has the unit of epsilon; search 'l2', which is part of the loss"
        )
    if name not in HYPERPARAMETERS:
        raise ValueError(
            f"hyperparameter name must be one of {sorted(HYPERPARAMETERS)}; got {name!r}"
        )
    _check_number(name, value)
    allowed = HYPERPARAMETERS[name]
    if value < allowed.low or (allowed.low_open and value == allowed.low) or value > allowed.high:
        end = "]" if math.isfinite(allowed.high) else ")"
        interval = f"{'(' if allowed.low_open else '['}{allowed.low:g}, {allowed.high:g}{end}"
        raise ValueError(f"{name} must lie in {interval}; got {value!r}")


def _check_dimension(name: str, dimension: Dimension) -> None:
    match dimension:
        case LogUniform() | Uniform():
            ends: tuple[float, ...] = (dimension.low, dimension.high)
        case Choice():
            ends = dimension.values
        case Fixed():
            ends = (dimension.fixed,)
    for end in ends:
        _check_range(name, end)
