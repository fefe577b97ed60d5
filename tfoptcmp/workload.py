"""What a workload is: model, data, metric, budgets, spaces. Types only; instances in `workloads`.

The trainer knows these types and no particular workload. Units: budgets and intervals in training
steps; shares, classification errors among them, in [0, 1].

Importing this module does not import TensorFlow; the arrays and datasets it speaks of do.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from tfoptcmp.conversion import Name, Number, PositiveCount, check_integer
from tfoptcmp.metrics import TRAINING_LOSS, Metric
from tfoptcmp.signatures import Signature

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


Loss: TypeAlias = "str | Callable[[Any, Any], Any] | None"
"""A `keras.losses.Loss`, the name of one, or a function from what is to be learnt and the outputs
to a value for each example or token, [batch] or [batch, ...]. None is the softmax cross entropy of
class numbers, integers [batch, ...], and logits [batch, ..., classes]; a negative class number is
padding, which no loss and no metric counts."""

Measure: TypeAlias = "str | Callable[[Any, Any], Any] | WholeSplit | None"
"""How a metric is computed: a `keras.metrics.Metric`, "loss" for the loss itself, a function like
that of a loss, or a `WholeSplit`. None: `tfoptcmp.metrics` has it."""


@dataclass(frozen=True)
class WholeSplit:
    """How to compute a metric that is no mean over examples, such as R2.

    Attributes:
        function: From arrays of all that is to be learnt, all outputs and the weights (None without
            any) to the value.
    """

    function: Callable[[Any, Any, Any], float]


def loss_name(loss: Loss) -> str:
    """Returns what people call a loss; "" for None."""
    if loss is None:
        return ""
    named = loss if isinstance(loss, str) else getattr(loss, "name", None)
    return str(named or getattr(loss, "__name__", type(loss).__name__))


def is_sparse(loss: Loss) -> bool:
    """Returns whether it is a loss of Keras that takes class numbers.

    The name of a function or class of the user's own says nothing.
    """
    if loss is None or isinstance(loss, str):
        return "sparse" in (loss or "").lower()
    kinds = [loss] if hasattr(loss, "__name__") else type(loss).__mro__
    return any(
        kind.__module__.startswith("keras.") and "sparse" in kind.__name__.lower()
        for kind in kinds
        if kind.__module__
    )


class TrainingSource(Protocol):
    """Training batches as a function of (seed, step), so that a trial can start anywhere.

    A batch is (x, y), or (x, y, weights) with a weight for each example or token.
    """

    @property
    def steps_per_epoch(self) -> int | None:
        """Steps after which a stateful model's state is zeroed; None if it carries no state."""

    def batches(
        self, *, seed: int, augmentation_seed: int, start: int, stop: int
    ) -> "tf.data.Dataset":
        """Returns the batches of the steps start, ..., stop - 1 of one trial."""


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The data of a workload, ready for training and evaluation.

    Attributes:
        train: Batches for training.
        evaluation: Split name to batches, iterated anew at each measurement: a list of tensors
            where they fit in memory, else a finite dataset in a fixed order. Has "train"
            (a fixed subset of the training split, without augmentation) and "validation", and
            "test" where the workload has one.
        num_classes: How many classes there are, the least number of logits; 0 if the model does
            not choose between classes.
        num_examples: Split name to the number of examples (tokens for sequences) in it, over the
            whole split. "train" is the full training split.
        partial: What the data lack, for people (PARTIAL DATA on every output); "" if complete.
        examples: All training examples as stored, (x, y) or (x, y, weights), where they are in
            memory, so that all are checked before hours are spent; None elsewhere. They belong to
            `train`: give both, replace both.
    """

    train: TrainingSource
    evaluation: Mapping[str, "Iterable[tuple[Any, ...]]"]
    num_examples: Mapping[str, int]
    num_classes: int = 0
    partial: str = ""
    examples: tuple[Any, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a trial and a study of a workload may spend at one scale.

    Attributes:
        scale: "paper", "cpu" or "smoke"; "custom" once a flag has changed a number.
        batch_size: Examples (or sequences) per training step.
        steps: Training steps per trial.
        eval_every_steps: Steps between measurements; the last step is always measured.
        num_feasible: N, feasible trials per study.
        target: Validation metric to reach for the training-speed statistic, as users know it, or
            None.
        options: Sizes that a workload's model and data take from the scale (image pixels,
            sequence length), by name.
    """

    scale: Name
    batch_size: PositiveCount
    steps: PositiveCount
    eval_every_steps: PositiveCount
    num_feasible: PositiveCount
    target: Number | None
    options: Mapping[str, Number]

    def __post_init__(self) -> None:
        for name in ("batch_size", "steps", "eval_every_steps", "num_feasible"):
            check_integer(name, getattr(self, name), low=1)


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set as `tensorflow_datasets` knows it.

    Attributes:
        name: TFDS's name, with the configuration after a slash where it has several.
        title: For people.
        sizes: Split name to number of examples of the official data set, for the splits used.
        download_mb: Size of the official files, in 10^6 bytes.
        prepared_mb: Size of what TFDS makes of them, in 10^6 bytes.
        host: Where TFDS downloads the official files from; "" if it cannot.
        official_files: What the official files are and where to get them, for manual download where
            TFDS cannot download them.
        optional: What a workload lacks without this data set; "" if it cannot do without.
        note: What else to know before getting it.
        builder: "module:Class" of a TFDS builder of ours; "" for one of TFDS's own.
    """

    name: str
    title: str
    sizes: Mapping[str, int]
    download_mb: int
    prepared_mb: int
    host: str
    official_files: str
    optional: str = ""
    note: str = ""
    builder: str = ""


@dataclass(frozen=True, kw_only=True)
class Small:
    """Sizes for tests, which take a few steps of a workload's own network.

    Attributes:
        batch_size: Examples (or sequences) per training step.
        options: Those that are not the scale `smoke`'s.
    """

    batch_size: int = 4
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Overfitting:
    """How a workload's network is made to memorise 64 examples.

    Attributes:
        alpha0: Adam's rate at the first step.
        options: Those that are not the scale `cpu`'s.
        num_drawn: Examples of which the 64 easiest are taken: of sentences the longest, of images
            those of the most frequent classes.
    """

    alpha0: float = 1e-3
    options: Mapping[str, int] = field(default_factory=dict)
    num_drawn: int = 64


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One learning problem.

    Attributes:
        name: As in the WORKLOADS table.
        title: For people: model and data.
        metric: What validation selects by and test reports.
        budgets: Scale name to budget.
        load: (budget, data_dir) -> Splits. Raises `MissingData` in seconds if the data are missing;
            never downloads. Ours are `Imported`, so that a table of workloads imports no
            TensorFlow.
        build: (budget, splits) -> uncompiled keras.Model from a batch's x to what the loss takes.
            What layers add to the loss (`add_loss`, regularizers) is minimised too, and is part of
            no measured loss. Draws its initial weights from Keras's global seed only. Likewise
            `Imported`.
        loss_function: What is minimised, see `Loss`.
        measure: How the metric is computed, see `Measure`.
        data_sets: What `load` reads; none if the data come with an installed package.
        spaces: Name of a search space to update rule to signature.
        regularisation: The regularising hyperparameters that this workload tunes, a subset of
            ("l2", "label_smoothing").
        jit_compile: Whether the training step is faster under XLA (measured).
        most_threads: Threads beyond which it is not faster (measured); None where every processor
            helps.
        memory_gb: What a process that trains it takes at scale cpu (measured), in 10^9 bytes.
        small: Its size for tests.
        overfitting: How it memorises examples; None if it does not in so few steps.
        fingerprints: Of what a user gave for it ("data", "build", ...), which a study records: it
            goes on only with the same.
    """

    name: str
    title: str
    metric: Metric
    budgets: Mapping[str, Budget]
    load: "Callable[[Budget, str | None], Splits]"
    build: "Callable[[Budget, Splits], keras.Model]"
    loss_function: Loss = None
    measure: Measure = None
    data_sets: tuple[DataSet, ...] = ()
    spaces: Mapping[str, Mapping[str, Signature]] = field(default_factory=dict)
    regularisation: tuple[str, ...] = ()
    jit_compile: bool = False
    most_threads: int | None = None
    memory_gb: float = 2.0
    small: Small = Small()
    overfitting: Overfitting | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.loss_function is not None and "label_smoothing" in self.regularisation:
            raise ValueError(
                "regularisation must not have label_smoothing with a loss of your own, which can "
                f"smooth labels itself; got {loss_name(self.loss_function)!r}"
            )

    @property
    def loss(self) -> Metric:
        """The loss as a quantity: it has a name of its own where it is not the cross entropy."""
        if self.loss_function is None:
            return TRAINING_LOSS
        name = f"{TRAINING_LOSS.name} ({loss_name(self.loss_function)})"
        return Metric(name=name, unit="", digits=TRAINING_LOSS.digits)

    def signature(self, rule: str, *, space: str = "initial") -> Signature:
        """Returns an update rule with one of the search spaces.

        Raises:
            ValueError: If there is no such space or no such rule in it; the message lists those
                that exist.
        """
        if space not in self.spaces:
            raise ValueError(f"space of {self.name} must be one of {[*self.spaces]}; got {space!r}")
        if rule not in self.spaces[space]:
            raise ValueError(
                f"optimizer of the space {space!r} of {self.name} must be one of "
                f"{[*self.spaces[space]]}; got {rule!r}"
            )
        return self.spaces[space][rule]

    def useful_threads(self, available: int) -> int:
        """Returns how many of the available threads make a training step faster."""
        return min(available, self.most_threads or available)

    def budget(self, scale: str, **changes: float | None) -> Budget:
        """Returns the budget of a scale, with changed fields if any (then `scale` is "custom").

        Where `steps` is changed and `eval_every_steps` is not, the interval changes with it, so
        that a trial keeps its number of measurements.

        Args:
            scale: A name in `budgets`.
            **changes: Fields of `Budget` to change; None leaves the scale's.

        Raises:
            ValueError: If the scale is unknown (the message lists the known ones) or a number is
                not allowed.
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


class DoesNotFit(ValueError):
    """What a user gave does not fit, as only a trial shows; the message is one line."""


class MissingData(Exception):
    """A data set is missing or not readable; the message says how to get it."""
