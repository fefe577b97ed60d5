"""Fair comparisons of neural-network optimizers: rules, spaces, training, analysis."""

from typing import Any

from tfoptcmp.imported import named

_HERE = {"compare": "tfoptcmp.tools.common.compare:compare"}  # imported when they are used


def __getattr__(name: str) -> Any:
    if name not in _HERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return named(_HERE[name])


def __dir__() -> list[str]:
    return [*globals(), *_HERE]
