"""The ranges that initial search spaces start from (Choi et al. 2019, appendix D).

They are the initial spaces of the Simple CNN on Fashion-MNIST, reconstructed from memory of the
paper. Other workloads start from them too, which is our choice.
"""

from collections.abc import Mapping

from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform, SearchSpace, Uniform

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
# Of ResNet-32 and the Transformer (reconstructed).
LONG_DECAY: dict[str, Dimension] = {
    **DECAY,
    "decay_factor": Choice(values=(1e-4, 1e-3, 1e-2, 1e-1)),
}

# The regularisation of those workloads that have it (reconstructed).
L2: dict[str, Dimension] = {"l2": LogUniform(low=1e-5, high=1e-2)}
LABEL_SMOOTHING: dict[str, Dimension] = {"label_smoothing": Choice(values=(0.0, 0.01, 0.1))}

# Adam's epsilon in most papers, and RMSProp's (Choi et al. 2019, section 4). The rate is searched
# itself then. Its range is ours: as many decades as the ratio to epsilon has, around 1e-3, the
# rate that Kingma and Ba (2015) propose. The ratio's own range gives no rate above 1e-4 at 1e-8.
_RATE = LogUniform(low=1e-6, high=1.0)
DEFAULT_EPSILON: dict[str, Mapping[str, Dimension]] = {
    "rmsprop": {"eta0": _RATE, "epsilon": Fixed(fixed=1e-10)},
    "adam": {"alpha0": _RATE, "epsilon": Fixed(fixed=1e-8)},
    "nadam": {"alpha0": _RATE, "epsilon": Fixed(fixed=1e-8)},
}
_RATIOS = ("eta0_over_sqrt_epsilon", "alpha0_over_epsilon")


def initial_signatures(
    source: str,
    *,
    decay: Mapping[str, Dimension] = DECAY,
    regularisation: Mapping[str, Dimension] | None = None,
) -> dict[str, Signature]:
    """Returns each rule's signature with its initial search space, the schedule's included.

    Args:
        source: Where the ranges come from, for this workload.
        decay: Dimensions of the linear decay.
        regularisation: Dimensions of the workload's regularisation.
    """
    return {
        rule: Signature(
            name=rule,
            rule=RULES[rule],
            space=SearchSpace(
                dimensions={**ranges, **decay, **(regularisation or {})}, source=source
            ),
        )
        for rule, ranges in INITIAL_RANGES.items()
    }


def default_epsilon_signatures(initial: Mapping[str, Signature]) -> dict[str, Signature]:
    """Returns initial signatures with epsilon at its default and everything else tuned.

    Rules without an epsilon stay as they are; the others are called `<rule>_default_epsilon`, so
    that their studies can stand beside those that tune it.
    """
    signatures = dict(initial)
    for rule, fixed in DEFAULT_EPSILON.items():
        space = initial[rule].space
        rest = {
            name: dimension
            for name, dimension in space.dimensions.items()
            if name not in (*_RATIOS, "epsilon")
        }
        signatures[rule] = Signature(
            name=f"{rule}_default_epsilon",
            rule=RULES[rule],
            space=SearchSpace(
                dimensions={**fixed, **rest},
                source=f"{space.source}; range of the rate: ours",
            ),
        )
    return signatures
