"""Search spaces of `digits_simple_cnn`.

The final ones are `space_final.json` of a report on 100 feasible trials each in the initial ones
(100 steps, study seed 0), which lie in results/cpu/digits_simple_cnn/initial-quasirandom.
"""

from collections.abc import Mapping

from tfoptcmp.spaces import Dimension, LogUniform
from workloads.spaces.assemble import TAKEN_OVER, signatures

_VELOCITY: dict[str, Dimension] = {
    "eta0": LogUniform(low=1e-2, high=1.0),
    "one_minus_gamma": LogUniform(low=1e-4, high=1.0),
}
_FINAL: dict[str, Mapping[str, Dimension]] = {
    "sgd": {"eta0": LogUniform(low=7e-2, high=3.0)},
    "momentum": _VELOCITY,
    "nesterov": _VELOCITY,
    "rmsprop": {
        "eta0_over_sqrt_epsilon": LogUniform(low=2e-2, high=2e2),
        "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
        "one_minus_rho": LogUniform(low=1e-4, high=0.5),
        "epsilon": LogUniform(low=1e-10, high=1e10),
    },
    "adam": {
        "alpha0_over_epsilon": LogUniform(low=1.0, high=2e2),
        "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
        "one_minus_beta2": LogUniform(low=1e-4, high=3e-2),
        "epsilon": LogUniform(low=2e-5, high=1e10),
    },
    "nadam": {
        "alpha0_over_epsilon": LogUniform(low=0.5, high=2e2),
        "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
        "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
        "epsilon": LogUniform(low=3e-5, high=3e8),
    },
}

SIGNATURES = signatures(
    TAKEN_OVER,
    final=_FINAL,
    final_source="the 10 best of 100 feasible trials in the initial space, digits_simple_cnn, "
    "100 steps, study seed 0",
)
