"""Search spaces of `fashion_mnist_simple_cnn`.

The final ones are drawn by hand around those of 15 feasible trials each in the initial ones (200
steps, study seed 0) that ended below 25 % validation error; these lie in
results/cpu/fashion_mnist_simple_cnn/initial-quasirandom. The ratios of RMSProp, Adam and NAdam
span what their special cases need, eta_0 and eta_0 / (1 - gamma), at epsilons that are large
against the gradient.
"""

from collections.abc import Mapping

from tfoptcmp.spaces import Dimension, LogUniform
from workloads.spaces.assemble import signatures

_VELOCITY: dict[str, Dimension] = {
    "eta0": LogUniform(low=5e-3, high=0.5),
    "one_minus_gamma": LogUniform(low=3e-4, high=1.0),
}
_MOMENTS: dict[str, Dimension] = {
    "alpha0_over_epsilon": LogUniform(low=5e-2, high=5e1),
    "one_minus_beta1": LogUniform(low=3e-3, high=1.0),
    "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
    "epsilon": LogUniform(low=1e-4, high=1e6),
}
_FINAL: dict[str, Mapping[str, Dimension]] = {
    "sgd": {"eta0": LogUniform(low=5e-2, high=2.0)},
    "momentum": _VELOCITY,
    "nesterov": _VELOCITY,
    "rmsprop": {
        "eta0_over_sqrt_epsilon": LogUniform(low=5e-3, high=1.0),
        "one_minus_gamma": LogUniform(low=3e-3, high=1.0),
        "one_minus_rho": LogUniform(low=1e-4, high=0.5),
        "epsilon": LogUniform(low=1e-4, high=1e6),
    },
    "adam": _MOMENTS,
    "nadam": _MOMENTS,
}

SIGNATURES = signatures(
    "reconstructed",
    final=_FINAL,
    final_source="ours, around the trials below 25 % validation error of 15 feasible ones in the "
    "initial space, fashion_mnist_simple_cnn, 200 steps, study seed 0",
)
