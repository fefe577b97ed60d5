"""The relation is exactly the paper's; the maps themselves are tested on the optimizers."""

import itertools

import pytest

from tfoptcmp.inclusions import closure, find
from tfoptcmp.rules import RULES

# By hand, from Choi et al. (2019), section 3: the transitive closure of SGD <= MOMENTUM <= RMSPROP,
# SGD <= MOMENTUM <= ADAM, SGD <= NESTEROV <= NADAM, and NESTEROV <= RMSTEROV of its first version;
# True where it is a limit.
INCLUSIONS = {
    ("sgd", "momentum"): False,
    ("sgd", "nesterov"): False,
    ("momentum", "rmsprop"): True,
    ("momentum", "adam"): True,
    ("nesterov", "nadam"): True,
    ("sgd", "rmsprop"): True,
    ("sgd", "adam"): True,
    ("sgd", "nadam"): True,
    ("nesterov", "rmsterov"): True,
    ("sgd", "rmsterov"): True,
}


def test_the_relation_is_the_papers_and_nothing_else():
    assert {(i.special, i.general): i.limit for i in closure()} == INCLUSIONS
    assert len(closure()) == len(INCLUSIONS)


@pytest.mark.parametrize("pair", list(itertools.product(RULES, RULES)))
def test_other_pairs_are_not_comparable(pair):
    found = find(*pair)
    assert (found is not None) == (pair in INCLUSIONS)
    if found:
        assert (found.special, found.general) == pair


# Rule to the names that its decoupled space searches, beside schedule and regularisation.
SEARCHED = {
    "sgd": {"eta0"},
    "momentum": {"eta0", "one_minus_gamma"},
    "nesterov": {"eta0", "one_minus_gamma"},
    "rmsprop": {"eta0_over_sqrt_epsilon", "one_minus_gamma", "one_minus_rho", "epsilon"},
    "adam": {"alpha0_over_epsilon", "one_minus_beta1", "one_minus_beta2", "epsilon"},
    "nadam": {"alpha0_over_epsilon", "one_minus_beta1", "one_minus_beta2", "epsilon"},
    "rmsterov": {"eta0_over_sqrt_epsilon", "one_minus_gamma", "one_minus_rho", "epsilon"},
}


@pytest.mark.parametrize("pair", INCLUSIONS)
def test_translation_determines_every_name_of_the_general_rule(pair):
    special, general = pair
    inclusion = find(special, general)
    shared = {"decay_factor": 0.1, "l2": 1e-4}
    translated = inclusion.translate(dict.fromkeys(SEARCHED[special], 0.25) | shared)
    assert {name: translated.pop(name) for name in shared} == shared
    free = {*inclusion.unconstrained} | ({"epsilon"} if inclusion.limit else set())
    assert set(translated) | free == SEARCHED[general]
    assert not set(translated) & free


# By hand: eta0 = 0.5 and 1 - gamma = 0.1, or gamma = 0 for SGD.
@pytest.mark.parametrize(
    ("special", "general", "expected"),
    [
        ("sgd", "momentum", {"eta0": 0.5, "one_minus_gamma": 1.0}),
        ("sgd", "nadam", {"alpha0_over_epsilon": 0.5, "one_minus_beta1": 1.0}),
        ("sgd", "rmsprop", {"eta0_over_sqrt_epsilon": 0.5, "one_minus_gamma": 1.0}),
        ("momentum", "rmsprop", {"eta0_over_sqrt_epsilon": 0.5, "one_minus_gamma": 0.1}),
        ("momentum", "adam", {"alpha0_over_epsilon": 5.0, "one_minus_beta1": 0.1}),
        ("nesterov", "nadam", {"alpha0_over_epsilon": 5.0, "one_minus_beta1": 0.1}),
        ("nesterov", "rmsterov", {"eta0_over_sqrt_epsilon": 0.5, "one_minus_gamma": 0.1}),
    ],
)
def test_translated_values(special, general, expected):
    values = {"eta0": 0.5} | ({} if special == "sgd" else {"one_minus_gamma": 0.1})
    assert find(special, general).translate(values) == pytest.approx(expected)


def test_what_the_sequences_need():
    need = {(i.special, i.general): (i.bias_corrected, i.momentum_follows_rate) for i in closure()}
    assert need["momentum", "adam"] == need["sgd", "nadam"] == (True, False)
    assert need["momentum", "rmsprop"] == need["sgd", "rmsprop"] == (False, True)
    assert need["sgd", "nesterov"] == need["sgd", "rmsterov"] == (False, False)
    forms = {(i.special, i.general): i.formulation for i in closure() if i.formulation}
    assert forms == {p: "accumulator" for p in (("nesterov", "rmsterov"), ("sgd", "rmsterov"))}
