"""Converts plain data, as in JSON files, to typed objects; refuses what does not match the types.

The types say what is allowed: dataclasses and typed dictionaries define the fields, `msgspec.Meta`
the numbers. Messages name the path to the field ("budget.steps"), what is allowed and the value.
"""

import copy
import re
import reprlib
from dataclasses import is_dataclass
from enum import Enum
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec
from msgspec import Meta

_LARGEST = 2**63 - 1

Count = Annotated[int, Meta(ge=0, le=_LARGEST)]
"""An integer >= 0."""

PositiveCount = Annotated[int, Meta(ge=1, le=_LARGEST)]
"""An integer >= 1."""

Number = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)] | float
"""A number that stays an integer if it is written as one; finite, as far as it comes from JSON."""

Positive = Annotated[float, Meta(gt=0)]
"""A number > 0."""

NonNegative = Annotated[float, Meta(ge=0)]
"""A number >= 0."""

Name = Annotated[str, Meta(min_length=1)]
"""Text that is not empty."""

T = TypeVar("T")


def check_integer(name: str, value: object, *, low: int) -> None:
    """Checks an argument.

    Raises:
        ValueError: If it is no integer >= low; the message names it.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be an integer >= {low}; got {value!r}")


def from_bytes(text: bytes) -> Any:
    """Returns the plain data of a JSON file; numbers that a float cannot hold are refused.

    Raises:
        ValueError: If it is not JSON.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


def convert(data: Any, kind: type[T], path: str = "") -> T:
    """Converts plain data to a typed object.

    Args:
        data: What JSON can hold.
        kind: The type, as for msgspec; dataclasses and typed dictionaries allow no other fields.
        path: Where the data are, for messages.

    Raises:
        ValueError: If the data are not of the type; the message has the path to the fault.
    """
    try:
        converted = msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_explained(error, data, kind, path)) from error
    _refuse_unknown(data, converted, path)
    return converted


def _refuse_unknown(given: Any, taken: Any, path: str) -> None:
    """Raises ValueError for unknown fields, which msgspec ignores."""
    if given is taken or (type(taken) is dict and given == taken):
        return
    if isinstance(given, dict):
        kept = taken if isinstance(taken, dict) else vars(taken)
        if not given.keys() <= kept.keys():
            name = next(name for name in given if name not in kept)
            raise ValueError(f"{_joined(path, name)} is not known here; remove it")
        for name, value in given.items():
            if isinstance(value, dict | list):
                _refuse_unknown(value, kept[name], _joined(path, name))
    elif isinstance(given, list):
        for i, (value, its) in enumerate(zip(given, taken, strict=True)):
            if isinstance(value, dict | list):
                _refuse_unknown(value, its, f"{path}[{i}]")


def _explained(error: msgspec.ValidationError, data: Any, kind: Any, path: str) -> str:
    """Rewords a message of msgspec, with the whole path and the value."""
    message, _, where = str(error).partition(" - at `$")
    data = copy.deepcopy(data)
    value = data
    hint: Any = kind
    for token in re.findall(r"[^.\[\]`]+|\.\.\.", where):
        named = is_dataclass(hint) or is_typeddict(hint)
        hint = get_type_hints(hint)[token] if named else (*get_args(hint), None)[-1]
        if isinstance(value, dict):
            # msgspec does not say which entry of a mapping it is.
            name = _entry(value, data, kind, str(error)) if token == "..." else token
            value, path = value[name], _joined(path, name)
        else:
            value, path = value[int(token)], f"{path}[{token}]"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", message):
        return f"{_joined(path, missing[1])} is missing"
    if message.startswith("Expected "):
        allowed = message.partition(", got ")[0].removeprefix("Expected ").replace("`", "")
    elif message.startswith("Invalid enum value"):  # nor which there are
        allowed = _allowed(hint)
    elif "out of range" in message:
        allowed = "a number that fits into 64 bits"
    else:  # the type's own words
        return f"{path}: {message}" if path else message
    return f"{path or 'it'} must be {allowed}; got {reprlib.repr(value)}"


def _entry(mapping: dict[str, Any], data: Any, kind: Any, message: str) -> str:
    """Returns the entry that is refused, by trying them one after the other."""
    entries = dict(mapping)
    for name, value in entries.items():
        mapping.clear()
        mapping[name] = value
        try:
            msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return name
    raise AssertionError(message)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _allowed(hint: Any) -> str:
    """Says which values a type has."""
    if get_origin(hint) is Literal:
        return " | ".join(map(repr, get_args(hint)))
    if isinstance(hint, type):
        return " | ".join(map(repr, map(str, hint))) if issubclass(hint, Enum) else hint.__name__
    return " | ".join(map(_allowed, get_args(hint)))
