"""The tables of workloads and search spaces: complete, consistent, quick to list."""

import inspect
import subprocess
import sys

import pytest

from tfoptcmp import workloads
from tfoptcmp.imported import named
from tfoptcmp.keras_rules import KERAS_RULES
from tfoptcmp.rules import RULES
from tfoptcmp.spaces import Choice, Fixed, LogUniform
from tfoptcmp.workload import Workload


def signature(name, rule, space="initial"):
    return workloads.get(name).signature(rule, space=space)


@pytest.mark.parametrize("name", workloads.names())
def test_every_workload_has_its_name_and_three_scales(name):
    workload = workloads.get(name)
    assert isinstance(workload, Workload)
    assert workload.name == name
    assert set(workload.budgets) == {"paper", "cpu", "smoke"}
    for scale, budget in workload.budgets.items():
        assert budget.scale == scale
        # At most 20 measurements per trial, so that they stay cheap beside the training.
        assert 2 <= budget.steps / budget.eval_every_steps <= 20


@pytest.mark.parametrize("name", workloads.names())
@pytest.mark.parametrize("function", ["load", "build"])
def test_what_a_workload_imports_is_there_and_takes_its_arguments(name, function):
    imported = getattr(workloads.get(name), function)
    inspect.signature(named(imported.address)).bind(None, None, **imported.arguments)


PAPER = {  # By hand, from Table 2 of Choi et al. (reconstructed): batch, steps, N, target.
    "fashion_mnist_simple_cnn": (256, 10_000, 500, 0.066),
    "cifar10_resnet32": (256, 50_000, 500, 0.07),
    "cifar100_all_cnn_c": (256, 61_524, 500, None),  # 350 epochs of 45,000 / 256, rounded up
    "cifar10_vgg16": (128, 87_891, 250, None),  # 250 epochs of 45,000 / 128, rounded up
    "imagenet_resnet50": (1_024, 150_000, 250, 0.24),
    "war_and_peace_lstm": (50, 188_000, 50, None),  # 200 epochs of 940
    "lm1b_transformer": (256, 750_000, 250, 3.45),
}


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_scale_is_the_papers_budget(name):
    budget = workloads.get(name).budget("paper")
    assert PAPER[name] == (
        budget.batch_size,
        budget.steps,
        budget.num_feasible,
        budget.target,
    )


def test_regularisation_is_where_the_paper_tunes_it():
    found = {name: workloads.get(name).regularisation for name in workloads.names()}
    assert {name: kinds for name, kinds in found.items() if kinds} == {
        "cifar10_resnet32": ("l2",),
        "cifar100_all_cnn_c": ("l2",),
        "cifar10_vgg16": ("l2",),
        "imagenet_resnet50": ("l2", "label_smoothing"),
    }


def test_data_sets_are_listed_for_every_workload_that_reads_some():
    embedded = {"digits_simple_cnn", "pydocs_lstm"}
    assert {n for n in workloads.names() if not workloads.get(n).data_sets} == embedded


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match=r"digits_simple_cnn.*got 'mnist'"):
        workloads.get("mnist")
    with pytest.raises(ValueError, match=r"\['initial', .*\]; got 'final'"):
        signature("pydocs_lstm", "adam", space="final")
    with pytest.raises(ValueError, match=r"rmsprop.*adamw.*got 'adahessian'"):
        signature("digits_simple_cnn", "adahessian")


EVERY_SPACE = [
    (name, space, rule)
    for name in workloads.names()
    for space, signatures in workloads.get(name).spaces.items()
    for rule in signatures
]


@pytest.mark.parametrize(("name", "space", "rule"), EVERY_SPACE)
def test_every_space_determines_its_rules_hyperparameters(name, space, rule):
    found = signature(name, rule, space=space)
    assert found.rule == (RULES | KERAS_RULES)[rule]
    assert found.space.source
    # A signature itself checks rule and schedule; regularisation is the workload's.
    given = set(found.space.arguments) & {"l2", "label_smoothing"}
    assert given == set(workloads.get(name).regularisation)
    middle = found.space.values([0.5] * found.space.num_dims)
    assert found.space.derive(middle, budget_steps=100)["learning_rate"] > 0


@pytest.mark.parametrize("name", workloads.names())
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_an_initial_space_that_tunes_everything(name, rule):
    found = signature(name, rule)
    assert found.name == rule
    assert found.schedule == "linear_decay"
    assert set(found.space.free) == set(found.space.dimensions)
    arguments = found.space.derive(
        found.space.values([0.5] * found.space.num_dims), budget_steps=100
    )
    assert arguments["decay_steps"] == 75  # By hand: the middle of [0.5, 1] of 100 steps.
    long = name in ("cifar10_resnet32", "lm1b_transformer")
    lowest = found.space.dimensions["decay_factor"].values[0]
    assert lowest == (1e-4 if long else 1e-3)


def test_regularisation_in_the_initial_and_in_the_protocols_spaces():
    tuned = signature("imagenet_resnet50", "sgd").space.dimensions
    assert tuned["l2"] == LogUniform(low=1e-5, high=1e-2)
    assert tuned["label_smoothing"] == Choice(values=(0.0, 0.01, 0.1))
    fixed = signature("cifar10_vgg16", "sgd", space="wilson_lr_grid").space.dimensions
    assert fixed["l2"] == Fixed(fixed=5e-4)


@pytest.mark.parametrize(("rule", "epsilon"), [("rmsprop", 1e-10), ("adam", 1e-8), ("nadam", 1e-8)])
def test_default_epsilon_tunes_everything_else(rule, epsilon):
    found = signature("digits_simple_cnn", rule, space="default_epsilon")
    initial = signature("digits_simple_cnn", rule)
    assert found.name == f"{rule}_default_epsilon"
    assert found.space.dimensions["epsilon"] == Fixed(fixed=epsilon)
    assert set(found.space.arguments) == set(initial.space.arguments)
    assert set(found.space.dimensions) - set(found.space.free) == {"epsilon"}
    assert found.space.num_dims == initial.space.num_dims - 1


def test_default_epsilon_leaves_rules_without_one_as_they_are():
    for rule in ("sgd", "momentum", "nesterov"):
        assert signature("digits_simple_cnn", rule, space="default_epsilon") == signature(
            "digits_simple_cnn", rule
        )


def test_wilsons_grid():
    found = signature("cifar10_vgg16", "adam", space="wilson_lr_grid")
    assert found.space.free == ("alpha0",)
    assert found.schedule == "step_decay"
    arguments = found.space.derive(found.space.values([0.0]), budget_steps=87_891)
    # By hand: 25 of 250 epochs are a tenth of the budget; the grid's first rate.
    assert arguments["decay_steps"] == 8_789
    assert arguments["decay_factor"] == 0.5
    assert arguments["learning_rate"] == 0.005
    with pytest.raises(ValueError, match=r"\['sgd', 'momentum', 'rmsprop', 'adam'\]; got 'nadam'"):
        signature("cifar10_vgg16", "nadam", space="wilson_lr_grid")


def test_wilsons_second_protocol_tunes_momentum_and_epsilon():
    free = {
        rule: signature("cifar10_vgg16", rule, space="wilson_momentum_epsilon").space.free
        for rule in ("sgd", "momentum", "rmsprop", "adam")
    }
    assert free == {
        "sgd": ("eta0",),
        "momentum": ("eta0", "one_minus_gamma"),
        "rmsprop": ("eta0", "one_minus_gamma", "epsilon"),
        "adam": ("alpha0", "one_minus_beta1", "epsilon"),
    }


def test_schneiders_protocol_searches_a_constant_rate():
    found = signature("war_and_peace_lstm", "momentum", space="schneider_lr")
    assert found.schedule == "constant"
    assert found.space.free == ("eta0",)
    assert found.space.derive({**found.space.values([0.5])}, budget_steps=10)["momentum"] == 0.9
    scheduled = signature("war_and_peace_lstm", "momentum", space="lr_and_schedule")
    assert scheduled.schedule == "linear_decay"
    assert scheduled.space.free == ("eta0", "decay_steps_fraction", "decay_factor")


def test_the_middle_of_adams_initial_space():
    space = signature("fashion_mnist_simple_cnn", "adam").space
    arguments = space.derive(space.values([0.5] * space.num_dims), budget_steps=10_000)
    # By hand: geometric means of the ranges of PAPER's appendix D, 1e-2..1e4, 1e-3..1, 1e-4..1e-1,
    # 1e-10..1e10; the learning rate is the first times epsilon.
    assert arguments["epsilon"] == pytest.approx(1.0)
    assert arguments["learning_rate"] == pytest.approx(10.0)
    assert 1 - arguments["beta_1"] == pytest.approx(10**-1.5)
    assert 1 - arguments["beta_2"] == pytest.approx(10**-2.5)


def test_sources_say_where_ranges_come_from():
    assert signature("fashion_mnist_simple_cnn", "sgd").space.source == "reconstructed"
    assert "ours" in signature("digits_simple_cnn", "sgd").space.source


def test_listing_imports_no_tensorflow():
    code = (
        "import sys; from tfoptcmp import workloads; workloads.names(); "
        "assert not {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
