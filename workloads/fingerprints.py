"""Short digests of what users give, so that a study goes on only with what it began with."""

import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

_SIMPLE = (bool, int, float, complex, str, bytes, type(None))


def fingerprint(*things: Any) -> str:
    """Returns a digest of arrays, numbers, text, functions, and structures of these.

    Of a function it is that of its code, of what it closes over, and of the functions and numbers
    of its own module that it names, and so on. Of other objects only their class counts.
    """
    digest = hashlib.sha256()
    _add(digest, things, set())
    return digest.hexdigest()[:16]


def _add(digest: Any, thing: Any, seen: set[int]) -> None:
    digest.update(type(thing).__name__.encode() + b":")
    if isinstance(thing, np.ndarray):
        digest.update(f"{thing.dtype} {thing.shape}".encode())
        digest.update(np.ascontiguousarray(thing).tobytes())
    elif isinstance(thing, _SIMPLE):
        digest.update(repr(thing).encode())
    elif isinstance(thing, Mapping):
        for name, value in thing.items():
            _add(digest, (str(name), value), seen)
    elif isinstance(thing, tuple | list):
        for value in thing:
            _add(digest, value, seen)
    elif isinstance(thing, types.MethodType):
        _add(digest, thing.__func__, seen)
    elif isinstance(thing, types.FunctionType) and id(thing) not in seen:
        seen.add(id(thing))
        _add_function(digest, thing, seen)
    elif isinstance(thing, types.CodeType):
        _add(digest, (thing.co_code, thing.co_names, thing.co_consts), seen)


def _add_function(digest: Any, function: types.FunctionType, seen: set[int]) -> None:
    _add(digest, (function.__code__, function.__defaults__ or ()), seen)
    cells = [_contents(cell) for cell in function.__closure__ or ()]
    named = [
        value
        for name in function.__code__.co_names
        if (value := function.__globals__.get(name)) is not None
        and (
            isinstance(value, (*_SIMPLE, np.ndarray))
            or getattr(value, "__module__", None) == function.__module__
        )
    ]
    _add(digest, [cells, named], seen)


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None
