"""Applies the maps of `tfoptcmp.inclusions` to Keras optimizers."""

import math

import keras

from tfoptcmp import inclusions
from tfoptcmp.hyperparameters import HYPERPARAMETERS
from tfoptcmp.rules import RULES, Rule
from tfoptcmp.schedules import BiasCorrected, Constant, RateRatio, Scaled


def imitate(
    special: keras.Optimizer, general: str, *, epsilon: float | None = None, **unconstrained: float
) -> keras.Optimizer:
    """Returns an optimizer of a more general rule that imitates a given one.

        adam = imitate(Momentum(0.1, momentum=0.9), "adam", epsilon=1e8, beta_2=0.999)

    Exact where the inclusion is (SGD in Momentum and Nesterov); else the weights of the two differ
    by O(1/epsilon) at every step.

    Args:
        special: An optimizer of this package, a Momentum in the form "accumulator", whose learning
            rate is a number or a schedule and whose momentum is a number.
        general: Name of a rule that contains it (`tfoptcmp.inclusions`).
        epsilon: Large; for the inclusions that are limits.
        **unconstrained: `rho` or `beta_2`, which matter less the larger epsilon is.

    Raises:
        ValueError: If the pair is not comparable, or an argument is missing or has no effect.
    """
    rule = _rule(special)
    inclusion = inclusions.find(rule.name, general)
    if inclusion is None:
        raise ValueError(f"{rule.name} <= {general} is not an inclusion: not comparable")
    needed = {HYPERPARAMETERS[name].argument for name in inclusion.unconstrained}
    if set(unconstrained) != needed or (epsilon is None) == inclusion.limit:
        wanted = sorted(needed | ({"epsilon"} if inclusion.limit else set()))
        raise ValueError(
            f"{rule.name} <= {general} takes {wanted}; got {sorted(unconstrained)}"
            + ("" if epsilon is None else " and epsilon")
        )
    if epsilon is not None and not 0 < epsilon < math.inf:
        raise ValueError(f"epsilon must be a finite number > 0, and large; got {epsilon!r}")
    if inclusion.bias_corrected and getattr(special, "momentum", 0.0) >= 1:
        raise ValueError(f"momentum must be < 1, like beta_1; got {special.momentum!r}")

    # Every map is linear in the rate: that of a rate of 1 is the factor of any schedule.
    values = {rule.rate: 1.0}
    if hasattr(special, "momentum"):
        values["one_minus_gamma"] = 1.0 - special.momentum
    values = inclusion.translate(values)
    if epsilon is not None:
        values["epsilon"] = epsilon
    arguments = {
        HYPERPARAMETERS[name].argument: HYPERPARAMETERS[name].value(name, values, 1)
        for name in values
    } | unconstrained

    rate = special._learning_rate
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = Constant(special.get_config()["learning_rate"])
    schedule = Scaled(rate, arguments.pop("learning_rate"))
    if inclusion.bias_corrected:
        schedule = BiasCorrected(schedule, beta_1=arguments["beta_1"], beta_2=arguments["beta_2"])
    if inclusion.momentum_follows_rate:
        arguments["momentum"] = RateRatio(rate, arguments["momentum"])
    form = {"formulation": inclusion.formulation} if inclusion.formulation else {}
    return RULES[general].optimizer_class()(learning_rate=schedule, **arguments, **form)


def _rule(special: keras.Optimizer) -> Rule:
    """Returns the special rule, if it can be imitated as this instance has it."""
    found = [rule for rule in RULES.values() if rule.optimizer_class() is type(special)]
    if not found:
        raise ValueError(f"special must be of a class of tfoptcmp.optimizers; got {special!r}")
    [rule] = found
    if getattr(special, "formulation", "accumulator") != "accumulator":
        raise ValueError(f"special must be in accumulator form; got {special.formulation!r}")
    if not isinstance(getattr(special, "momentum", 0.0), float):
        raise ValueError(f"special's momentum must be a number; got {special.momentum!r}")
    plain = type(special)()  # attributes: a schedule of the user's may have no configuration
    own = {"name", *rule.hyperparameters}
    settings = [name for name in plain.get_config() if name not in own]
    changed = [name for name in settings if getattr(special, name) != getattr(plain, name)]
    if changed:  # clipping, weight decay, averages: part of no inclusion
        raise ValueError(f"special must have the defaults of {changed}, which are not in the map")
    return rule
