"""Short digests of what users give, so that a study goes on only with what it began with."""

import dataclasses
import dis
import functools
import hashlib
import re
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

_SIMPLE = (bool, int, float, complex, str, bytes, type(None), np.generic)
_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
# Of every class, and no part of what it does.
_OF_CLASSES = (
    *("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__"),
    *("__firstlineno__", "__static_attributes__"),
)


def fingerprint(*things: Any) -> str:
    """Returns a digest of arrays, numbers, text, functions, objects, and structures of these.

    Of a function it is that of its code, of what it closes over, and of all that it names outside
    itself, and so on; of what is installed only the name counts. Of an object of a user's class it
    is that of the class and of its attributes; of one of Keras, its configuration and weights; of
    any other object only the class counts.
    """
    return _digest(things, {}).hex()[:16]


def _digest(thing: Any, known: dict[int, tuple[Any, bytes]]) -> bytes:
    """Digest of a thing; `known` has what was met before, and keeps it, so that ids are unique."""
    if id(thing) in known:
        return known[id(thing)][1]
    digest = hashlib.sha256(type(thing).__name__.encode() + b":")
    if isinstance(thing, _SIMPLE):
        digest.update(repr(thing).encode())
    elif isinstance(thing, np.ndarray):
        digest.update(f"{thing.dtype} {thing.shape}".encode())
        digest.update(np.ascontiguousarray(thing).tobytes())
    else:
        known[id(thing)] = thing, b"itself"
        for part in _parts(thing):
            digest.update(_digest(part, known))
    known[id(thing)] = thing, digest.digest()
    return digest.digest()


def _parts(thing: Any) -> Iterator[Any]:
    """What a thing is made of, as far as it can be told."""
    match thing:
        case Mapping():
            for name, value in thing.items():
                yield from (str(name), value)
        case tuple() | list():
            yield from thing
        case set() | frozenset():
            yield from sorted(map(repr, thing))
        case functools.partial():
            yield from (thing.func, thing.args, thing.keywords)
        case types.MethodType():
            yield from (thing.__func__, thing.__self__)
        case staticmethod() | classmethod():
            yield thing.__func__
        case property():
            yield from (thing.fget, thing.fset)
        case types.CodeType():
            yield from (thing.co_code, thing.co_names, thing.co_consts)
        case types.ModuleType():
            yield thing.__name__
        case types.FunctionType():
            yield thing.__qualname__
            if _is_of_users(thing.__module__):
                yield from (thing.__code__, thing.__defaults__, thing.__kwdefaults__)
                yield from map(_contents, thing.__closure__ or ())
                yield from _named(thing.__code__, thing.__globals__)
        case type():
            yield thing.__qualname__
            if _is_of_users(thing.__module__):
                yield thing.__bases__
                yield {name: x for name, x in vars(thing).items() if name not in _OF_CLASSES}
        case _:
            yield from _parts_of_object(thing)


def _parts_of_object(thing: Any) -> Iterator[Any]:
    kind = type(thing)
    yield kind
    with suppress(AttributeError, NotImplementedError, TypeError):
        # Keras numbers names as it makes them; addresses are of this process.
        yield re.sub(r"_\d+'|0x[0-9a-f]+", "'", repr(sorted(thing.get_config().items())))
    if hasattr(thing, "get_weights"):
        yield thing.get_weights()
    elif hasattr(thing, "numpy"):
        yield np.asarray(thing.numpy())
    elif hasattr(thing, "to_numpy"):
        yield thing.to_numpy()
    elif kind.__module__.startswith("keras."):  # its configuration may be silent, as Huber's is
        kept = (*_SIMPLE, tuple, dict, types.FunctionType)
        yield {n: x for n, x in vars(thing).items() if isinstance(x, kept) and n != "name"}
    if _is_of_users(kind.__module__) or dataclasses.is_dataclass(kind):
        yield getattr(thing, "__dict__", None)


def _named(code: types.CodeType, values: Mapping[str, Any]) -> Iterator[Any]:
    """The globals that code names, and those that functions within it name."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and instruction.argval in values:
            yield values[instruction.argval]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _named(constant, values)


def _is_of_users(module: str | None) -> bool:
    """Whether a module is the user's: neither installed, nor Python's, nor ours."""
    if module is None or module.partition(".")[0] in ("builtins", "tfoptcmp"):
        return False
    path = getattr(sys.modules.get(module), "__file__", None)
    return module == "__main__" or (path is not None and not path.startswith(_INSTALLED))


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None
