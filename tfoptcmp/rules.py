"""Update rules: every fact about a rule is here, once. Nothing here imports TensorFlow.

The rules are those of Choi et al. (2019), Table 1, and RMSTEROV of that paper's first version.
`tfoptcmp.optimizers` has them as Keras optimizers, `tfoptcmp.inclusions` says which contains which.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, make_dataclass
from functools import partial
from typing import Any, get_type_hints

from tfoptcmp.conversion import Count, Name, Number, Positive, PositiveCount, convert
from tfoptcmp.imported import named
from tfoptcmp.spaces import Dimension, LogUniform


@dataclass(frozen=True, kw_only=True)
class PublishedValue:
    """A value that published work chose for one of a rule's arguments.

    Attributes:
        value: As the publication's own rule defines it.
        source: The publication.
    """

    value: Positive
    source: Name


@dataclass(frozen=True, kw_only=True)
class Epsilon:
    """A rule's damping term.

    Attributes:
        power: Its unit is that of the gradient to this power: 1 beside the root (Adam), 2 inside of
            it (RMSProp).
        default: What papers leave it at (Choi et al. 2019, section 4), > 0.
        published: What published work chose for this rule, or for one whose epsilon means the same.
    """

    power: PositiveCount
    default: Positive
    published: tuple[PublishedValue, ...] = ()

    def root(self, value: float) -> float:
        """An epsilon in the unit of the gradient: what a rate's ratio to it is divided by."""
        root: float = value ** (1 / self.power)
        return root


@dataclass(frozen=True, kw_only=True)
class Look:
    """How every plot shows a rule.

    Attributes:
        colour: As matplotlib understands it.
        marker: Likewise.
    """

    colour: Name
    marker: Name


ELSEWHERE = Look(colour="#D55E00", marker="X")
"""For rules that are not ours: the last strong colour of the palette of RULES."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An update rule.

    A rule from elsewhere needs only the first four.

    Attributes:
        name: Short lower-case name, as flags and directories use it.
        title: Name for people.
        optimizer: Its Keras optimizer, "module:Class".
        hyperparameters: The constructor arguments that a search space must determine.
        contains: Names of rules that this one can imitate, for rules that are not ours
            (`tfoptcmp.inclusions` has ours, and what follows from them).
        epsilon: Its damping term; None if it has none.
        rate: Searched name of its initial learning rate.
        rate_over_epsilon: Searched name of the rate's ratio to (a power of) epsilon; "" if none.
        kept_per_parameter: Numbers that it stores for each weight; None if not known.
        look: How plots show it.
        initial_ranges: Searched name to the range that the initial search space has, without those
            of schedule and regularisation. Those of the Simple CNN on Fashion-MNIST (Choi et al.
            2019, appendix D), reconstructed; other workloads start from them too, which is ours.
        ranges_source: Where they come from, if not from there.
        schedule: Learning-rate schedule of the initial search space, of `signatures.SCHEDULES`.
        constants: Arguments of the optimizer that are not searched and are not at its defaults.
        in_keras: Keras's class that makes the same updates with the same arguments, if there is one
            beside `optimizer`.
        usual: Searched name, of all but the rate, to the value that papers leave it at.
        left_at: Argument to the values at which libraries leave it (ours, Keras, TensorFlow 1,
            PyTorch, DeepOBS).
        similar_to: Name of a rule in which rate and epsilon mean the same; "" for none.
        other_names: Its names elsewhere, see `rule_named`: labels in lower-case letters alone
            ("sgdm"), and addresses ("optax.adam").
        by_default: Whether it is compared if the user names no rules.
    """

    name: Name
    title: Name
    optimizer: Name
    hyperparameters: tuple[Name, ...]
    contains: tuple[Name, ...] = ()
    epsilon: Epsilon | None = None
    rate: Name = "eta0"
    rate_over_epsilon: str = ""
    kept_per_parameter: Count | None = None
    look: Look = ELSEWHERE
    initial_ranges: Mapping[str, Dimension] = field(default_factory=dict)
    ranges_source: str = ""
    schedule: Name = "linear_decay"
    constants: Mapping[str, Number | bool | None] = field(default_factory=dict)
    in_keras: str = ""
    usual: Mapping[str, float] = field(default_factory=dict)
    left_at: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    similar_to: str = ""
    other_names: tuple[str, ...] = ()
    by_default: bool = False

    @property
    def place(self) -> int:
        """Its place in tables and figures: the order of RULES, rules from elsewhere after them."""
        return list(RULES).index(self.name) if RULES.get(self.name) == self else len(RULES)

    def optimizer_class(self) -> Any:
        """Imports its Keras optimizer.

        Raises:
            ValueError: If the installed Keras does not have it.
        """
        try:
            return named(self.optimizer)
        except AttributeError as error:
            raise ValueError(f"{self.title} needs {self.optimizer}, which is not here") from error

    def to_json(self) -> dict[str, Any]:
        """Returns what a study records of a rule that is not in RULES; `from_json` restores it."""
        given: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in _ALWAYS_RECORDED or (f.name in _RECORDED and value != _default(f)):
                given[f.name] = asdict(value) if isinstance(value, Epsilon | Look) else value
        return given

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Rule":
        """Builds a rule from what `to_json` returned, or what a study's JSON file has of it.

        Raises:
            ValueError: If a field is invalid; the message names it.
        """
        return cls(**vars(convert(data, _Definition)))


# Recorded of a rule from elsewhere, so that its studies can be read where it is not installed. What
# is needed only before a study (ranges to start from) or for other tools' results is not recorded.
_ALWAYS_RECORDED = ("name", "title", "optimizer", "hyperparameters", "contains")
_RECORDED = (
    *("epsilon", "rate", "rate_over_epsilon", "kept_per_parameter", "look", "similar_to"),
    "constants",
)


def _default(one: "Field[Any]") -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


_TYPES = get_type_hints(Rule, include_extras=True)
_Definition = make_dataclass(
    "_Definition",
    [
        *((name, _TYPES[name]) for name in _ALWAYS_RECORDED),
        *(
            (f.name, _TYPES[f.name], field(default_factory=partial(_default, f)))
            for f in fields(Rule)
            if f.name in _RECORDED
        ),
    ],
)


_VELOCITY: dict[str, Dimension] = {
    "eta0": LogUniform(low=1e-4, high=1e2),
    "one_minus_gamma": LogUniform(low=1e-4, high=1.0),
}
_MOMENTS: dict[str, Dimension] = {
    "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e4),
    "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
    "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
    "epsilon": LogUniform(low=1e-10, high=1e10),
}
_MEAN_SQUARE: dict[str, Dimension] = {
    "eta0_over_sqrt_epsilon": LogUniform(low=1e-2, high=1e4),
    "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
    "one_minus_rho": LogUniform(low=1e-4, high=1.0),
    "epsilon": LogUniform(low=1e-10, high=1e10),
}
_MOMENTUM_LEFT_AT = {"momentum": (0.0, 0.9, 0.99)}
_MEAN_SQUARE_LEFT_AT = {**_MOMENTUM_LEFT_AT, "rho": (0.9, 0.99), "epsilon": (1e-10, 1e-8, 1e-7)}
_MOMENTS_LEFT_AT = {"beta_1": (0.9,), "beta_2": (0.99, 0.999), "epsilon": (1e-10, 1e-8, 1e-7)}
# Published values were chosen for Adam and RMSProp (Choi et al. 2019, section 1).
_MOMENTS_EPSILON = Epsilon(
    power=1,
    default=1e-8,
    published=(
        PublishedValue(value=1e-6, source="Liu et al. 2019"),
        PublishedValue(value=1.5e-4, source="Hessel et al. 2017"),
    ),
)
_MEAN_SQUARE_EPSILON = Epsilon(
    power=2,
    default=1e-10,
    published=(
        PublishedValue(value=1.0, source="Szegedy et al. 2016"),
        PublishedValue(value=1e-3, source="Tan et al. 2019; Tan & Le 2019"),
    ),
)
_USUAL_MOMENTS = {
    "one_minus_beta1": 0.1,
    "one_minus_beta2": 0.001,
    "epsilon": _MOMENTS_EPSILON.default,
}
_USUAL_MEAN_SQUARE = {
    "one_minus_gamma": 1.0,
    "one_minus_rho": 0.1,
    "epsilon": _MEAN_SQUARE_EPSILON.default,
}

# In the order of the inclusions; tables and figures keep it. Colours are Okabe and Ito's palette,
# which colour-blind people can tell apart (jfly.uni-koeln.de/color).
RULES: dict[str, Rule] = {
    "sgd": Rule(
        name="sgd",
        title="SGD",
        optimizer="tfoptcmp.optimizers:SGD",
        hyperparameters=("learning_rate",),
        in_keras="keras.optimizers:SGD",
        kept_per_parameter=0,
        look=Look(colour="#000000", marker="o"),
        initial_ranges={"eta0": LogUniform(low=1e-2, high=1e2)},
        other_names=("gradientdescent", "optax.sgd", "keras.optimizers.SGD", "torch.optim.SGD"),
        by_default=True,
    ),
    "momentum": Rule(
        name="momentum",
        title="Momentum",
        optimizer="tfoptcmp.optimizers:Momentum",
        hyperparameters=("learning_rate", "momentum"),
        kept_per_parameter=1,
        look=Look(colour="#E69F00", marker="s"),
        initial_ranges=_VELOCITY,
        usual={"one_minus_gamma": 0.1},
        left_at=_MOMENTUM_LEFT_AT,
        other_names=("sgdmomentum", "sgdm", "heavyball"),
        by_default=True,
    ),
    "nesterov": Rule(
        name="nesterov",
        title="Nesterov",
        optimizer="tfoptcmp.optimizers:Nesterov",
        hyperparameters=("learning_rate", "momentum"),
        kept_per_parameter=1,
        look=Look(colour="#56B4E9", marker="D"),
        initial_ranges=_VELOCITY,
        usual={"one_minus_gamma": 0.1},
        left_at=_MOMENTUM_LEFT_AT,
        similar_to="momentum",
        other_names=("nesterovmomentum", "nag"),
        by_default=True,
    ),
    "rmsprop": Rule(
        name="rmsprop",
        title="RMSProp",
        optimizer="tfoptcmp.optimizers:RMSProp",
        hyperparameters=("learning_rate", "momentum", "rho", "epsilon"),
        epsilon=_MEAN_SQUARE_EPSILON,
        rate_over_epsilon="eta0_over_sqrt_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#009E73", marker="^"),
        initial_ranges=_MEAN_SQUARE,
        usual=_USUAL_MEAN_SQUARE,
        left_at=_MEAN_SQUARE_LEFT_AT,
        other_names=("optax.rmsprop", "keras.optimizers.RMSprop", "torch.optim.RMSprop"),
        by_default=True,
    ),
    "adam": Rule(
        name="adam",
        title="Adam",
        optimizer="tfoptcmp.optimizers:Adam",
        in_keras="keras.optimizers:Adam",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon"),
        epsilon=_MOMENTS_EPSILON,
        rate="alpha0",
        rate_over_epsilon="alpha0_over_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#0072B2", marker="v"),
        initial_ranges=_MOMENTS,
        usual=_USUAL_MOMENTS,
        left_at=_MOMENTS_LEFT_AT,
        other_names=("optax.adam", "keras.optimizers.Adam", "torch.optim.Adam"),
        by_default=True,
    ),
    "nadam": Rule(
        name="nadam",
        title="NAdam",
        optimizer="tfoptcmp.optimizers:NAdam",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon"),
        # Our own choice, Adam's.
        epsilon=_MOMENTS_EPSILON,
        rate="alpha0",
        rate_over_epsilon="alpha0_over_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#CC79A7", marker="P"),
        initial_ranges=_MOMENTS,
        usual=_USUAL_MOMENTS,
        left_at=_MOMENTS_LEFT_AT,
        similar_to="adam",
        other_names=("optax.nadam", "torch.optim.NAdam", "keras.optimizers.Nadam"),
        by_default=True,
    ),
    "rmsterov": Rule(
        name="rmsterov",
        title="RMSterov",
        optimizer="tfoptcmp.optimizers:RMSterov",
        hyperparameters=("learning_rate", "momentum", "rho", "epsilon"),
        epsilon=_MEAN_SQUARE_EPSILON,
        rate_over_epsilon="eta0_over_sqrt_epsilon",
        kept_per_parameter=2,
        look=Look(colour="#661100", marker="*"),  # not from that palette; as far from all of it
        initial_ranges=_MEAN_SQUARE,
        usual=_USUAL_MEAN_SQUARE,
        left_at=_MEAN_SQUARE_LEFT_AT,
        similar_to="rmsprop",
    ),
}

DEFAULT_RULES: tuple[str, ...] = tuple(name for name, rule in RULES.items() if rule.by_default)
"""The six that the paper compares."""


def rule_named(label: str) -> Rule | None:
    """Returns the update rule that a label of any tool names, or None.

    Case, spaces and punctuation do not count: "Adam", "AdamOptimizer", "SGD-momentum" and
    "torch.optim.Adam" are understood.
    """
    letters = _letters(label)
    for candidate in (letters, letters.removesuffix("optimizer")):
        for rule in RULES.values():
            if candidate in (rule.name, *map(_letters, rule.other_names)):
                return rule
    return None


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if "a" <= c <= "z")
