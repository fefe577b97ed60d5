"""Wilson et al.'s problem: what is provable about it is what our optimizers do."""

import numpy as np
import pytest
from tfoptcmp.workloads import wilson_toy


@pytest.fixture(scope="module")
def data():
    return wilson_toy.problem(num_train=20, num_test=100)


def test_features_by_hand():
    data = wilson_toy.problem(num_train=5, num_test=10, seed=3)
    assert data.x.shape == (5, 28)
    assert sorted(data.y) == [-1, -1, 1, 1, 1]
    for i, (features, label) in enumerate(zip(data.x, data.y, strict=True)):
        assert features[:3].tolist() == [label, 1, 1]
        own = features[3 + 5 * i : 8 + 5 * i]
        assert own.tolist() == ([1, 0, 0, 0, 0] if label > 0 else [1, 1, 1, 1, 1])
        assert features[3:].sum() == own.sum()
    assert (data.test_x[:, 3:] == 0).all()
    assert (data.test_y < 0).mean() == 0.4


def test_the_solution_of_least_norm_generalizes(data):
    """Theory: gradient descent from 0 converges to it (Wilson et al. 2017)."""
    weights = np.linalg.pinv(data.x) @ data.y
    assert (np.sign(data.test_x @ weights) == data.test_y).all()


@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov"])
def test_rules_without_epsilon_learn_it(data, rule):
    run = wilson_toy.run(data, rule, "", num_steps=100, num_measurements=4)
    assert run.steps.tolist() == [1, 34, 67, 100]
    assert run.train_error[-1] == 0
    assert run.test_error[-1] == 0


@pytest.mark.parametrize("rule", ["rmsprop", "adam", "nadam"])
def test_epsilon_decides(data, rule):
    """Theory: with a small epsilon every example of the smaller class is called wrong."""
    default = wilson_toy.run(data, rule, "default", num_steps=150, num_measurements=2)
    large = wilson_toy.run(data, rule, "large", num_steps=100, num_measurements=2)
    assert default.train_error[-1] == large.train_error[-1] == 0
    assert default.test_error[-1] == pytest.approx((data.test_y < 0).mean())
    assert large.test_error[-1] == 0


def test_the_larger_class_must_be_the_positive_one():
    with pytest.raises(ValueError, match=r"share_positive must lie in \(1/2, 1\); got 0.5"):
        wilson_toy.problem(share_positive=0.5)
