"""Search spaces of other papers' protocols, and of the steps between them and the whole space.

Wilson et al. (2017) search the learning rate on a grid and halve it every 25 of 250 epochs;
Schneider et al. (2019, DeepOBS) search a constant learning rate. Choi et al. (2019, figures 3 and
4) then tune more. Numbers of Wilson et al. are from memory. What a protocol does not tune has its
value of that paper; if this is not known, a usual default.
"""

from collections.abc import Mapping

from tfoptcmp.workloads.spaces.ranges import DECAY

from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform, SearchSpace

_WILSON_GRIDS: dict[str, tuple[float, ...]] = {
    "sgd": (2.0, 1.0, 0.5, 0.25, 0.05, 0.01),
    "momentum": (2.0, 1.0, 0.5, 0.25, 0.05, 0.01),
    "rmsprop": (0.005, 0.001, 0.0005, 0.0003, 0.0001),
    "adam": (0.005, 0.001, 0.0005, 0.0003, 0.0001, 0.00005),
}
# Halved every 25 of 250 epochs, hence every tenth of any budget.
_WILSON_DECAY: dict[str, Dimension] = {
    "decay_steps_fraction": Fixed(fixed=0.1),
    "decay_factor": Fixed(fixed=0.5),
}
# Torch's decay of squared gradients for RMSProp, which Wilson et al. used.
_WILSON_FIXED: dict[str, Dimension] = {"one_minus_rho": Fixed(fixed=0.01)}
# What figure 3's second protocol tunes besides (our ranges).
_WILSON_TUNED: dict[str, Dimension] = {
    "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
    "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
    "epsilon": LogUniform(low=1e-10, high=1e10),
}

_SCHNEIDER_RATE = LogUniform(low=1e-5, high=1e2)


def protocol_signatures(
    regularisation: Mapping[str, Dimension] | None = None,
) -> dict[str, dict[str, Signature]]:
    """Returns the protocols: name of the space to rule to signature.

    Args:
        regularisation: The workload's regularisation, fixed.
    """
    fixed = regularisation or {}
    return {
        "wilson_lr_grid": {
            rule: _signature(
                rule,
                Choice(values=grid),
                {**_usual(rule, _WILSON_FIXED), **_WILSON_DECAY, **fixed},
                "Wilson et al. 2017, remembered",
                "step_decay",
            )
            for rule, grid in _WILSON_GRIDS.items()
        },
        "wilson_momentum_epsilon": {
            rule: _signature(
                rule,
                LogUniform(low=min(grid), high=max(grid)),
                {**_usual(rule, _WILSON_FIXED | _WILSON_TUNED), **_WILSON_DECAY, **fixed},
                "Wilson et al. 2017, remembered; ranges of momentum and epsilon: ours",
                "step_decay",
            )
            for rule, grid in _WILSON_GRIDS.items()
        },
        "schneider_lr": {
            rule: _signature(
                rule, _SCHNEIDER_RATE, {**_usual(rule), **fixed}, "DeepOBS", "constant"
            )
            for rule in RULES
        },
        "lr_and_schedule": {
            rule: _signature(
                rule,
                _SCHNEIDER_RATE,
                {**_usual(rule), **DECAY, **fixed},
                "DeepOBS; schedule: reconstructed",
                "linear_decay",
            )
            for rule in RULES
        },
    }


def _usual(rule: str, others: Mapping[str, Dimension] | None = None) -> dict[str, Dimension]:
    """Returns all but a rule's rate at its usual values, some of them replaced."""
    usual = {name: Fixed(fixed=value) for name, value in RULES[rule].usual.items()}
    return {name: (others or {}).get(name, fixed) for name, fixed in usual.items()}


def _signature(
    rule: str, rate: Dimension, rest: Mapping[str, Dimension], source: str, schedule: str
) -> Signature:
    return Signature(
        name=rule,
        rule=RULES[rule],
        space=SearchSpace(dimensions={RULES[rule].rate: rate, **rest}, source=source),
        schedule=schedule,
    )
