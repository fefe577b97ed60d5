"""The networks whose steps and updates are measured: sizes, batches of random data, weights.

The data are random numbers in the shape of the real ones, because a step takes the same time
whatever they are. This file imports neither TensorFlow nor PyTorch, as both sides read it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

NUM_BATCHES = 4
"""Different batches that a contestant cycles through."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network as trained in the comparison.

    Attributes:
        workload: Whose network it is, at its scale "cpu" except for the batch.
        title: For people.
        batch_size: Examples per step.
        input_shape: Of one example: (height, width, channels), or (tokens,).
        num_classes: Classes, or characters, or tokens of the vocabulary.
        block_steps: Steps of one turn, and of one compiled block of ours: a second or two.
        l2: Coefficient of the regularisation; 0 where the workload has none.
    """

    workload: str
    title: str
    batch_size: int
    input_shape: tuple[int, ...]
    num_classes: int
    block_steps: int
    l2: float = 0.0

    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns batches of (x, y): images float32, standard normal, or tokens int32 >= 1."""
        generator = np.random.default_rng(0)
        return [self._batch(generator) for _ in range(NUM_BATCHES)]

    def _batch(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.batch_size, *self.input_shape)
        if len(self.input_shape) > 1:
            x = generator.standard_normal(shape, np.float32)
            shape = shape[:1]
        else:
            x = generator.integers(1, self.num_classes, shape, np.int32)
        return x, generator.integers(self.num_classes, size=shape, dtype=np.int32)


NETWORKS: dict[str, Network] = {
    "simple_cnn": Network(
        workload="fashion_mnist_simple_cnn",
        title="Simple CNN",
        batch_size=256,
        input_shape=(28, 28, 1),
        num_classes=10,
        block_steps=10,
    ),
    "resnet32": Network(
        workload="cifar10_resnet32",
        title="ResNet-32",
        batch_size=128,
        input_shape=(32, 32, 3),
        num_classes=10,
        block_steps=4,
        l2=1e-4,
    ),
    "vgg16": Network(
        workload="cifar10_vgg16",
        title="VGG-16",
        batch_size=64,
        input_shape=(32, 32, 3),
        num_classes=10,
        block_steps=3,
        l2=5e-4,
    ),
    "all_cnn_c": Network(
        workload="cifar100_all_cnn_c",
        title="All-CNN-C",
        batch_size=64,
        input_shape=(32, 32, 3),
        num_classes=100,
        block_steps=4,
        l2=5e-4,
    ),
    "lstm": Network(
        workload="war_and_peace_lstm",
        title="LSTM",
        batch_size=50,
        input_shape=(50,),
        num_classes=83,
        block_steps=20,
    ),
    "transformer": Network(
        workload="lm1b_transformer",
        title="Transformer",
        batch_size=64,
        input_shape=(32,),
        num_classes=4_000,
        block_steps=10,
    ),
}


Shape = tuple[int, ...]

SIZES = {
    "tiny": "two dense layers",
    "digits": "the shapes of the Simple CNN for digits",
    "simple_cnn": "the shapes of the Simple CNN",
    "resnet50": "the shapes of ResNet-50",
}


def shapes(size: str) -> list[Shape]:
    """Returns the shapes of one of SIZES."""
    return list(_SHAPES[size]())


def _tiny() -> Iterator[Shape]:
    yield from ((12, 64), (64,), (64, 4), (4,))


def _simple_cnn(flattened: int, dense_units: int) -> Iterator[Shape]:
    yield from ((5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,))
    yield from ((flattened, dense_units), (dense_units,), (dense_units, 10), (10,))


def _resnet50() -> Iterator[Shape]:
    inputs = 64
    yield (7, 7, 3, inputs)
    for filters, num_blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(num_blocks):
            if block == 0:
                yield (1, 1, inputs, 4 * filters)
            for size, width, outputs in (
                (1, inputs, filters),
                (3, filters, filters),
                (1, filters, 4 * filters),
            ):
                yield from ((width,), (width,), (size, size, width, outputs))
            inputs = 4 * filters
    yield from ((inputs,), (inputs,), (inputs, 1000), (1000,))


_SHAPES: dict[str, Callable[[], Iterator[Shape]]] = {
    "tiny": _tiny,
    "digits": lambda: _simple_cnn(256, 256),
    "simple_cnn": lambda: _simple_cnn(3136, 1024),
    "resnet50": _resnet50,
}
