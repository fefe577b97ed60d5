import json

import keras_tuner
import pytest
from tfoptcmp.tuners.keras_tuner_space import declare, tuned_names, values
from tfoptcmp.tuners.points import point

from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform

SPACE = SearchSpace(
    source="test",
    dimensions={
        "eta0": LogUniform(low=1e-4, high=1e2),
        "label_smoothing": Fixed(fixed=0.1),
        "decay_steps_fraction": Uniform(low=0.5, high=1.0),
        "decay_factor": Choice(values=(1e-3, 1e-2, 0.1, 1)),
        "epsilon": LogUniform(low=1e-10, high=1e10),
    },
)


def test_keras_tuner_gives_the_values_of_the_search_space():
    declared = declare(SPACE)
    assert tuned_names(declared) == list(SPACE.free)
    for index in range(50):
        at = point(index, num_dims=SPACE.num_dims, seed=0)
        found = values(declared, dict(zip(SPACE.free, at, strict=True)))
        assert found == pytest.approx(SPACE.values(at), rel=1e-13)
        assert list(found) == list(SPACE.dimensions)
        assert all(type(value) is float for value in found.values())


def test_log_sampling_of_keras_tuner_is_exact_by_hand():
    declared = keras_tuner.HyperParameters()
    declared.Float("x", 1e-4, 1.0, sampling="log")
    assert values(declared, {"x": 0.5})["x"] == pytest.approx(1e-2, rel=1e-15)


def everything():
    """All types and conditions; also a name under two, which an oracle would refuse."""
    space = keras_tuner.HyperParameters()
    space.Choice("model", ["mlp", "cnn"])
    space.Int("units", 2, 32, step=2, sampling="log")
    space.Int("layers", 1, 3)
    space.Boolean("bias")
    space.Fixed("batch", 32)
    space.Float("rate", 1e-4, 1.0, sampling="log")
    with space.conditional_scope("model", ["mlp"]):
        space.Float("dropout", 0.0, 0.5)
    with space.conditional_scope("model", ["cnn"]):
        space.Int("kernel", 1, 5, step=2)
        space.Float("dropout", 0.0, 0.1)
    return space


# By hand: units 2, 4, 8, 16, 32; layers 1, 2, 3; kernel 1, 3, 5.
AT = {"model": 0.2, "units": 0.5, "layers": 0.9, "bias": 0.7, "rate": 0.5} | {
    "dropout": 0.5,
    "kernel": 0.4,
}


def test_every_type_and_condition():
    assert values(everything(), AT) == {
        "model": "mlp",
        "units": 8,
        "layers": 3,
        "bias": True,
        "batch": 32,
        "rate": pytest.approx(1e-2),
        "dropout": 0.25,
    }
    cnn = values(everything(), AT | {"model": 0.8})
    assert (cnn["model"], cnn["kernel"], cnn["dropout"]) == ("cnn", 3, pytest.approx(0.05))
    json.dumps(cnn)


def test_names_that_stand_under_several_conditions_share_a_coordinate():
    assert tuned_names(everything()).count("dropout") == 1
    assert "batch" not in tuned_names(everything())


@pytest.mark.parametrize("model", [0.2, 0.8])
def test_the_order_of_entries_does_not_matter(model):
    shuffled = keras_tuner.HyperParameters.from_proto(everything().to_proto())
    assert [e.name for e in shuffled.space] != [e.name for e in everything().space]
    found = values(shuffled, AT | {"model": model})
    assert found == pytest.approx(values(everything(), AT | {"model": model}))
