"""Searching hyperparameters: points, a keras-tuner oracle that counts feasible trials, studies."""

from typing import TYPE_CHECKING

from tfoptcmp.imported import on_demand

if TYPE_CHECKING:
    from tfoptcmp.tuners.oracle import QuasiRandomOracle

__all__ = ["QuasiRandomOracle"]

# On demand, as it imports TensorFlow.
__getattr__, __dir__ = on_demand(
    __name__, {"QuasiRandomOracle": "tfoptcmp.tuners.oracle:QuasiRandomOracle"}
)
