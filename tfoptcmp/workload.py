"""What a workload is: model, data, metric, budget. Types only; instances live in `workloads`.

The trainer knows these types and no particular workload. Units: budgets and intervals in training
steps; losses in nats per example (per token for sequences); classification errors in [0, 1].

Importing this module does not import TensorFlow; the arrays and datasets it speaks of do.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from tfoptcmp.conversion import Name, NonNegative, Number, PositiveCount
from tfoptcmp.metrics import Metric

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


class TrainingSource(Protocol):
    """Training batches (x, y) as a function of (seed, step), so that a trial can start anywhere.

    y holds class numbers [batch, ...] as integers; a negative one is padding, which no loss and no
    metric counts.
    """

    steps_per_epoch: int | None
    """Steps after which a stateful model's state is zeroed; None if it carries no state."""

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> "tf.data.Dataset":
        """Returns the batches (x, y) of the steps start, ..., stop - 1 of one trial."""


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The data of a workload, ready for training and evaluation.

    Attributes:
        train: Batches for training.
        evaluation: Split name to batches (x, y), iterated anew at each measurement: a list of
            tensors where they fit in memory, else a finite dataset in a fixed order. Has "train"
            (a fixed subset of the training split, without augmentation) and "validation", and
            "test" where the workload has one.
        num_classes: Number of logits.
        num_examples: Split name to the number of examples (tokens for sequences) in it, over the
            whole split. "train" is the full training split.
        partial: What the data lack, for people (PARTIAL DATA on every output); "" if complete.
    """

    train: TrainingSource
    evaluation: Mapping[str, "Iterable[tuple[tf.Tensor, tf.Tensor]]"]
    num_classes: int
    num_examples: Mapping[str, int]
    partial: str = ""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a trial and a study of a workload may spend at one scale.

    Attributes:
        scale: "paper", "cpu" or "smoke"; "custom" once a flag has changed a number.
        batch_size: Examples (or sequences) a training step.
        steps: Training steps a trial.
        eval_every_steps: Steps between measurements; the last step is always measured.
        num_feasible: N, feasible trials a study.
        target: Validation metric to reach for the training-speed statistic, or None.
        options: Sizes that a workload's model and data take from the scale (image pixels,
            sequence length), by name.
    """

    scale: Name
    batch_size: PositiveCount
    steps: PositiveCount
    eval_every_steps: PositiveCount
    num_feasible: PositiveCount
    target: NonNegative | None
    options: Mapping[str, Number]

    def __post_init__(self) -> None:
        for name in ("batch_size", "steps", "eval_every_steps", "num_feasible"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be an integer >= 1; got {value!r}")


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One learning problem.

    Attributes:
        name: As in the WORKLOADS table.
        title: For people: model and data.
        metric: What validation selects by and test reports.
        budgets: Scale name to budget.
        load: (budget, data_dir) -> Splits. Raises `MissingData` in seconds if the data are not
            there; never downloads.
        build: (budget, splits) -> uncompiled keras.Model from a batch's x to logits
            [batch, ..., classes]. Draws its initial weights from Keras's global seed only.
        regularisation: The regularising hyperparameters that this workload tunes, a subset of
            ("l2", "label_smoothing").
        jit_compile: Whether the training step is faster under XLA (measured).
        most_threads: Threads beyond which it is not faster (measured); None where every processor
            helps.
    """

    name: str
    title: str
    metric: Metric
    budgets: Mapping[str, Budget]
    load: "Callable[[Budget, str | None], Splits]"
    build: "Callable[[Budget, Splits], keras.Model]"
    regularisation: tuple[str, ...] = ()
    jit_compile: bool = False
    most_threads: int | None = None

    def useful_threads(self, available: int) -> int:
        """Returns how many of the available threads make a training step faster."""
        return min(available, self.most_threads or available)

    def budget(self, scale: str, **changes: int | None) -> Budget:
        """Returns the budget of a scale, with changed fields if any (then `scale` is "custom").

        Where `steps` is changed and `eval_every_steps` is not, the interval changes with it, so
        that a trial keeps its number of measurements.

        Args:
            scale: A name in `budgets`.
            **changes: Fields of `Budget` to change; None leaves the scale's.

        Raises:
            ValueError: If the scale is unknown (the message lists the known) or a number is not
                allowed.
        """
        if scale not in self.budgets:
            raise ValueError(
                f"scale of {self.name} must be one of {list(self.budgets)}; got {scale!r}"
            )
        budget = self.budgets[scale]
        changed: dict[str, Any] = {
            name: value
            for name, value in changes.items()
            if value is not None and value != getattr(budget, name)
        }
        if "steps" in changed and changes.get("eval_every_steps") is None:
            ratio = budget.eval_every_steps / budget.steps
            changed["eval_every_steps"] = max(1, round(ratio * changed["steps"]))
        return replace(budget, scale="custom", **changed) if changed else budget


class MissingData(Exception):
    """A data set is not there, or not readable; the message says how to get it."""
