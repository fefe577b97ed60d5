import json
from dataclasses import replace

import pytest
from tfoptcmp.workloads.spaces.ranges import initial_signatures

from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import SCHEDULES, Signature
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform

RATE = LogUniform(low=1e-4, high=1.0)
SCHEDULE = {
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2)),
}
ADAM = {
    "alpha0_over_epsilon": RATE,
    "one_minus_beta1": RATE,
    "one_minus_beta2": RATE,
    "epsilon": RATE,
}


def space(dimensions):
    return SearchSpace(source="test", dimensions=dimensions)


def adam(name="adam", dimensions=None, **arguments):
    dimensions = {**ADAM, **SCHEDULE} if dimensions is None else dimensions
    return Signature(name=name, rule=RULES["adam"], space=space(dimensions), **arguments)


def test_the_names_of_a_space_are_those_that_rule_and_schedule_take():
    given = adam(dimensions={**ADAM, **SCHEDULE, "l2": RATE})
    assert set(given.space.arguments) == {
        *RULES["adam"].hyperparameters,
        *SCHEDULES["linear_decay"],
        "l2",
    }


def test_the_same_rule_with_epsilon_fixed_is_another_signature():
    fixed = {**SCHEDULE, "alpha0": RATE, "epsilon": Fixed(fixed=1e-8)} | {
        "one_minus_beta1": RATE,
        "one_minus_beta2": RATE,
    }
    assert adam(name="adam_fixed", dimensions=fixed) != adam()


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        (ADAM, r"missing \['decay_factor', 'decay_steps'\]"),
        ({**SCHEDULE, "alpha0": RATE}, r"missing \['beta_1', 'beta_2', 'epsilon'\]"),
        ({**ADAM, **SCHEDULE, "one_minus_gamma": RATE}, r"not taken \['momentum'\]"),
    ],
)
def test_a_space_that_does_not_fit_is_refused(dimensions, message):
    with pytest.raises(ValueError, match=message):
        adam(dimensions=dimensions)


def test_a_constant_rate_takes_no_decay():
    assert adam(dimensions=ADAM, schedule="constant").schedule == "constant"
    with pytest.raises(ValueError, match="not taken"):
        adam(schedule="constant")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "a.b"])
def test_a_name_that_is_no_directory_is_refused(name):
    with pytest.raises(ValueError, match="becomes a directory"):
        adam(name=name)


def test_an_unknown_schedule_lists_the_known():
    with pytest.raises(ValueError, match=r"linear_decay.*got 'cosine'"):
        adam(schedule="cosine")


def test_bias_correction_needs_its_betas():
    assert adam(bias_corrected=True).bias_corrected
    with pytest.raises(ValueError, match="bias_corrected needs"):
        Signature(
            name="sgd",
            rule=RULES["sgd"],
            space=space({"eta0": RATE, **SCHEDULE}),
            bias_corrected=True,
        )


@pytest.mark.parametrize("bias_corrected", [False, True])
def test_json_round_trip(bias_corrected):
    given = adam(bias_corrected=bias_corrected)
    again = Signature.from_json(json.loads(json.dumps(given.to_json())))
    assert again == given
    assert list(again.space.dimensions) == list(given.space.dimensions)


def test_json_of_an_unknown_rule_lists_the_known():
    with pytest.raises(ValueError, match=r"rule must be one of .*'sgd'.*; got 'lion'"):
        Signature.from_json(adam().to_json() | {"rule": "lion"})


def test_weight_decay_beside_a_rate_in_epsilons_unit_is_cautioned():
    adamw = initial_signatures("test")["adamw"]
    assert adamw.caution == ""
    dimensions = dict(adamw.space.dimensions)
    dimensions["decay"] = dimensions.pop("weight_decay_per_step")
    own = {"decay": Hyperparameter(argument="weight_decay", meaning="as Keras has it")}
    as_it_is = replace(adamw, space=SearchSpace(source="test", dimensions=dimensions, own=own))
    assert "which has the unit of epsilon in this space" in as_it_is.caution
    dimensions["alpha0"] = dimensions.pop("alpha0_over_epsilon")
    fine = replace(adamw, space=SearchSpace(source="test", dimensions=dimensions, own=own))
    assert fine.caution == ""
