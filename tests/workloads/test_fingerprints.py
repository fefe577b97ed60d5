"""Fingerprints: equal things have equal ones, in another process too, and other things others."""

import functools
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest
from tfoptcmp.workloads.fingerprints import fingerprint

from tests import programs
from tfoptcmp.workload import WholeSplit

SETTINGS = {"units": 4, "names": set("abcdefgh")}


class Units:
    number = 4

    def __init__(self, activation="relu"):
        self.activation = activation

    def __call__(self):
        return helper(self.number, self.activation)

    @property
    def twice(self):
        return 2 * self.number


def helper(units, activation="relu", *, bias=True):
    return units, activation, bias


def of_settings():
    return [helper(SETTINGS["units"]) for _ in range(2)]


def of_class():
    return helper(Units.number)


def of_names():
    return types.SimpleNamespace(number=Units).number


def scaled(factor, y, outputs):
    return factor * (y - outputs)


def largest(y, outputs, weights):
    return abs(y - outputs).max()


def typical(y, outputs, weights):
    return np.median(abs(y - outputs))


def partial_of(*arguments):
    return functools.partial(helper, *arguments)


ALL = {
    "arrays": (np.arange(3), np.arange(3).astype(np.float32)),
    "numbers": (1, 1.0),
    "order": ([1, 2], [2, 1]),
    "partial": (partial_of(4), partial_of(64, "tanh")),
    "partial's names": (functools.partial(helper, 4), functools.partial(helper, 4, bias=False)),
    "object": (Units("relu"), Units("tanh")),
    "method": (Units("relu").__call__, Units("tanh").__call__),
    "loss": (functools.partial(scaled, 1.0), functools.partial(scaled, 50.0)),
    "Keras loss": (keras.losses.Huber(delta=0.1), keras.losses.Huber(delta=0.2)),
    "whole split": (WholeSplit(largest), WholeSplit(typical)),
    "lambda": (lambda: helper(4), lambda: helper(5)),
    "keyword": (lambda *, n=4: n, lambda *, n=5: n),
    "array in an object": (Units(np.zeros(3)), Units(np.ones(3))),
}


@pytest.mark.parametrize(("one", "other"), ALL.values(), ids=ALL)
def test_other_things_have_others(one, other):
    assert fingerprint(one) == fingerprint(one)
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    ("function", "change"),
    [
        (of_settings, lambda p: p.setitem(SETTINGS, "units", 5)),
        (of_settings, lambda p: p.setitem(SETTINGS, "names", {"a", "c"})),
        (of_class, lambda p: p.setattr(Units, "number", 5)),
        (of_names, lambda p: p.setattr(Units, "twice", property(lambda self: 3))),
        (of_class, lambda p: p.setattr(helper, "__kwdefaults__", {"bias": False})),
        (Units(), lambda p: p.setattr(Units, "number", 5)),
    ],
)
def test_what_a_function_names_counts(function, change, monkeypatch):
    before = fingerprint(function)
    assert fingerprint(function) == before
    change(monkeypatch)
    assert fingerprint(function) != before


def test_what_it_does_not_name_does_not_count(monkeypatch):
    before = fingerprint(of_class)
    monkeypatch.setitem(SETTINGS, "units", 5)
    monkeypatch.setattr(sys.modules[__name__], "number", 5, raising=False)  # an attribute's name
    assert fingerprint(of_class) == before


def test_a_layer_made_again_is_the_same():
    def layer(units):
        made = keras.layers.Dense(units, kernel_initializer="ones")
        made.build((None, 3))
        return made

    assert fingerprint(layer(2)) == fingerprint(layer(2))
    assert fingerprint(layer(2)) != fingerprint(layer(3))
    other = layer(2)
    other.kernel.assign(np.zeros((3, 2)))
    assert fingerprint(layer(2)) != fingerprint(other)


def test_things_that_hold_themselves_end():
    loop = [1]
    loop.append(loop)
    assert fingerprint(loop) != fingerprint([1])


def test_another_process_finds_the_same(tmp_path):
    script = tmp_path / "script.py"
    path = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    script.write_text(
        f"import sys; sys.path[:0] = {path!r}\n"
        "import test_fingerprints as t\n"
        "print([t.fingerprint(x) for x in (t.of_settings, t.Units(), t.ALL)], t.SETTINGS['names'])"
    )
    runs = [programs.run(script), programs.run(script, fresh=True, PYTHONHASHSEED="1")]
    assert [done.returncode for done in runs] == [0, 0], runs[0].stderr + runs[1].stderr
    (one, one_order), (other, other_order) = (done.stdout.split("] ") for done in runs)
    assert one == other
    assert one_order != other_order  # of a set, by the seed of each process
