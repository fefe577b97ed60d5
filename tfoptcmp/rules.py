"""Update rules: whatever is a fact of a rule. Nothing here imports TensorFlow."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An update rule.

    Attributes:
        name: Short lower-case name, as flags and directories use it.
        title: Name for people.
        optimizer: Its Keras optimizer, "module:Class".
        hyperparameters: The constructor arguments that a search space must determine.
        contains: Names of rules that this one can imitate, for rules that are not ours
            (`tfoptcmp.inclusions` knows ours, and follows from one to the next).
    """

    name: str
    title: str
    optimizer: str
    hyperparameters: tuple[str, ...]
    contains: tuple[str, ...] = ()


# In the order of the inclusions; tables and figures keep it.
RULES: dict[str, Rule] = {
    "sgd": Rule(
        name="sgd",
        title="SGD",
        optimizer="tfoptcmp.optimizers:SGD",
        hyperparameters=("learning_rate",),
    ),
    "momentum": Rule(
        name="momentum",
        title="Momentum",
        optimizer="tfoptcmp.optimizers:Momentum",
        hyperparameters=("learning_rate", "momentum"),
    ),
    "nesterov": Rule(
        name="nesterov",
        title="Nesterov",
        optimizer="tfoptcmp.optimizers:Nesterov",
        hyperparameters=("learning_rate", "momentum"),
    ),
    "rmsprop": Rule(
        name="rmsprop",
        title="RMSProp",
        optimizer="tfoptcmp.optimizers:RMSProp",
        hyperparameters=("learning_rate", "momentum", "rho", "epsilon"),
    ),
    "adam": Rule(
        name="adam",
        title="Adam",
        optimizer="tfoptcmp.optimizers:Adam",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon"),
    ),
    "nadam": Rule(
        name="nadam",
        title="NAdam",
        optimizer="tfoptcmp.optimizers:NAdam",
        hyperparameters=("learning_rate", "beta_1", "beta_2", "epsilon"),
    ),
}
