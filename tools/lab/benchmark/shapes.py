"""Sets of weights to update, in the shapes of networks, in TensorFlow's layout."""

from collections.abc import Callable, Iterator

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
