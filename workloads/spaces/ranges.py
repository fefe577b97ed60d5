"""The ranges that initial search spaces start from (Choi et al. 2019, appendix D).

They are the initial spaces of the Simple CNN on Fashion-MNIST, reconstructed from memory of the
paper. Other workloads start from them too, which is our choice.
"""

from collections.abc import Mapping

from tfoptcmp.signatures import RULES, Signature
from tfoptcmp.spaces import Choice, Dimension, LogUniform, SearchSpace, Uniform

# Momentum's and Nesterov's; Adam's and NAdam's.
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

INITIAL_RANGES: dict[str, Mapping[str, Dimension]] = {
    "sgd": {"eta0": LogUniform(low=1e-2, high=1e2)},
    "momentum": _VELOCITY,
    "nesterov": _VELOCITY,
    "rmsprop": {
        "eta0_over_sqrt_epsilon": LogUniform(low=1e-2, high=1e4),
        "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
        "one_minus_rho": LogUniform(low=1e-4, high=1.0),
        "epsilon": LogUniform(low=1e-10, high=1e10),
    },
    "adam": _MOMENTS,
    "nadam": _MOMENTS,
}

# The linear decay's, for every rule (the parameterisation of Shallue et al. 2019).
DECAY: dict[str, Dimension] = {
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
}


def initial_signatures(source: str) -> dict[str, Signature]:
    """Returns each rule's signature with its initial search space, the schedule's included.

    Args:
        source: Where the ranges come from, for this workload.
    """
    return {
        rule: Signature(
            name=rule,
            rule=RULES[rule],
            space=SearchSpace(dimensions={**ranges, **DECAY}, source=source),
        )
        for rule, ranges in INITIAL_RANGES.items()
    }
