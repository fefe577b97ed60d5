"""A workload of one's own, from arrays and a function that builds a model.

    from tfoptcmp.workloads import own_workload

    WORKLOADS = {
        "mine": own_workload(
            "mine", build, train=(x, y), validation=(xv, yv), loss="mse", metric="mae", steps=500
        )
    }

Importing this module imports no TensorFlow; what it is given may have.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from tfoptcmp.workloads.data.examples import as_examples, held_out_of, weighted, with_large_numbers
from tfoptcmp.workloads.fingerprints import fingerprint
from tfoptcmp.workloads.spaces.assemble import signatures

from tfoptcmp import metrics
from tfoptcmp.conversion import check_integer
from tfoptcmp.imported import Imported
from tfoptcmp.metrics import Metric
from tfoptcmp.signatures import REGULARISATION, Signature
from tfoptcmp.workload import Budget, Loss, Measure, Splits, Workload, is_sparse, loss_name

SCALE = "own"
"""The one scale of these workloads."""

_SOURCE = "ours (initial ranges of the Simple CNN, reconstructed), for a workload of the user's"

_METRICS: dict[str, Metric] = {
    "error": metrics.CLASSIFICATION_ERROR,
    "accuracy": metrics.ACCURACY,
    "top_5_error": metrics.TOP_5_ERROR,
    "cross_entropy": metrics.CROSS_ENTROPY,
    "perplexity": metrics.PERPLEXITY,
    "mse": metrics.MEAN_SQUARED_ERROR,
    "mae": metrics.MEAN_ABSOLUTE_ERROR,
    "r2": metrics.R2,
    "auc": metrics.AUC,
    "f1": metrics.F1,
}


def own_workload(
    name: str,
    build: Callable[..., Any],
    *,
    train: Any,
    validation: Any,
    test: Any = None,
    loss: Loss = None,
    metric: str | Metric | None = None,
    measure: Measure = None,
    steps: int = 500,
    batch_size: int = 32,
    num_feasible: int = 20,
    num_measurements: int = 10,
    target: float | None = None,
    class_weight: Mapping[int, float] | None = None,
    regularisation: tuple[str, ...] = (),
    optimizers: Mapping[str, Signature] | None = None,
    title: str = "",
) -> Workload:
    """Returns a workload with one scale and the initial search spaces of all rules.

    Args:
        name: Of letters, digits and underscores.
        build: Returns an uncompiled `keras.Model`; takes nothing, or (budget, splits). Or a class
            of such models.
        train: (x, y) or (x, y, weights): arrays, pandas frames, or structures of them; or a
            `tf.data.Dataset` or `keras.utils.PyDataset` of batches of such, which is read into
            memory; or a function from (seed, step), two integers, to a batch.
        validation: The same, but no function: what trials are selected by. Or how many examples of
            `train` to hold out, at random, an integer; or what part of them, in (0, 1).
        test: Likewise: what is reported. Without one there are only validation results.
        loss: See `tfoptcmp.workload.Loss`; by default the softmax cross entropy of class numbers.
        metric: One of "error", "accuracy", "top_5_error", "cross_entropy", "perplexity", "mse",
            "mae", "r2", "auc", "f1", or "loss" for the loss itself; or your own `Metric`. By
            default the error for the default loss, for others the loss itself.
        measure: How your own metric is computed, see `tfoptcmp.workload.Measure`.
        steps: Training steps of a trial.
        batch_size: Examples per step; not for a function, which decides itself.
        num_feasible: N, trials of a study.
        num_measurements: How often a trial measures validation.
        target: Validation metric to reach for the steps to target, or None.
        class_weight: Class number to the weight of its training examples.
        regularisation: As in `Workload`.
        optimizers: Further signatures of the initial space, by name.
        title: For people; by default the name.

    Raises:
        ValueError: If something is out of range, or the data are not understood.
    """
    check_integer("steps", steps, low=1)
    check_integer("num_measurements", num_measurements, low=1)
    if unknown := set(regularisation) - set(REGULARISATION):
        raise ValueError(f"regularisation must be of {REGULARISATION}; got {sorted(unknown)}")
    is_model = hasattr(build, "trainable_variables") and not isinstance(build, type)
    if not callable(build) or is_model:
        raise ValueError(f"build must be a function that returns a model; got {build!r}")
    if not name.isidentifier():
        raise ValueError(f"name must be of letters, digits and underscores; got {name!r}")
    given = {"train": train, "validation": validation, "test": test}
    if train is None or isinstance(train, int | float | np.number):
        raise ValueError(f"train must be data; got {train!r}")
    if validation is None:
        raise ValueError("validation must be data, or how many examples to hold out; got None")
    held_out = {name: of for name, of in given.items() if isinstance(of, int | float | np.number)}
    examples = {
        split: data if split == "train" and callable(data) else as_examples(data, split)
        for split, data in given.items()
        if data is not None and split not in held_out
    }
    if held_out:
        examples |= held_out_of(examples["train"], held_out)
    if loss is None:
        examples = {split: _flat_labels(data) for split, data in examples.items()}
    elif not is_sparse(loss):
        examples = with_large_numbers(examples)
    if class_weight is not None:
        examples["train"] = weighted(examples["train"], class_weight)
    if measure is not None and not isinstance(metric, Metric):
        raise ValueError(
            f"metric must be a Metric, which describes what measure computes; got {metric!r}"
        )
    if metric is None:
        metric = "error" if loss is None else "loss"
    if metric == "loss":
        measure = "loss"
        described = metrics.CROSS_ENTROPY if loss is None else Metric(name=loss_name(loss), unit="")
    elif isinstance(metric, Metric):
        described = metric
    elif metric in _METRICS:
        described = _METRICS[metric]
    else:
        known = [*_METRICS, "loss"]
        raise ValueError(f"metric must be one of {known} or a Metric; got {metric!r}")
    num_classes = _num_classes(examples) if _is_of_classes(loss) else 0
    described = _with_guess(described.with_classes(num_classes), examples)
    budget = Budget(
        scale=SCALE,
        batch_size=batch_size,
        steps=steps,
        eval_every_steps=max(1, steps // num_measurements),
        num_feasible=num_feasible,
        target=None if target is None else float(target),
        options={},
    )
    spaces = signatures(_SOURCE)
    spaces["initial"] |= optimizers or {}
    return Workload(
        name=name,
        title=title or name,
        metric=described,
        budgets={SCALE: budget},
        load=Imported(
            "tfoptcmp.workloads.data.own:load", examples=examples, num_classes=num_classes
        ),
        build=_Build(build),
        loss_function=loss,
        measure=measure,
        spaces=spaces,
        regularisation=regularisation,
        fingerprints={
            "data": fingerprint(examples),
            "build": fingerprint(build),
            "loss": fingerprint(loss),
            "measure": fingerprint(measure),
        },
    )


def _flat_labels(examples: Any) -> Any:
    """Class numbers as [n] if they are [n, 1]."""
    if callable(examples) or not isinstance(examples[1], np.ndarray):
        return examples
    x, y, *weights = examples
    return (x, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y, *weights)


class _Build:
    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build
        required = [
            parameter
            for parameter in inspect.signature(build).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        if len(required) not in (0, 2):
            raise ValueError(
                "build must take nothing, or (budget, splits); got a function that takes "
                f"{[parameter.name for parameter in required]}"
            )
        self._takes_all = len(required) == 2

    def __call__(self, budget: Budget, splits: Splits) -> Any:
        network = self._build(budget, splits) if self._takes_all else self._build()
        if not hasattr(network, "trainable_variables"):
            raise ValueError(f"build must return a keras.Model; got {network!r}")
        return network


def _is_of_classes(loss: Loss) -> bool:
    return loss is None or is_sparse(loss)


def _num_classes(examples: Mapping[str, Any]) -> int:
    labels = [
        split[1]
        for split in examples.values()
        if not callable(split)
        and isinstance(split[1], np.ndarray)
        and split[1].dtype.kind in "iub"
        and split[1].size
    ]
    return 1 + max((int(y.max()) for y in labels), default=-1)


def _with_guess(metric: Metric, examples: Mapping[str, Any]) -> Metric:
    """The metric with the value of the best constant, of mean squared or absolute errors."""
    if metric not in (metrics.MEAN_SQUARED_ERROR, metrics.MEAN_ABSOLUTE_ERROR):
        return metric
    is_squared = metric == metrics.MEAN_SQUARED_ERROR
    train, validation = examples["train"], examples["validation"]
    if callable(train) or not isinstance(train[1], np.ndarray):
        return metric
    best = train[1].mean(axis=0) if is_squared else np.median(train[1], axis=0)
    away = validation[1].astype(np.float64) - best
    guess = float(np.mean(away**2 if is_squared else np.abs(away)))
    return replace(metric, guess=guess) if math.isfinite(guess) else metric
