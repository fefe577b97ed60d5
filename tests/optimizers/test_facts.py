"""The table of rules agrees with the optimizers, and tells its entries apart."""

import keras
import pytest

from tfoptcmp.hyperparameter_variables import hyperparameter_variables
from tfoptcmp.optimizers import OPTIMIZERS
from tfoptcmp.rules import DEFAULT_RULES, ELSEWHERE, RULES


def test_the_default_rules_are_those_of_the_papers_table():
    assert DEFAULT_RULES == ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")


def test_both_tables_have_the_same_rules_in_the_same_order():
    assert list(RULES) == list(OPTIMIZERS) == [rule.name for rule in RULES.values()]
    assert [rule.place for rule in RULES.values()] == list(range(len(RULES)))


@pytest.mark.parametrize("name", RULES)
def test_a_rules_facts_are_those_of_its_optimizer(name):
    rule, optimizer = RULES[name], OPTIMIZERS[name]()
    assert rule.optimizer_class() is OPTIMIZERS[name]
    own = hyperparameter_variables(type(optimizer))
    assert set(rule.hyperparameters) == {"learning_rate", *own}
    assert getattr(optimizer, "epsilon", None) == (rule.epsilon and rule.epsilon.default)
    before = len(optimizer.variables)
    optimizer.build([keras.Variable([1.0, 2.0, 3.0])])
    kept = sum(variable.shape == (3,) for variable in optimizer.variables[before:])
    assert kept == rule.kept_per_parameter


def test_no_two_rules_look_alike():
    looks = [ELSEWHERE, *(rule.look for rule in RULES.values())]
    assert len({look.colour for look in looks}) == len(looks)
    assert len({look.marker for look in looks}) == len(looks)
