"""What holds for every image network and for the Transformer."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfoptcmp.workloads.models.all_cnn_c import all_cnn_c
from tfoptcmp.workloads.models.resnet50 import resnet50
from tfoptcmp.workloads.models.resnet_cifar import resnet_cifar
from tfoptcmp.workloads.models.transformer import transformer
from tfoptcmp.workloads.models.vgg16 import vgg16

from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.training.model import TrialModel

BUILDERS = {
    "resnet32": functools.partial(resnet_cifar, (32, 32, 3), num_classes=10),
    # Smaller images leave a ghost batch of 2 with 2 values per channel, of which the last stage's
    # batch norms make nothing but signs.
    "resnet50": functools.partial(resnet50, (64, 64, 3), num_classes=1000, ghost_batch_size=2),
    "vgg16": functools.partial(vgg16, (32, 32, 3), num_classes=10),
    "all_cnn_c": functools.partial(all_cnn_c, (32, 32, 3), num_classes=100),
    "transformer": functools.partial(transformer, vocabulary_size=32_000),
}

# Trainable parameters, moving averages, kernels; by hand from the papers' tables of layers.
COUNTS = {
    # Convolutions: 27*16 + 10*9*16*16 + (9*16*32 + 9*9*32*32) + (9*32*64 + 9*9*64*64), shortcuts
    # 16*16 + 16*32 + 32*64, last layer 64*10 + 10, and 2 for each of 10*16 + (16 + 9*32) +
    # (32 + 9*64) + 64 normalised channels. Kernels: 31 + 3 + 1.
    "resnet32": (466_970, 2_272, 35),
    # Convolutions: 49*3*64, and by stage, with f filters and i input channels, the blocks' sum of
    # i*f + 9*f*f + f*4f and the shortcut i*4f: 212,992 + 1,212,416 + 7,077,888 + 14,942,208; last
    # layer 2048*1000 + 1000; 960 + 2,816 + 8,704 + 8,192 + 2,048 normalised channels.
    # Kernels: 1 + 3*16 + 4 + 1.
    "resnet50": (25_549_352, 45_440, 54),
    # Convolutions: 9 * (3*64 + 64*64 + 64*128 + 128*128 + 128*256 + 2*256*256 + 256*512 +
    # 5*512*512), dense 512*512 and 512*10 + 10, 4,224 + 512 normalised channels.
    "vgg16": (14_987_210, 9_472, 15),
    # DeepOBS.
    "all_cnn_c": (1_387_108, 0, 9),
    # Two matrices 32000*512; by layer 4*512*512, 2*512*2048 + 2048 + 512, and 2*2*512 of the layer
    # norms; 2*512 of the last one. Kernels: 6 * (4 + 2) + 1.
    "transformer": (51_671_040, 0, 37),
}


@functools.cache
def network(name):
    keras.utils.set_random_seed(0)
    return BUILDERS[name]()


def size(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def batch(name):
    """x and y of four examples."""
    rng = np.random.default_rng(0)
    if name == "transformer":
        return rng.integers(1, 32_000, (4, 6)).astype(np.int32), rng.integers(1, 32_000, (4, 6))
    model = network(name)
    classes = model.output_shape[-1]
    x = rng.normal(size=(4, *model.input_shape[1:])).astype(np.float32)
    return x, rng.integers(0, classes, 4)


@pytest.mark.parametrize("name", BUILDERS)
def test_parameter_counts(name):
    model = network(name)
    trainable, moving_averages, num_kernels = COUNTS[name]
    assert size(model.trainable_variables) == trainable
    assert model.count_params() == trainable + moving_averages
    kernels = TrialModel(model, steps_per_epoch=None, regularisation=()).kernels
    assert len(kernels) == num_kernels
    # All tensors of weights but embeddings are kernels; no bias, scale or shift is.
    assert [v.path for v in kernels] == [
        v.path
        for v in model.trainable_variables
        if len(v.shape) > 1 and not v.path.endswith("embeddings")
    ]


@pytest.mark.parametrize("name", BUILDERS)
def test_shapes_and_dtype_of_the_logits(name):
    x, y = batch(name)
    logits = network(name)(x)
    assert logits.shape == (*y.shape, network(name).output_shape[-1])
    assert logits.dtype == tf.float32
    assert network(name).input.dtype == ("int32" if name == "transformer" else "float32")


@pytest.mark.parametrize("name", BUILDERS)
def test_a_small_step_against_the_gradient_lowers_the_loss(name):
    model = network(name)
    x, y = batch(name)
    # Dropout's generators are among them: both losses are of the same function.
    before = [tf.identity(v.value) for v in model.non_trainable_variables]
    weights = [tf.identity(v.value) for v in model.trainable_variables]

    @tf.function
    def loss_and_gradients():
        with tf.GradientTape() as tape:
            loss = Problem().objective(tf.constant(y, tf.int32), model(x, training=True))
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    loss, gradients = loss_and_gradients()
    squares = sum(float(tf.reduce_sum(gradient**2)) for gradient in gradients)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        variable.assign_sub(1e-3 * loss / squares * gradient)
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        variable.assign(value)
    new_loss, _ = loss_and_gradients()
    for variables, values in (
        (model.trainable_variables, weights),
        (model.non_trainable_variables, before),
    ):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    assert all(float(tf.reduce_max(tf.abs(gradient))) > 0 for gradient in gradients)
    # theory: a thousandth to first order.
    assert 0.7e-3 < float(1 - new_loss / loss) < 1.3e-3


def kernels_of(model):
    return [v.numpy() for v in model.trainable_variables if v.path.endswith("kernel")]


@pytest.mark.parametrize("name", ["resnet32", "all_cnn_c"])
def test_initial_weights_are_a_function_of_the_global_seed(name):
    first = kernels_of(network(name))
    keras.utils.set_random_seed(0)
    again = kernels_of(BUILDERS[name]())
    keras.utils.set_random_seed(1)
    other = kernels_of(BUILDERS[name]())
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_saved_and_loaded(tmp_path):
    network("all_cnn_c").save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x, _ = batch("all_cnn_c")
    np.testing.assert_array_equal(loaded(x), network("all_cnn_c")(x))


@pytest.mark.parametrize(
    ("name", "decay"), [("resnet32", 0.997), ("resnet50", 0.9), ("vgg16", 0.9)]
)
def test_decay_of_the_moving_averages(name, decay):
    layers = [
        layer
        for layer in network(name).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert {layer.momentum for layer in layers} == {decay}
    assert 2 * sum(layer.gamma.shape[0] for layer in layers) == COUNTS[name][1]


@pytest.mark.parametrize("name", ["resnet32", "resnet50", "vgg16"])
def test_no_bias_comes_before_a_batch_norm(name):
    biases = [v for v in network(name).trainable_variables if v.path.endswith("bias")]
    assert [bias.shape for bias in biases] == [(network(name).output_shape[-1],)]


def test_sizes_of_the_stages_of_resnet50():
    sums = [
        layer.output.shape[1:]
        for layer in network("resnet50").layers
        if isinstance(layer, keras.layers.Add)
    ]
    # He et al. 2016a, table 1, where 224 pixels become 56, 28, 14 and 7: here 64.
    expected = [(16, 16, 256)] * 3 + [(8, 8, 512)] * 4
    assert sums == expected + [(4, 4, 1024)] * 6 + [(2, 2, 2048)] * 3
