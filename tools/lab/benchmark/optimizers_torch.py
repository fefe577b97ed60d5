"""Updates by PyTorch's optimizers."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tools.lab.benchmark.order_of_rounds import Turns
from tools.lab.benchmark.repeats import measure_all
from tools.lab.benchmark.shapes import shapes

_RATE = 1e-4
_OPTIMIZERS: Mapping[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "nadam": (torch.optim.NAdam, {}),
}


def pytorch(turns: Turns, *, size: str, threads: int, implementation: str) -> None:
    """Measures seconds an update.

    Args:
        turns: From the parent.
        size: One of `shapes.SIZES`.
        threads: Of PyTorch's operations.
        implementation: "fused" or "foreach".
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    found = shapes(size)
    gradients = [1e-3 * torch.randn(shape) for shape in found]

    def updates(rule: str) -> Callable[[int], None]:
        parameters = [torch.nn.Parameter(0.1 * torch.randn(shape)) for shape in found]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer_class, arguments = _OPTIMIZERS[rule]
        optimizer = optimizer_class(parameters, lr=_RATE, **{implementation: True}, **arguments)

        def update(num_updates: int) -> None:
            for _ in range(num_updates):
                optimizer.step()

        return update

    measure_all(turns, updates, {"parameters": sum(map(math.prod, found))})
