"""Ghost batch normalisation (Hoffer et al. 2017, "Train longer, generalize better")."""

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops
from tfoptcmp.workloads.layers.batch_norm import BatchNormalization


@keras.saving.register_keras_serializable(package="tfoptcmp")
class GhostBatchNormalization(BatchNormalization):
    """Batch normalisation by the statistics of ghost batches: consecutive parts of the batch.

    While training, each ghost batch is normalised by its own mean and variance, so that the noise
    in these does not depend on the batch size. A batch no larger than a ghost batch is normalised
    as a whole: ordinary batch normalisation.

    The moving averages move once a step, towards the means over the ghost batches of their means
    and (biased) variances. Hoffer et al. (algorithm 1) move them once for every ghost batch;
    TensorFlow's former `virtual_batch_size` moved them once a step, as here.

    With `synchronized` the batch is that of all replicas: each normalises its own ghost batches, or
    all normalise one together, and the averages are the same everywhere.

    Args:
        ghost_batch_size: Examples in a ghost batch, >= 1.
        **kwargs: Those of `keras.layers.BatchNormalization`, except `axis`, which is the last.
    """

    def __init__(self, *, ghost_batch_size: int, **kwargs: Any) -> None:
        if ghost_batch_size < 1:
            raise ValueError(f"ghost_batch_size must be >= 1; got {ghost_batch_size!r}")
        super().__init__(**kwargs)
        self.ghost_batch_size = ghost_batch_size

    def call(  # type: ignore[override]  # takes no mask
        self, inputs: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the activated, normalised inputs; moves the moving averages if training.

        Args:
            inputs: [batch, ..., channels], of which only the batch may be unknown when traced. For
                training it must be a multiple of the ghost batch, or smaller if it is known.
            training: Whether to normalise by the ghost batches or by the moving averages.

        Raises:
            ValueError: If the batch does not divide into ghost batches.
        """
        batch_size, *image_shape, channels = inputs.shape
        replica = tf.distribute.get_replica_context() if self.synchronized else None
        num_replicas = replica.num_replicas_in_sync if replica else 1
        one_ghost = batch_size is not None and batch_size * num_replicas <= self.ghost_batch_size
        if one_ghost or not (training and self.trainable):
            return super().call(inputs, training=training)
        if batch_size is not None and batch_size % self.ghost_batch_size:
            raise ValueError(
                f"batch size must be a multiple of the ghost batch size {self.ghost_batch_size}, "
                f"or smaller; got {batch_size!r}"
            )
        # Statistics in float32 at least, whatever the dtype policy.
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        # [ghost batches, examples and pixels, channels]
        x = ops.reshape(x, (-1, self.ghost_batch_size * math.prod(image_shape), channels))
        mean, variance = ops.moments(x, axes=1, keepdims=True)
        factor = ops.rsqrt(variance + self.epsilon)
        if self.scale:
            factor *= ops.cast(self.gamma, x.dtype)
        outputs = (x - mean) * factor
        if self.center:
            outputs += ops.cast(self.beta, x.dtype)
        averages = [ops.mean(mean, axis=(0, 1)), ops.mean(variance, axis=(0, 1))]
        if replica:
            averages = replica.all_reduce(tf.distribute.ReduceOp.MEAN, averages)
        self._average(*averages)
        outputs = ops.cast(ops.reshape(outputs, ops.shape(inputs)), self.compute_dtype)
        return self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "ghost_batch_size": self.ghost_batch_size}
