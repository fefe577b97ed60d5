"""The tables of workloads and search spaces: complete, consistent, quick to list."""

import subprocess
import sys

import pytest

import workloads
from tfoptcmp.signatures import RULES
from tfoptcmp.workload import Workload
from workloads.spaces import signature


@pytest.mark.parametrize("name", workloads.names())
def test_every_workload_has_its_name_and_three_scales(name):
    workload = workloads.get(name)
    assert isinstance(workload, Workload)
    assert workload.name == name
    assert set(workload.budgets) == {"paper", "cpu", "smoke"}
    for scale, budget in workload.budgets.items():
        assert budget.scale == scale
        # At most 20 measurements a trial, so that they stay cheap beside the training.
        assert 2 <= budget.steps / budget.eval_every_steps <= 20


def test_the_paper_scale_is_the_papers_budget():
    budget = workloads.get("fashion_mnist_simple_cnn").budget("paper")
    # By hand, from Table 2 of Choi et al. (reconstructed).
    assert (budget.batch_size, budget.steps, budget.num_feasible) == (256, 10_000, 500)
    assert budget.target == 0.066


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match=r"digits_simple_cnn.*got 'mnist'"):
        workloads.get("mnist")
    with pytest.raises(ValueError, match=r"digits_simple_cnn.*got 'mnist'"):
        signature("mnist", "adam")
    with pytest.raises(ValueError, match=r"\['initial'\]; got 'final'"):
        signature("digits_simple_cnn", "adam", space="final")
    with pytest.raises(ValueError, match=r"rmsprop.*got 'adagrad'"):
        signature("digits_simple_cnn", "adagrad")


@pytest.mark.parametrize("name", workloads.names())
@pytest.mark.parametrize("rule", RULES)
def test_every_space_determines_its_rules_hyperparameters(name, rule):
    found = signature(name, rule)
    assert found.name == rule
    assert set(found.space.arguments) == {
        *RULES[rule].hyperparameters,
        "decay_steps",
        "decay_factor",
    }
    arguments = found.space.derive(
        found.space.values([0.5] * found.space.num_dims), budget_steps=100
    )
    assert arguments["decay_steps"] == 75  # By hand: the middle of [0.5, 1] of 100 steps.


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
        "import sys, workloads, workloads.spaces; workloads.names(); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
