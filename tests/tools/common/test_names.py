"""Optimizers by what people and other tools call them."""

import pytest
from tfoptcmp.tools.common.names import meant, proposal
from tfoptcmp.workloads import WORKLOADS

SIGNATURES = WORKLOADS["digits_simple_cnn"].spaces["initial"]

KNOWN = {
    **{"adam": "adam", "Adam": "adam", "AdamW": "adamw", "Adam W": "adamw"},
    **{"SGD-momentum": "momentum", "torch.optim.Adam": "adam", "keras-nadam": "keras_nadam"},
    **{"Schedule-free AdamW": "schedule_free_adamw", "Keras's RMSprop": "keras_rmsprop"},
}


@pytest.mark.parametrize(("label", "name"), KNOWN.items())
def test_case_and_punctuation_do_not_count(label, name):
    assert meant(label, SIGNATURES) == name


@pytest.mark.parametrize("label", ["adam2", "adm", "?", ""])
def test_what_is_not_a_name_is_none(label):
    assert meant(label, SIGNATURES) is None


def test_a_label_of_two_is_that_of_the_rule():
    signatures = {"mine": SIGNATURES["adam"], "adam": SIGNATURES["adam"]}  # both have its title
    assert meant("ADAM", signatures) == "adam"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("adm", ": did you mean adam?"),
        ("Adagard", ": did you mean adagrad?"),
        ("scheduled-free-adamw", ": did you mean schedule_free_adamw?"),
        ("zzz", ""),
    ],
)
def test_a_near_name_is_proposed(label, said):
    assert proposal(label, SIGNATURES) == said
