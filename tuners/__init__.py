"""Searching hyperparameters: points, a keras-tuner oracle that counts feasible trials, studies."""

from tfoptcmp.tuners.oracle import QuasiRandomOracle

__all__ = ["QuasiRandomOracle"]
