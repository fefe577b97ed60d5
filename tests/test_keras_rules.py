"""Keras's own optimizers as contestants: their facts, their inclusions, and that they train."""

import inspect
import json
import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from tfoptcmp.workloads.spaces.ranges import initial_signatures

from tfoptcmp.keras_rules import KERAS_RULES
from tfoptcmp.optimizers import SGD, Adam, Momentum
from tfoptcmp.rules import ELSEWHERE, RULES, Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.training.optimizer import build_optimizer

SIGNATURES = initial_signatures("test")
STEPS = 200
# Of no update rule of their own, or ours under another name.
NOT_CONTESTANTS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "SGD", "Adam"}


def installed(rule: Rule) -> bool:
    return hasattr(keras.optimizers, rule.optimizer.partition(":")[2])


HERE = [name for name, rule in KERAS_RULES.items() if installed(rule)]


def middle(name: str) -> dict[str, float]:
    space = SIGNATURES[name].space
    return space.derive(space.values([0.5] * space.num_dims), budget_steps=STEPS)


def trajectory(optimizer, steps=100):
    """Weights of a matrix and a vector, whose gradients turn and shrink; float64 [steps, 8]."""
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(3, 2)).astype(np.float32), rng.normal(size=2).astype(np.float32)]
    variables = [keras.Variable(value) for value in start]
    optimizer.build(variables)
    found = []
    for step in range(steps):
        values = [np.asarray(v) for v in variables]
        optimizer.apply([(x * (1 + np.cos(step + x))).astype(np.float32) for x in values])
        found.append(np.concatenate([np.asarray(v).ravel() for v in variables]))
    return np.array(found, np.float64)


def test_every_optimizer_of_keras_is_a_contestant_or_named_as_none():
    classes = {
        name
        for name, value in vars(keras.optimizers).items()
        if inspect.isclass(value) and issubclass(value, keras.optimizers.Optimizer)
    }
    listed = {rule.optimizer.partition(":")[2] for rule in KERAS_RULES.values()}
    assert classes <= listed | NOT_CONTESTANTS
    if keras.__version__ >= "3.15":
        assert listed <= classes


def test_names_and_looks_are_distinct():
    assert not set(KERAS_RULES) & set(RULES)
    rules = [*RULES.values(), *KERAS_RULES.values()]
    for which in ("colour", "marker"):
        looks = [getattr(look, which) for look in (ELSEWHERE, *(rule.look for rule in rules))]
        assert len(set(looks)) == len(looks)
    assert len({rule.title for rule in rules}) == len(rules)


@pytest.mark.parametrize("name", HERE)
def test_its_facts_are_those_of_the_class(name):
    rule = KERAS_RULES[name]
    taken = inspect.signature(rule.optimizer_class()).parameters
    assert {*rule.hyperparameters, *rule.constants} <= set(taken)
    optimizer = build_optimizer(SIGNATURES[name], middle(name))
    assert type(optimizer) is rule.optimizer_class()
    config = optimizer.get_config()
    for argument in rule.hyperparameters[1:]:
        assert config[argument] == middle(name)[argument]
    for argument, value in rule.constants.items():
        assert config[argument] == value
    # What is not tuned is at Keras's default; the rate, nothing else, has a schedule.
    for argument, parameter in taken.items():
        if argument in config and argument not in (*middle(name), *rule.constants, "name"):
            assert config[argument] == parameter.default or not config[argument]
    if rule.kept_per_parameter is not None:
        weight = keras.Variable(np.zeros((3, 2), np.float32))
        optimizer.build([weight])
        kept = [v for v in optimizer.variables if tuple(v.shape) == (3, 2)]
        assert len(kept) == rule.kept_per_parameter


@pytest.mark.parametrize("name", HERE)
def test_its_definition_is_recorded_with_a_study(name):
    signature = SIGNATURES[name]
    again = Signature.from_json(signature.to_json())
    assert again.space == signature.space
    assert again.rule.constants == signature.rule.constants
    assert type(build_optimizer(again, middle(name))) is signature.rule.optimizer_class()


@pytest.mark.parametrize("name", HERE)
def test_the_middle_of_its_range_moves_weights_and_stays_finite(name):
    found = trajectory(build_optimizer(SIGNATURES[name], middle(name)))
    assert np.isfinite(found).all()
    assert np.ptp(found, axis=0).max() > 1e-5


def test_weight_decay_is_decoupled_from_rate_and_epsilon():
    """By hand: without a gradient, a weight loses the share in the first step, at any rate."""
    space = SIGNATURES["adamw"].space
    for ratio, epsilon in [(1.0, 1e-8), (100.0, 1e4)]:
        values = {
            **space.values([0.5] * space.num_dims),
            "alpha0_over_epsilon": ratio,
            "epsilon": epsilon,
            "weight_decay_per_step": 0.01,
        }
        arguments = space.derive(values, budget_steps=STEPS)
        assert arguments["weight_decay"] == pytest.approx(0.01 / (ratio * epsilon))
        weight = keras.Variable(np.full(4, 2.0, np.float32))
        optimizer = build_optimizer(SIGNATURES["adamw"], arguments)
        optimizer.build([weight])
        optimizer.apply([np.zeros(4, np.float32)])
        np.testing.assert_allclose(np.asarray(weight), 1.98, rtol=1e-6)


class OneMinusPower(keras.optimizers.schedules.LearningRateSchedule):
    """A rate times 1 - beta ** step, steps from 1: Adamax divides by it."""

    def __init__(self, rate, beta):
        self.rate, self.beta = rate, beta

    def __call__(self, step):
        step = keras.ops.cast(step, "float32") + 1.0
        return self.rate * (1.0 - keras.ops.power(self.beta, step))


K = keras.optimizers


@pytest.mark.parametrize(
    ("general", "special"),
    [
        (lambda e: K.AdamW(0.01, weight_decay=0.0, epsilon=0.1), lambda: Adam(0.01, epsilon=0.1)),
        (
            lambda e: K.Adagrad(0.1 * math.sqrt(e), initial_accumulator_value=0.0, epsilon=e),
            lambda: SGD(0.1),
        ),
        (lambda e: K.Adadelta(0.1, rho=0.9, epsilon=e), lambda: SGD(0.1)),
        (
            lambda e: K.Adamax(OneMinusPower(0.5 * e, 0.8), beta_1=0.8, beta_2=0.9, epsilon=e),
            lambda: Momentum(0.1, momentum=0.8),
        ),
        (
            lambda e: K.RMSprop(0.1 * math.sqrt(e), momentum=0.8, rho=0.9, epsilon=e),
            lambda: Momentum(0.1, momentum=0.8),
        ),
    ],
    ids=["Adam <= AdamW", "SGD <= Adagrad", "SGD <= Adadelta", "Momentum <= Adamax", "RMSprop"],
)
def test_inclusions_are_limits_of_trajectories(general, special):
    """For alpha0 = eta0 epsilon / (1 - gamma) in Adamax: 0.1 / 0.2 = 0.5."""
    wanted = trajectory(special())
    near, far = (np.abs(trajectory(general(e)) - wanted).max() for e in (1e6, 1e2))
    assert near < 1e-4
    assert near <= far


def test_every_inclusion_is_tested_here():
    assert {(rule.name, one) for rule in KERAS_RULES.values() for one in rule.contains} == {
        ("adamw", "adam"),
        ("adagrad", "sgd"),
        ("adadelta", "sgd"),
        ("adamax", "momentum"),
        ("keras_rmsprop", "momentum"),
    }


def test_constants_that_are_whole_numbers_stay_so():
    """Muon's `ns_steps` counts a loop."""
    muon = SIGNATURES["muon"]
    rule = replace(muon.rule, constants={"ns_steps": 6, "nesterov": False})
    with_steps = replace(muon, rule=rule)
    kept = Signature.from_json(json.loads(json.dumps(with_steps.to_json()))).rule.constants
    assert repr(kept["ns_steps"]) == "6" and kept["nesterov"] is False
