"""Searching hyperparameters: points, a keras-tuner oracle that counts feasible trials, studies."""

from typing import TYPE_CHECKING, Any

from tfoptcmp.imported import named

if TYPE_CHECKING:
    from tfoptcmp.tuners.oracle import QuasiRandomOracle

__all__ = ["QuasiRandomOracle"]

_HERE = {"QuasiRandomOracle": "tfoptcmp.tuners.oracle:QuasiRandomOracle"}  # imports TensorFlow


def __getattr__(name: str) -> Any:
    if name not in _HERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return named(_HERE[name])


def __dir__() -> list[str]:
    return [*globals(), *_HERE]
