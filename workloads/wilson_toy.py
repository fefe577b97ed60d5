"""Wilson et al.'s separable problem on which default-epsilon adaptive rules learn the wrong thing.

From "The Marginal Value of Adaptive Gradient Methods in Machine Learning" (2017), section 3.3,
remembered: two classes, y = 1 with probability p > 1/2, else y = -1; example i has the features

    feature 1           y_i                        what should be learned
    features 2 and 3    1                          the same in every example
    features of i only  1 if y_i = 1, 1 1 1 1 1 if y_i = -1, else 0

The squared loss has many minima. Gradient descent from 0 goes to the one of least norm, which gives
new examples their class. A rule that divides out the gradient's scale makes all weights equal, so
that features 2 and 3 outvote feature 1 and every new example is called 1: its test error is the
share of -1. Choi et al. (2019) answer that this holds for the default epsilon: with a large one,
Adam, NAdam and RMSProp are Momentum or Nesterov, and learn it.

No Keras model and no tuning: NumPy computes the gradient, our optimizers make the steps, and
everything takes seconds. It is not in the WORKLOADS table, whose workloads are tuned.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tfoptcmp.optimizers import SGD, Adam, Momentum, NAdam, Nesterov, RMSProp, imitate
from tfoptcmp.rules import RULES

FloatArray = NDArray[np.float64]

_SHARED, _UNIQUE = 3, 5
_LARGE_EPSILON = 1e4


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Training and test examples.

    Attributes:
        x: float64 [n, 3 + 5 n], training features.
        y: float64 [n], their classes, -1 or 1.
        test_x: float64 [m, 3 + 5 n]: no weight has been trained on the features of their own.
        test_y: float64 [m], the classes of the test examples.
    """

    x: FloatArray
    y: FloatArray
    test_x: FloatArray
    test_y: FloatArray


@dataclass(frozen=True, kw_only=True)
class Run:
    """The results of one optimizer.

    Attributes:
        name: For people, with its epsilon.
        rule: Name of the update rule.
        epsilon: "default", "large", or "" for a rule without.
        steps: int64 [k], the steps at which the errors were measured.
        train_loss: float64 [k], mean squared error.
        train_error: float64 [k], share of wrong classes in [0, 1].
        test_error: float64 [k], share of wrong classes in [0, 1].
    """

    name: str
    rule: str
    epsilon: str
    steps: NDArray[np.int64]
    train_loss: FloatArray
    train_error: FloatArray
    test_error: FloatArray


def problem(
    *, num_train: int = 40, num_test: int = 1000, share_positive: float = 0.6, seed: int = 0
) -> Problem:
    """Draws the problem.

    Args:
        num_train: n >= 2; the share of the classes in it is exact, their order random.
        num_test: m >= 1; likewise.
        share_positive: p in (1/2, 1): Wilson et al. need the positive class to be the larger one.
        seed: Of the order.
    """
    if not 0.5 < share_positive < 1:
        raise ValueError(f"share_positive must lie in (1/2, 1); got {share_positive!r}")
    rng = np.random.default_rng(seed)
    y, test_y = (
        rng.permutation(np.where(np.arange(n) < round(share_positive * n), 1.0, -1.0))
        for n in (num_train, num_test)
    )
    x, test_x = (np.zeros((len(c), _SHARED + _UNIQUE * num_train)) for c in (y, test_y))
    for features, classes in ((x, y), (test_x, test_y)):
        features[:, 0] = classes
        features[:, 1:_SHARED] = 1.0
    for i, label in enumerate(y):
        start = _SHARED + _UNIQUE * i
        x[i, start : start + (1 if label > 0 else _UNIQUE)] = 1.0
    return Problem(x=x, y=y, test_x=test_x, test_y=test_y)


def optimizers() -> dict[tuple[str, str], Callable[[], keras.optimizers.Optimizer]]:
    """Returns what is compared: rule and "default", "large" or "" to how to make the optimizer.

    Nothing is tuned. Rules with a large epsilon imitate Momentum or Nesterov. Our RMSProp's second
    moment starts at 1, so that its first steps go along the gradient and learn the right thing;
    at this rate they are too short to matter, at 1e-2 they are not.
    """
    rate, momentum = 0.05, 0.9
    return {
        ("sgd", ""): lambda: SGD(0.1),
        ("momentum", ""): lambda: Momentum(rate, momentum=momentum),
        ("nesterov", ""): lambda: Nesterov(rate, momentum=momentum),
        ("rmsprop", "default"): lambda: RMSProp(3e-3),
        ("rmsprop", "large"): lambda: imitate(
            Momentum(rate, momentum=momentum), "rmsprop", epsilon=_LARGE_EPSILON, rho=0.99
        ),
        ("adam", "default"): lambda: Adam(1e-2),
        ("adam", "large"): lambda: imitate(
            Momentum(rate, momentum=momentum), "adam", epsilon=_LARGE_EPSILON, beta_2=0.999
        ),
        ("nadam", "default"): lambda: NAdam(1e-2),
        ("nadam", "large"): lambda: imitate(
            Nesterov(rate, momentum=momentum), "nadam", epsilon=_LARGE_EPSILON, beta_2=0.999
        ),
    }


def run(
    data: Problem, rule: str, epsilon: str, *, num_steps: int = 150, num_measurements: int = 20
) -> Run:
    """Trains a linear model from zero weights on all examples at once.

    Args:
        data: The problem.
        rule: With `epsilon`, a key of `optimizers`.
        epsilon: "default", "large" or "".
        num_steps: Training steps.
        num_measurements: Measurements at equal distances; the last step is the last of them.
    """
    optimizer = optimizers()[rule, epsilon]()
    weights = keras.Variable(np.zeros(data.x.shape[1]), dtype="float32", name="weights")
    measured = np.unique(np.linspace(1, num_steps, num_measurements).round().astype(np.int64))
    losses, train_errors, test_errors = [], [], []
    for step in range(1, num_steps + 1):
        residual = data.x @ _values(weights) - data.y
        gradient = data.x.T @ residual * (2 / len(data.y))
        optimizer.apply([keras.ops.convert_to_tensor(gradient, dtype="float32")], [weights])
        if step in measured:
            output = data.x @ _values(weights)
            losses.append(float(np.mean((output - data.y) ** 2)))
            train_errors.append(_error(output, data.y))
            test_errors.append(_error(data.test_x @ _values(weights), data.test_y))
    title = RULES[rule].title
    return Run(
        name=f"{title}, {epsilon} epsilon" if epsilon else title,
        rule=rule,
        epsilon=epsilon,
        steps=measured,
        train_loss=np.array(losses),
        train_error=np.array(train_errors),
        test_error=np.array(test_errors),
    )


def _values(weights: keras.Variable) -> FloatArray:
    return np.asarray(keras.ops.convert_to_numpy(weights), dtype=np.float64)


def _error(output: FloatArray, y: FloatArray) -> float:
    return float(np.mean(np.where(output > 0, 1.0, -1.0) != y))
