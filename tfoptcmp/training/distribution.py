"""One trial on several devices, through `tf.distribute`. TensorFlow only.

The batch is global: each replica takes its share of the rows, and a step does what it would do with
the whole batch on one device, up to rounding. It does not use Keras's `fit`, which runs one step at
a time on several devices of one process, and cannot run on those of several. Tested with two CPU
devices in one process and in two; on TPUs never run.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfoptcmp.training.model import TrialModel, unpacked
from tfoptcmp.training.options import Options

_SUM = tf.distribute.ReduceOp.SUM


def make_strategy(options: Options) -> tf.distribute.Strategy | None:
    """Returns the strategy of `options.distribution`; None for "none".

    "mirrored" takes all GPUs of this process (all logical CPU devices where there is none),
    "multiworker" all devices of the processes that TF_CONFIG lists, "tpu" all cores of the TPU.
    To be called before anything else uses TensorFlow, and once in a process.

    Raises:
        ValueError: If there is only one device.
    """
    distribution = options.distribution
    if not options.is_distributed:
        return None
    if distribution == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        strategy: tf.distribute.Strategy = tf.distribute.MirroredStrategy(
            [device.name for device in devices]
        )
    elif distribution == "multiworker":
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=options.tpu or "")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        strategy = tf.distribute.TPUStrategy(resolver)
    if strategy.num_replicas_in_sync == 1:
        hint = "; TF_CONFIG must list the workers" if distribution == "multiworker" else ""
        raise ValueError(f"distribution must be 'none' with one device; got {distribution!r}{hint}")
    return strategy


def num_replicas(strategy: tf.distribute.Strategy | None) -> int:
    """Returns the number of devices that share every batch."""
    return strategy.num_replicas_in_sync if strategy else 1


def is_chief(strategy: tf.distribute.Strategy | None) -> bool:
    """Whether this is the one process that writes files."""
    resolver = strategy and strategy.cluster_resolver
    return resolver is None or not resolver.task_id or resolver.task_type == "chief"


class Replicas:
    """Trains and evaluates a model that was made under the scope of a strategy.

    Args:
        strategy: What `make_strategy` returned.
        model: Has no stateful layers; its batch normalisations are made to span the whole batch.
        batch_size: Of the whole batch.

    Raises:
        ValueError: If the model or the batch cannot be distributed.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        model: TrialModel,
        *,
        batch_size: int,
    ) -> None:
        num_replicas = strategy.num_replicas_in_sync
        if model.states:
            raise ValueError(
                "distribution must be 'none' for a stateful model, whose states belong to the rows "
                f"of the whole batch; got {num_replicas} replicas"
            )
        if model.problem.is_of_whole_splits or not model.problem.is_softmax:
            raise ValueError(
                "distribution must be 'none' for other losses than the cross entropy of class "
                f"numbers, and for metrics of whole splits; got {num_replicas} replicas"
            )
        if batch_size % num_replicas:
            raise ValueError(
                f"batch_size must be a multiple of the {num_replicas} replicas; got {batch_size!r}"
            )
        self._strategy = strategy
        self._model = model
        self._rows = batch_size // num_replicas
        for layer in model.network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
        self._spread = tf.function(lambda: strategy.run(self._count_seed_up))
        self._sum = tf.function(
            lambda *batch: strategy.reduce(_SUM, strategy.run(self._sums, batch), axis=None),
            reduce_retracing=True,
        )
        self._total = tf.function(
            lambda number: strategy.reduce(_SUM, strategy.run(tf.identity, (number,)), axis=None)
        )
        self._optimizer: keras.Optimizer | None = None

    def spread_seeds(self) -> None:
        """Gives each replica its own random numbers, once all have the same seeds.

        The first replica keeps its seeds, so that they can be saved and set again.
        """
        self._spread()

    def agreed(self, should_stop: Callable[[], bool]) -> Callable[[], bool]:
        """Returns a question that all processes ask together: whether any of them should stop."""
        return lambda: self._over_replicas(float(should_stop())) > 0

    def check_same(self, step: int) -> None:
        """Checks, in all processes together, that they continue from the same step.

        Raises:
            RuntimeError: If they do not, because they do not see the same checkpoints.
        """
        mean = self._over_replicas(float(step)) / self._strategy.num_replicas_in_sync
        if mean != step:
            raise RuntimeError(
                "all workers must see the same checkpoints, on a file system that they share; got "
                f"step {step} here, {mean} on average"
            )

    def wait_for_all(self) -> None:
        """Waits until all processes have reached this point."""
        self._over_replicas(0.0)

    def _over_replicas(self, number: float) -> float:
        """Sum of what the processes give, each once for each of its replicas."""
        return float(self._total(tf.constant(number)))

    def blocks(self, batches: tf.data.Dataset) -> Callable[[int], object]:
        """Returns what trains on the next batches, as many as it is given.

        Args:
            batches: Whole batches, the same ones in each process.
        """
        if self._model.optimizer is not self._optimizer:
            self._prepare(self._model.optimizer)
        iterator = iter(self._distributed(batches))
        return lambda num_steps: self._block(iterator, tf.constant(num_steps))

    def batch_sums(self, x: Any, y: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
        """Returns `Problem.sums` of a batch of any size, computed on all replicas."""
        num_replicas = self._strategy.num_replicas_in_sync
        rows = -(-len(y) // num_replicas)
        missing = rows * num_replicas - len(y)

        def share(part: tf.Tensor, padding: int = 0) -> Any:
            ends = [[0, missing]] + [[0, 0]] * (part.shape.rank - 1)
            return self._shares(tf.pad(part, ends, constant_values=padding), rows)

        x = keras.tree.map_structure(share, x)
        if weights is not None:
            weights = share(weights)
        return self._sum(x, share(y, -1), weights)  # no sum counts a class number below 0

    def _shares(self, part: tf.Tensor, rows: int) -> Any:
        def share(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            start = context.replica_id_in_sync_group * rows
            return part[start : start + rows]

        return self._strategy.experimental_distribute_values_from_function(share)

    def _sums(self, x: Any, y: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
        return self._model.problem.sums(y, self._model(x, training=False), weights)

    def _count_seed_up(self) -> None:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        for variable in self._model.network.non_trainable_variables:
            if "seed_generator" in variable.path:
                seed, counter = tf.unstack(variable.value)
                variable.assign([seed + tf.cast(replica, seed.dtype), counter])

    def _prepare(self, optimizer: keras.Optimizer) -> None:
        # Keras would sum the gradients over replicas, which are sums already.
        optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: (
            gradients_and_variables
        )
        self._optimizer = optimizer
        self._block = tf.function(self._steps, autograph=False)

    def _steps(self, iterator: Iterator[Any], num_steps: tf.Tensor) -> None:
        """Some updates, or fewer if the trial diverges."""

        def step(i: tf.Tensor) -> tuple[tf.Tensor]:
            self._step(*unpacked(next(iterator)))
            return (i + 1,)

        tf.while_loop(
            lambda i: (i < num_steps) & ~self._model.diverged,
            step,
            (tf.constant(0),),
            parallel_iterations=1,
        )

    def _step(self, x: Any, y: Any, weights: Any) -> None:
        """As `TrialModel`'s own, but the branches are taken by all replicas together.

        Within a replica there can be no branch around communication with the other replicas.
        """
        model, strategy = self._model, self._strategy
        before = model.averages()
        parts = strategy.run(self._objective_and_gradient, (x, y, weights))
        objective, *gradient = (strategy.experimental_local_results(part)[0] for part in parts)
        tf.cond(
            model.is_finite(objective, gradient),
            lambda: self._update(parts[1:]),
            lambda: model.withhold(before),
        )

    def _objective_and_gradient(self, x: Any, y: Any, weights: Any) -> list[tf.Tensor]:
        replica = tf.distribute.get_replica_context()
        return self._model.objective_and_gradient(x, y, weights, replica)

    def _update(self, gradient: Sequence[Any]) -> None:
        model = self._model
        self._strategy.run(
            lambda gradient: model.optimizer.apply(gradient, model.trainable_variables),
            (gradient,),
        )

    def _distributed(self, batches: tf.data.Dataset) -> tf.distribute.DistributedDataset:
        """Of every batch, each replica's rows."""

        def local(context: tf.distribute.InputContext) -> tf.data.Dataset:
            num_local = context.num_replicas_in_sync // context.num_input_pipelines
            start = context.input_pipeline_id * num_local * self._rows

            def shares(part: tf.Tensor) -> tf.Tensor:
                mine = part[start : start + num_local * self._rows]
                return tf.reshape(mine, [num_local, self._rows, *part.shape[1:]])

            # Consecutive elements go to consecutive replicas.
            return batches.map(lambda *batch: keras.tree.map_structure(shares, batch)).unbatch()

        return self._strategy.distribute_datasets_from_function(local)
