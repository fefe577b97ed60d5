"""The names that a search space may use, and what each means.

They are those of the decoupled parameterisation of Choi et al. (2019), section 4: epsilon and the
ratio of learning rate to epsilon are searched, and 1 - momentum instead of momentum. Each becomes
one *argument* of the update rule, its schedule or the regularisation.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tfoptcmp.conversion import Name

Transform = Literal[
    "same", "one_minus", "times_epsilon", "times_sqrt_epsilon", "over_rate", "fraction_of_budget"
]


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """What one searchable name means.

    Attributes:
        argument: The argument it becomes, as the optimizer, the schedule or the trainer calls it.
        meaning: One line for people.
        transform: From the searched value x to the argument: x, 1 - x, x epsilon, x sqrt(epsilon),
            x over the initial learning rate, or x times the budget in whole steps, at least one.
        low: Smallest value allowed, `low_open` if it is itself excluded.
        low_open: Whether `low` is excluded.
        high: Largest value allowed.
    """

    argument: Name
    meaning: str
    transform: Transform = "same"
    low: float = 0.0
    low_open: bool = False
    high: float = math.inf

    def value(
        self, name: str, values: Mapping[str, float], budget_steps: int, rate: float = math.nan
    ) -> float:
        """Returns the argument.

        Args:
            name: The name whose meaning this is.
            values: Searched values; with "epsilon" if the transform needs it.
            budget_steps: Training steps of a trial.
            rate: Initial learning rate, if the transform needs it.
        """
        searched = values[name]
        match self.transform:
            case "same":
                return searched
            case "one_minus":
                return 1.0 - searched
            case "times_epsilon":
                return searched * values["epsilon"]
            case "times_sqrt_epsilon":
                return searched * math.sqrt(values["epsilon"])
            case "over_rate":
                return searched / rate
            case "fraction_of_budget":
                return max(1, round(searched * budget_steps))

    @property
    def needs_epsilon(self) -> bool:
        """Whether the argument depends on epsilon too."""
        return self.transform in ("times_epsilon", "times_sqrt_epsilon")


# The names that a search space may use (PAPER: section 4 and appendix D).
HYPERPARAMETERS: dict[str, Hyperparameter] = {
    "eta0": Hyperparameter(
        argument="learning_rate",
        meaning="initial learning rate of SGD, Momentum, Nesterov (RMSProp if epsilon is fixed)",
        low_open=True,
    ),
    "alpha0": Hyperparameter(
        argument="learning_rate",
        meaning="initial learning rate of Adam, NAdam if epsilon is fixed",
        low_open=True,
    ),
    "eta0_over_sqrt_epsilon": Hyperparameter(
        argument="learning_rate",
        transform="times_sqrt_epsilon",
        meaning="RMSProp's initial learning rate over sqrt(epsilon)",
        low_open=True,
    ),
    "alpha0_over_epsilon": Hyperparameter(
        argument="learning_rate",
        transform="times_epsilon",
        meaning="Adam's and NAdam's initial learning rate over epsilon",
        low_open=True,
    ),
    "one_minus_gamma": Hyperparameter(
        argument="momentum",
        transform="one_minus",
        meaning="1 - momentum",
        low_open=True,
        high=1.0,
    ),
    "one_minus_rho": Hyperparameter(
        argument="rho",
        transform="one_minus",
        meaning="1 - RMSProp's decay of squared gradients",
        low_open=True,
        high=1.0,
    ),
    "one_minus_beta1": Hyperparameter(
        argument="beta_1",
        transform="one_minus",
        meaning="1 - decay of the mean gradient",
        low_open=True,
        high=1.0,
    ),
    "one_minus_beta2": Hyperparameter(
        argument="beta_2",
        transform="one_minus",
        meaning="1 - decay of squared gradients",
        low_open=True,
        high=1.0,
    ),
    "epsilon": Hyperparameter(argument="epsilon", meaning="damping", low_open=True),
    # Keras multiplies weights by 1 - rate x weight_decay, and a rate may have the unit of epsilon.
    "weight_decay_per_step": Hyperparameter(
        argument="weight_decay",
        transform="over_rate",
        meaning="decoupled weight decay: what a weight loses in the first step, as a share of it",
        high=1.0,
    ),
    "epsilon_1": Hyperparameter(
        argument="epsilon_1", meaning="added to the squares of gradients (Adafactor)", low_open=True
    ),
    "clip_threshold": Hyperparameter(
        argument="clip_threshold",
        meaning="root mean square to which updates are clipped (Adafactor)",
        low_open=True,
    ),
    "initial_accumulator_value": Hyperparameter(
        argument="initial_accumulator_value",
        meaning="sum of squared gradients to begin with (FTRL)",
        low_open=True,
    ),
    "ftrl_beta": Hyperparameter(
        argument="beta", meaning="added to the root of the sum of squared gradients (FTRL)"
    ),
    "decay_steps_fraction": Hyperparameter(
        argument="decay_steps",
        transform="fraction_of_budget",
        meaning="share of the budget over which the learning rate decays linearly",
        low_open=True,
        high=1.0,
    ),
    "decay_factor": Hyperparameter(
        argument="decay_factor",
        meaning="final over initial learning rate",
        high=1.0,
    ),
    "l2": Hyperparameter(
        argument="l2",
        meaning="lambda: lambda/2 times the sum of squares of the kernels is added to the loss",
    ),
    "label_smoothing": Hyperparameter(
        argument="label_smoothing",
        meaning="share of the label's probability spread over all classes",
        high=1.0,
    ),
}
