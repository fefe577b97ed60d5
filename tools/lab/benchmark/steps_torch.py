"""Training steps and updates of PyTorch, at its best on this machine."""

import functools
import itertools
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tfoptcmp.tools.lab.benchmark.networks import NETWORKS, Network, shapes
from tfoptcmp.tools.lab.benchmark.order_of_rounds import Turns, measure_all
from tfoptcmp.tools.lab.benchmark.torch_networks import TWINS, Attention
from torch import nn
from torch.nn import functional

_KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "convolution",
    nn.Linear: "dense",
    nn.BatchNorm1d: "batch_norm",
    nn.BatchNorm2d: "batch_norm",
    nn.LayerNorm: "layer_norm",
    nn.Embedding: "embedding",
    nn.LSTM: "lstm",
    Attention: "attention",
}
_IMPLEMENTATIONS = ("fused", "foreach", "for-loop")  # of one and the same optimizer

_LEARNING_RATE = 1e-4


def pytorch(
    turns: Turns,
    *,
    network: str,
    rule: str,
    threads: int,
    weights: Path,
    channels_last: bool,
    compiled: bool,
    check: tuple[int, float],
) -> None:
    """Trains the twin, as many steps per turn as a block of ours; measures seconds per step.

    There is neither a schedule nor a guard against divergence, and no loss is read.

    Args as `steps_ours.ours` has them, with the memory format of images and convolutions, and
    whether to use `torch.compile`.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    spec = NETWORKS[network]
    model = TWINS[network](spec)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    facts = {"parameters": sum(p.numel() for p in model.parameters() if p.requires_grad)}
    batches = [
        (_as_tensor(x, memory_format), torch.from_numpy(y).long()) for x, y in spec.batches()
    ]
    _load(model, np.load(weights), mirrored=False)
    model.to(memory_format=memory_format)
    loss_of = functools.partial(_loss, model)
    if compiled:
        loss_of = torch.compile(loss_of, dynamic=False)
    endless = itertools.cycle(batches)
    best = min(
        _IMPLEMENTATIONS,
        key=lambda name: _seconds(_step(loss_of, _optimizer(model, rule, spec.l2, name)), endless),
    )
    step = _step(loss_of, _optimizer(model, rule, spec.l2, best))
    turns.ready({**facts, "optimizer": best, "losses": _checked_losses(network, weights, check)})
    for _ in turns:
        start = time.perf_counter()
        for x, y in itertools.islice(endless, spec.block_steps):
            step(x, y)
        turns.done((time.perf_counter() - start) / spec.block_steps)


LossOf = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From a batch (x, y) to its mean loss."""


def _step(loss_of: LossOf, optimizer: torch.optim.Optimizer) -> LossOf:
    def step(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _loss(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    logits = model(x)
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))


def _seconds(step: LossOf, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Median of three steps, after two."""
    seconds = []
    for x, y in itertools.islice(batches, 5):
        start = time.perf_counter()
        step(x, y)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def _optimizer(
    model: nn.Module,
    rule: str,
    l2: float,
    implementation: str = "for-loop",
    learning_rate: float = _LEARNING_RATE,
) -> torch.optim.Optimizer:
    """Regularises kernels alone: PyTorch's weight decay is our `l2`."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": l2},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    how = {"fused": implementation == "fused", "foreach": implementation == "foreach"}
    if rule == "adam":
        return torch.optim.Adam(groups, lr=learning_rate, eps=1e-8, **how)
    return torch.optim.SGD(groups, lr=learning_rate, momentum=0.9, **how)


def _checked_losses(network: str, weights: Path, check: tuple[int, float]) -> list[float]:
    """Returns the objective of the first steps, without dropout."""
    num_steps, learning_rate = check
    spec = NETWORKS[network]
    model = TWINS[network](spec)
    mirrored = network == "all_cnn_c"
    _load(model, np.load(weights), mirrored=mirrored)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    optimizer = _optimizer(model, "momentum", spec.l2, learning_rate=learning_rate)
    step = _step(functools.partial(_loss, model), optimizer)
    losses = []
    for x, y in itertools.islice(itertools.cycle(spec.batches()), num_steps):
        x = np.flip(x, (1, 2)).copy() if mirrored else x
        penalty = _penalty(model, spec)
        loss = step(_as_tensor(x, torch.contiguous_format), torch.from_numpy(y).long())
        losses.append(loss.item() + penalty)
    return losses


def _penalty(model: nn.Module, spec: Network) -> float:
    with torch.no_grad():
        squares = sum(float(p.square().sum()) for p in model.parameters() if p.ndim > 1)
    return spec.l2 / 2 * squares


def _as_tensor(x: np.ndarray, memory_format: torch.memory_format) -> torch.Tensor:
    tensor = torch.from_numpy(x)
    if tensor.ndim != 4:
        return tensor.long()
    return tensor.permute(0, 3, 1, 2).contiguous(memory_format=memory_format)


def _load(model: nn.Module, weights: np.lib.npyio.NpzFile, *, mirrored: bool) -> None:
    """Gives a twin our weights, perhaps with kernels mirrored in height and width."""
    numbers: dict[str, int] = defaultdict(int)
    inside = {part for m in model.modules() if isinstance(m, Attention) for part in m.children()}
    used = 0
    for module in model.modules():
        kind = _KINDS.get(type(module))
        if kind is None or module in inside:
            continue
        prefix = f"{kind}/{numbers[kind]}/"
        numbers[kind] += 1
        arrays = [weights[name] for name in weights.files if name.startswith(prefix)]
        used += len(arrays)
        targets = [p for p in module.parameters() if p.requires_grad]
        values = [torch.from_numpy(a.copy()) for a in _converted(kind, arrays, mirrored)]
        with torch.no_grad():
            for target, value in zip(targets, values, strict=True):
                target.copy_(value)
    assert used == len(weights.files), "every weight has its place in the twin"


def _converted(kind: str, arrays: list[np.ndarray], mirrored: bool) -> list[np.ndarray]:
    match kind:
        case "convolution":
            kernel = arrays[0].transpose(3, 2, 0, 1)
            return [np.flip(kernel, (2, 3)) if mirrored else kernel, *arrays[1:]]
        case "dense":
            return [arrays[0].T, *arrays[1:]]
        case "lstm":
            kernel, recurrent_kernel, bias = arrays
            return [kernel.T, recurrent_kernel.T, bias]
        case "attention":
            *projections, output = arrays
            width = output.shape[-1]
            return [
                np.concatenate([kernel.reshape(width, width).T for kernel in projections]),
                output.reshape(width, width).T,
            ]
    return arrays


_OPTIMIZERS: Mapping[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "nadam": (torch.optim.NAdam, {}),
}


def updates(turns: Turns, *, size: str, threads: int, implementation: str) -> None:
    """Measures seconds per update by an implementation, "fused" or "foreach"."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    found = shapes(size)
    gradients = [1e-3 * torch.randn(shape) for shape in found]

    def make(rule: str) -> Callable[[int], None]:
        parameters = [torch.nn.Parameter(0.1 * torch.randn(shape)) for shape in found]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer_class, arguments = _OPTIMIZERS[rule]
        optimizer = optimizer_class(
            parameters, lr=_LEARNING_RATE, **{implementation: True}, **arguments
        )

        def update(num_updates: int) -> None:
            for _ in range(num_updates):
                optimizer.step()

        return update

    measure_all(turns, make, {"parameters": sum(map(math.prod, found))})
