"""Functions and classes by their address "module:name", imported where they are needed.

So a table of rules or workloads, which programs list for `--help`, imports no TensorFlow.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def named(address: str) -> Any:
    """Imports the module of an address and returns the object with that name."""
    module, _, name = address.partition(":")
    return getattr(importlib.import_module(module), name)


def on_demand(
    module: str, addresses: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns `__getattr__` and `__dir__` of a module that imports some names when they are used.

    Args:
        module: Its `__name__`.
        addresses: Name to "module:name".
    """

    def get(name: str) -> Any:
        if name not in addresses:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return named(addresses[name])

    def names() -> list[str]:
        return [*vars(sys.modules[module]), *addresses]

    return get, names


class Imported:
    """A function that is imported when it is called.

    Args:
        address: "module:name".
        **arguments: Added to the caller's arguments at every call.
    """

    def __init__(self, address: str, **arguments: Any) -> None:
        self.address = address
        self.arguments = arguments

    def __call__(self, *arguments: Any) -> Any:
        """Calls the function."""
        return named(self.address)(*arguments, **self.arguments)

    def __repr__(self) -> str:
        return f"Imported({self.address!r}, **{self.arguments!r})"
