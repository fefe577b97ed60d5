"""Functions that are named by their address."""

import operator
import pickle

import pytest

from tfoptcmp.imported import Imported, named


def test_an_address_is_a_module_and_a_name_in_it():
    assert named("operator:add") is operator.add
    with pytest.raises(ModuleNotFoundError, match="no_such"):
        named("no_such:add")
    with pytest.raises(AttributeError, match="no_such"):
        named("operator:no_such")


def test_nothing_is_imported_before_the_call():
    function = Imported("no_such:function")
    with pytest.raises(ModuleNotFoundError):
        function()


def test_arguments_are_added_to_the_callers_also_in_another_process():
    function = Imported("builtins:sorted", reverse=True)
    for again in (function, pickle.loads(pickle.dumps(function))):
        assert again([1, 3, 2]) == [3, 2, 1]
