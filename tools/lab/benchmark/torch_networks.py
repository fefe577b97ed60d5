"""The networks in PyTorch, as a user would write them for speed.

Each is the same function as ours, layer by layer: `steps` gives both the same weights and compares
their losses. If PyTorch has a faster way to the same result, it is used:
one projection for queries, keys and values, and its fused causal attention.
"""

import math
from collections.abc import Callable, Sequence

import torch
from tfoptcmp.tools.lab.benchmark.networks import Network
from torch import nn
from torch.nn import functional


class Residual(nn.Module):
    """A pre-activation block; the shortcut of a stage's first starts after the activation."""

    def __init__(self, inputs: int, filters: int, strides: int, *, first: bool) -> None:
        super().__init__()
        self.norm1 = _batch_norm(inputs)
        self.shortcut = nn.Conv2d(inputs, filters, 1, strides, bias=False) if first else None
        self.conv1 = nn.Conv2d(inputs, filters, 3, strides, 1, bias=False)
        self.norm2 = _batch_norm(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the sum of shortcut and residual."""
        residual = functional.relu(self.norm1(x), inplace=True)
        if self.shortcut is not None:
            x = self.shortcut(residual)
        residual = self.conv1(residual)
        return x + self.conv2(functional.relu(self.norm2(residual), inplace=True))


class Lstm(nn.Module):
    """Two layers that carry their state from batch to batch."""

    def __init__(self, network: Network, units: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(network.num_classes, units)
        self.layers = nn.ModuleList(nn.LSTM(units, units, batch_first=True) for _ in range(2))
        for layer in self.layers:  # PyTorch adds a second bias to the first
            nn.init.zeros_(layer.bias_hh_l0).requires_grad_(False)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(units, network.num_classes)
        zeros = torch.zeros(1, network.batch_size, units)
        self.states = [(zeros, zeros) for _ in self.layers]

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Returns the logits [batch, length, classes]."""
        x = self.embedding(codes)
        for i, layer in enumerate(self.layers):
            x, (hidden, cell) = layer(self.dropout(x), self.states[i])
            self.states[i] = (hidden.detach(), cell.detach())
            x = self.dropout(x)
        return self.logits(x)


class Attention(nn.Module):
    """Causal self-attention, which hides padding from all before it."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns [batch, length, width]."""
        batch, length, width = x.shape
        heads = self.queries_keys_values(x).view(batch, length, 3, self.num_heads, -1)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self.output(attended.transpose(1, 2).reshape(batch, length, width))


class Transformer(nn.Module):
    """A decoder with normalisation before each part."""

    def __init__(self, network: Network, num_layers: int = 2, width: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(network.num_classes, width)
        self.register_buffer("positions", _positions(network.input_shape[0], width))
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            attention = nn.Sequential(_layer_norm(width), Attention(width, width // 64))
            feed_forward = nn.Sequential(
                _layer_norm(width),
                nn.Linear(width, 4 * width),
                nn.ReLU(inplace=True),
                nn.Linear(4 * width, width),
            )
            self.layers += [attention, feed_forward]
        self.norm = _layer_norm(width)
        self.logits = nn.Linear(width, network.num_classes, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Returns the logits [batch, length, classes]."""
        x = self.embedding(tokens)
        x = x * x.shape[-1] ** 0.5 + self.positions
        for layer in self.layers:
            x = x + layer(x)
        return self.logits(self.norm(x))


def simple_cnn(network: Network) -> nn.Module:
    """Two convolutions and a hidden layer; pooling commutes with a ReLU, and is done first."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 1024),
        nn.ReLU(inplace=True),
        nn.Linear(1024, network.num_classes),
    )


def resnet32(network: Network) -> nn.Module:
    """Three stages of five blocks."""
    blocks: list[nn.Module] = []
    inputs = 16
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        for i in range(5):
            blocks.append(Residual(inputs, filters, 1 if i else strides, first=i == 0))
            inputs = filters
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        *blocks,
        _batch_norm(64),
        nn.ReLU(inplace=True),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(64, network.num_classes),
    )


def vgg16(network: Network) -> nn.Module:
    """Thirteen convolutions and a hidden layer, with batch norm and dropout."""
    layers: list[nn.Module] = []
    inputs = 3
    for block in ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)):
        for i, filters in enumerate(block):
            layers += [
                nn.Conv2d(inputs, filters, 3, padding=1, bias=False),
                nn.BatchNorm2d(filters, eps=1e-3),
                nn.ReLU(inplace=True),
            ]
            if i < len(block) - 1:
                layers.append(nn.Dropout(0.3 if inputs in (3, 64) and filters == 64 else 0.4))
            inputs = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers,
        *(nn.Flatten(), nn.Dropout(0.5)),
        nn.Linear(512, 512, bias=False),
        nn.BatchNorm1d(512, eps=1e-3),
        *(nn.ReLU(inplace=True), nn.Dropout(0.5)),
        nn.Linear(512, network.num_classes),
    )


def all_cnn_c(network: Network) -> nn.Module:
    """Nine convolutions.

    TensorFlow's "same" pads an even image only behind where the stride is 2, and PyTorch on both
    sides: the networks are each other's mirror images, in height and width.
    """
    convolutions: Sequence[tuple[int, int, int, int, float]] = (
        (96, 3, 1, 1, 0.2),
        (96, 3, 1, 1, 0.0),
        (96, 3, 2, 1, 0.0),
        (192, 3, 1, 1, 0.5),
        (192, 3, 1, 1, 0.0),
        (192, 3, 2, 1, 0.0),
        (192, 3, 1, 0, 0.5),
        (192, 1, 1, 0, 0.0),
        (network.num_classes, 1, 1, 0, 0.0),
    )
    layers: list[nn.Module] = []
    inputs = 3
    for filters, size, strides, padding, dropout in convolutions:
        if dropout:
            layers.append(nn.Dropout(dropout))
        layers += [nn.Conv2d(inputs, filters, size, strides, padding), nn.ReLU(inplace=True)]
        inputs = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


TWINS: dict[str, Callable[[Network], nn.Module]] = {
    "simple_cnn": simple_cnn,
    "resnet32": resnet32,
    "vgg16": vgg16,
    "all_cnn_c": all_cnn_c,
    "lstm": Lstm,
    "transformer": Transformer,
}
"""Network to its twin, whose modules are in the order in which ours creates its layers."""


def _batch_norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1.001e-5, momentum=0.003)


def _layer_norm(width: int) -> nn.Module:
    return nn.LayerNorm(width, eps=1e-6)


def _positions(length: int, width: int) -> torch.Tensor:
    frequencies = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angles = torch.arange(length)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(length, width)
