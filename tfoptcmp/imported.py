"""Functions and classes by their address "module:name", imported where they are needed.

So a table of rules or workloads, which programs list for `--help`, imports no TensorFlow.
"""

import importlib
from typing import Any


def named(address: str) -> Any:
    """Imports the module of an address and returns the object with that name."""
    module, _, name = address.partition(":")
    return getattr(importlib.import_module(module), name)


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
