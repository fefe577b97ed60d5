"""Wrong values for every field of plain data, by kind."""

import copy

TYPES = {
    "null": None,
    "true": True,
    "no text": "",
    "a word": "many",
    "nan": "nan",
    "inf": "inf",
    "-inf": "-inf",
    "a number": 7,
    "half": 7.5,
    "negative": -1,
    "huge": 10**400,
    "no list": [],
    "a list": [1, "x"],
    "no object": {},
    "an object": {"x": 1},
}
NUMBERS = ("a number", "half")
# What of these a field may be, by what it is.
MAY_BE = {
    bool: ("true",),
    int: ("a number",),
    float: NUMBERS,
    str: ("a word", "nan", "inf", "-inf"),
    list: ("no list", "a list"),
    dict: ("no object", "an object"),
    type(None): ("null",),
}


def paths(data, path=()):
    """Yields the path to the data and to every part of them."""
    yield path
    if isinstance(data, dict | list):
        parts = data.items() if isinstance(data, dict) else enumerate(data)
    else:
        parts = ()
    for key, value in parts:
        yield from paths(value, (*path, key))


def damages(data):
    """Yields (path, name of the damage, damaged copy of the data) for every field."""
    for path in paths(data):
        value = data
        for key in path:
            value = value[key]
        if path:
            for name, wrong in TYPES.items():
                if name not in MAY_BE[type(value)] and wrong != value:
                    yield path, name, with_value(data, path, wrong)
        if isinstance(value, dict):
            yield path, "more", with_value(data, path, {**value, "surprise": 1})
            for key in value:
                left = {k: v for k, v in value.items() if k != key}
                yield path, f"missing {key}", with_value(data, path, left)


def with_value(data, path, value):
    if not path:
        return value
    damaged = copy.deepcopy(data)
    parent = damaged
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return damaged
