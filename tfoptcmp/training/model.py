"""The training step, with its guard against divergence. TensorFlow only.

`TrialModel` wraps a workload's network so that it is trained in compiled blocks of steps, by the
trainer or by Keras's own `fit`. A step whose loss or gradient is not finite changes nothing:
weights, moving averages and the optimizer stay as they were, and so does everything in the rest of
the block. Only an update that itself overflows float32, of finite gradients, gets through; the next
loss or measurement finds it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.random.seed_generator import global_seed_generator

from tfoptcmp.optimizers import UpdateRule
from tfoptcmp.optimizers.compiled import compiled_update
from tfoptcmp.training.checkpoint import ArrayKind
from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.workload import Budget, Splits, Workload


class TrialModel(keras.Model):
    """A network as trained in one trial after the other, without being rebuilt or traced anew.

    What a trial sets or reads are variables: `num_steps`, `l2` and `label_smoothing` are set before
    it; `objective` (loss with regularisation), `gradient_rms` and `learning_rate_used` belong to
    the last step that was tried; `diverged` is sticky.

    Args:
        network: From a batch's x to what the loss takes.
        problem: What is minimised.
        steps_per_epoch: Steps after which the states of stateful layers are zeroed, or None.
        regularisation: Those of ("l2", "label_smoothing") that the graph has to contain.
    """

    train_function: Any  # Keras's name: None, or what `make_train_function` makes

    def __init__(
        self,
        network: keras.Model,
        *,
        steps_per_epoch: int | None,
        regularisation: tuple[str, ...],
        problem: Problem | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.problem = problem or Problem()
        self.steps_per_epoch = steps_per_epoch
        self.regularisation = regularisation
        self.kernels = [v for v in network.trainable_variables if v.path.endswith("kernel")]
        self.num_steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.l2 = tf.Variable(0.0, trainable=False)
        self.label_smoothing = tf.Variable(0.0, trainable=False)
        self.objective = tf.Variable(0.0, trainable=False)
        self.gradient_rms = tf.Variable(0.0, trainable=False)
        self.learning_rate_used = tf.Variable(0.0, trainable=False)
        self.diverged = tf.Variable(False, trainable=False)
        self.built = True

    @property
    def states(self) -> list[keras.Variable]:
        """Variables in which stateful layers carry their state from batch to batch."""
        return states_of(self.network)

    def snapshot(self) -> list[np.ndarray]:
        """Returns the value of every variable that the rest of a trial depends on."""
        return [variable.numpy() for variable in self._trial_variables()]

    @property
    def snapshot_kinds(self) -> list[ArrayKind]:
        """Shape and type of each array of `snapshot`."""
        return [
            (tuple(variable.shape), np.dtype(tf.as_dtype(variable.dtype).as_numpy_dtype))
            for variable in self._trial_variables()
        ]

    def restore(self, snapshot: Sequence[np.ndarray]) -> None:
        """Sets what `snapshot` returned."""
        for variable, value in zip(self._trial_variables(), snapshot, strict=True):
            variable.assign(value)

    def _trial_variables(self) -> list[keras.Variable]:
        # Weights, moving averages, seed generators; the states, which no Keras model counts as its
        # variables; slots, step and hyperparameters; what draws random numbers without a seed.
        unseeded = global_seed_generator().state
        return [*self.network.variables, *self.states, *self.optimizer.variables, unseeded]

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the network's outputs."""
        return self.network(x, training=training)

    def make_train_function(self, force: bool = False) -> None:
        """Makes what Keras's `fit` calls: a compiled block of `steps_per_execution` steps.

        It ends early at the step that diverges, and after `num_steps` of the trial. Keras's own
        checks before every step whether the data have ended, and passes outputs from step to step:
        on digits that takes a tenth of the time of a trial.
        """
        if self.train_function is not None and not force:
            return
        block_steps = self.steps_per_execution
        step = tf.function(self._update, jit_compile=self.jit_compile, autograph=False)

        def block(iterator: Iterator[Any]) -> dict[str, tf.Tensor]:
            def goes_on(done: tf.Tensor) -> tf.Tensor:
                is_left = self.optimizer.iterations.value < self.num_steps
                return (done < block_steps) & is_left & ~self.diverged

            def body(done: tf.Tensor) -> tuple[tf.Tensor]:
                step(*next(iterator))
                return (done + 1,)

            tf.while_loop(goes_on, body, (tf.constant(0),), parallel_iterations=1)
            return {"loss": self.objective.read_value()}

        self.train_function = tf.function(block, reduce_retracing=True, autograph=False)

    def blocks(self, batches: tf.data.Dataset) -> Callable[[int], object]:
        """Returns what trains on the next batches.

        It trains for a block, whatever number it is given, or to the end of the trial.
        """
        self.make_train_function()
        iterator = iter(batches)
        return lambda num_steps: self.train_function(iterator)

    def _update(self, x: Any, y: Any, weights: tf.Tensor | None = None) -> None:
        if self.steps_per_epoch is not None:
            new_epoch = tf.equal(self.optimizer.iterations.value % self.steps_per_epoch, 0)
            tf.cond(new_epoch, self.zero_states, lambda: None)
        before = self.averages()
        objective, *gradient = self.objective_and_gradient(x, y, weights)
        tf.cond(
            self.is_finite(objective, gradient),
            lambda: self._apply(gradient),
            lambda: self.withhold(before),
        )

    def _apply(self, gradient: Sequence[tf.Tensor]) -> None:
        is_keras = type(self.optimizer).__module__.startswith("keras.")
        if is_keras or isinstance(self.optimizer, UpdateRule):
            compiled_update(self.optimizer, self.trainable_variables)(gradient)
        else:  # XLA may not be able to compile another's
            self.optimizer.apply(gradient, self.trainable_variables)

    def averages(self) -> list[tf.Tensor]:
        """What a forward pass changes, perhaps to NaN: moving averages, and seed generators."""
        return [tf.identity(v.value) for v in self.network.non_trainable_variables]

    def objective_and_gradient(
        self,
        x: Any,
        y: Any,
        weights: tf.Tensor | None = None,
        replica: tf.distribute.ReplicaContext | None = None,
    ) -> list[tf.Tensor]:
        """Returns the objective and its gradient by each trainable variable, dense.

        Args:
            x: A batch.
            y: What is to be learnt.
            weights: Of its entries; None if all are 1.
            replica: Where x and y are a replica's part of a batch: what is returned is the whole
                batch's, in every replica.
        """
        num_replicas = replica.num_replicas_in_sync if replica else 1

        def total(values: Any) -> Any:
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, values) if replica else values

        with tf.GradientTape() as tape:
            smoothing = self.label_smoothing if "label_smoothing" in self.regularisation else None
            outputs = self(x, training=True)
            objective = self.problem.objective(y, outputs, weights, smoothing, total)
            if "l2" in self.regularisation:
                l2 = self.l2 if num_replicas == 1 else self.l2 / num_replicas
                kernels = [tf.cast(v.value, tf.float32) for v in self.kernels]
                objective += l2 * _total([*map(tf.nn.l2_loss, kernels)])
            if added := [tf.cast(loss, objective.dtype) for loss in self.network.losses]:
                objective += _total(added) / num_replicas
        variables = self.trainable_variables
        gradient = [  # TensorFlow's own zeros, UnconnectedGradients.ZERO, are of no Keras variables
            tf.zeros_like(variable.value) if part is None else tf.convert_to_tensor(part)
            for part, variable in zip(tape.gradient(objective, variables), variables, strict=True)
        ]
        return total([objective, *gradient])

    def is_finite(self, objective: tf.Tensor, gradient: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns whether the update can be made, and keeps the figures of the step."""
        squares = _total([2.0 * tf.nn.l2_loss(tf.cast(g, tf.float32)) for g in gradient])
        num_entries = sum(v.shape.num_elements() for v in self.trainable_variables)
        self.objective.assign(objective)
        self.gradient_rms.assign(tf.sqrt(squares / num_entries))
        self.learning_rate_used.assign(self.optimizer.learning_rate)
        # The sum of squares overflows before the gradient does: look closer only then.
        return tf.math.is_finite(objective) & tf.cond(
            tf.math.is_finite(squares),
            lambda: True,
            lambda: tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradient]),
        )

    def withhold(self, before: Sequence[tf.Tensor]) -> None:
        """Ends the trial in place of an update.

        Args:
            before: The averages before the step.
        """
        self.diverged.assign(True)
        for variable, value in zip(self.network.non_trainable_variables, before, strict=True):
            variable.assign(value)

    def zero_states(self) -> None:
        """Zeroes the states of stateful layers."""
        for state in self.states:
            state.assign(tf.zeros_like(state.value))


def unpacked(batch: Any) -> tuple[Any, Any, Any]:
    """Returns x, y and weights of a batch (x, y) or (x, y, weights); None without weights."""
    x, y, *weights = batch
    return x, y, weights[0] if weights else None


def specs_of(parts: Any) -> Any:
    """Returns shapes and types of tensors; None of None."""
    return keras.tree.map_structure(
        lambda part: None if part is None else tf.TensorSpec(part.shape, part.dtype),
        parts,
        none_is_leaf=True,
    )


def build_network(workload: Workload, budget: Budget, splits: Splits) -> keras.Model:
    """Returns a new network of a workload, with its weights.

    Raises:
        ValueError: If it has its own training step.
    """
    network = workload.build(budget, splits)
    _refuse_own_training(network)
    if not network.built:  # a `Sequential` without an `Input`, or a model of the user's own class
        x, _, _ = unpacked(next(iter(splits.evaluation["validation"])))
        network(keras.tree.map_structure(_symbolic, x))
    return network


def _symbolic(array: Any) -> keras.KerasTensor:
    return keras.KerasTensor(array.shape, keras.backend.standardize_dtype(array.dtype))


def _refuse_own_training(network: keras.Model) -> None:
    for name in ("train_step", "compute_loss"):
        own = next((c for c in type(network).__mro__ if name in vars(c)), None)
        if own is not None and not own.__module__.startswith("keras."):
            raise ValueError(
                f"the model must not have its own {name}, which would not be used; got that of "
                f"{own.__name__}. What it does belongs into the workload's loss, or into add_loss"
            )


def _total(scalars: Sequence[tf.Tensor]) -> tf.Tensor:
    """Sums in a fixed order; AddN begins with an input whose memory it may reuse, now this one."""
    return tf.reduce_sum(tf.stack(scalars))


def states_of(network: keras.Model) -> list[keras.Variable]:
    """Returns the variables in which stateful layers carry their state from batch to batch."""
    layers = network._flatten_layers(include_self=False)
    stateful = [layer for layer in layers if getattr(layer, "stateful", False)]
    return [state for layer in stateful for state in keras.tree.flatten(layer.states)]
