"""Comparisons that are made: a clean one, and what faults are planted in."""

import math

import numpy as np
import pandas as pd

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform

SCHEDULE = {
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
}
MOMENTUM = {
    "eta0": LogUniform(low=1e-3, high=1e2),
    "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
}
ADAM = {
    "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e4),
    "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
    "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
    "epsilon": LogUniform(low=1e-10, high=1e10),
}
SPACES = {
    "sgd": {"eta0": LogUniform(low=1e-2, high=1e2)},
    "momentum": MOMENTUM,
    "nesterov": MOMENTUM,
    "rmsprop": {
        "eta0_over_sqrt_epsilon": LogUniform(low=1e-3, high=1e2),
        "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
        "one_minus_rho": LogUniform(low=1e-4, high=1.0),
        "epsilon": LogUniform(low=1e-10, high=1e10),
    },
    "adam": ADAM,
    "nadam": ADAM,
}
NUM_EXAMPLES = 5000


def clean_table(seed=0, *, num_trials=50, spaces=SPACES, gradient_rms=1e-3):
    """Trials whose error depends alike on the effective rate of every rule, best at 1.

    The other hyperparameters do not matter; a seed changes an error by 0.1 %.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for rule, own in spaces.items():
        dimensions = {**own, **SCHEDULE}
        for index in range(num_trials):
            values = {
                name: d.fixed if isinstance(d, Fixed) else d.value(rng.uniform())
                for name, d in dimensions.items()
            }
            rate = values.get("alpha0_over_epsilon") or (
                values.get("eta0") or values.get("eta0_over_sqrt_epsilon") or 1.0
            ) / values.get("one_minus_gamma", 1.0)
            error = 0.05 + 0.004 * math.log10(rate) ** 2 + 0.001 * rng.normal()
            rows.append(
                {
                    "optimizer": rule,
                    "validation": error,
                    "test": error + 0.001 * rng.normal(),
                    "diverged": False,
                    "steps": 1000.0,
                    "seed": float(index),
                    "gradient_rms": gradient_rms,
                    "num_validation": NUM_EXAMPLES,
                    "num_test": NUM_EXAMPLES,
                    **values,
                }
            )
    return pd.DataFrame(rows)


def planted(table, *, spaces=SPACES, **changes):
    ranges = {rule: {**own, **SCHEDULE} for rule, own in spaces.items()}
    settings = {"metric": CLASSIFICATION_ERROR, "ranges": ranges, **changes}
    return of_table("planted", table, **settings)


def of_rule(table, rule):
    return table["optimizer"] == rule


def found(comparison):
    """Title to severity of everything that is found."""
    return {finding.title: finding.severity for finding in audit([comparison])}
