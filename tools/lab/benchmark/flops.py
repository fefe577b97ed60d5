"""The arithmetic of a training step that no implementation can avoid: its matrix products.

A multiplication and an addition are two operations. What is not a matrix product (normalisation,
activations, the update) is left out, so that the floor is one, not an estimate.
"""

import math

import keras


def training(network: keras.Model, *, length: int = 1) -> int:
    """Returns the operations for one example, forward and backward.

    The backward pass has two products for each one forward, but for the gradient by the data.

    Args:
        network: Images to logits, or tokens to logits.
        length: Tokens of an example, where it is of tokens.
    """
    layers = list(network._flatten_layers())
    products = [number for layer in layers if (number := _products(layer, length))]
    embeds = any(isinstance(layer, keras.layers.Embedding) for layer in layers)
    return 3 * sum(products) - (0 if embeds else products[0])


def _products(layer: keras.Layer, length: int) -> int:
    """Operations of a layer's matrix products for one example, forward."""
    match layer:
        case keras.layers.Conv2D():
            return 2 * math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
        case keras.layers.Dense():
            positions = length if len(layer.output.shape) == 3 else 1
            return 2 * positions * math.prod(layer.kernel.shape)
        case keras.layers.LSTM():
            kernels = (layer.cell.kernel, layer.cell.recurrent_kernel)
            return 2 * length * sum(math.prod(kernel.shape) for kernel in kernels)
        case keras.layers.MultiHeadAttention():
            width = layer.query_dense.kernel.shape[0]
            # Four projections; queries by keys, and weights by values, of which a causal one
            # needs half.
            return 2 * length * 4 * width**2 + 2 * length * length * width
    return 0
