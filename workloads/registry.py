"""The table of workloads, by name. It imports no TensorFlow, so that listing them is quick."""

from tfoptcmp.workloads import (
    cifar10_resnet32,
    cifar10_vgg16,
    cifar100_all_cnn_c,
    digits_simple_cnn,
    fashion_mnist_simple_cnn,
    imagenet_resnet50,
    lm1b_transformer,
    pydocs_lstm,
    war_and_peace_lstm,
)

from tfoptcmp.workload import Workload

WORKLOADS: dict[str, Workload] = {
    "fashion_mnist_simple_cnn": fashion_mnist_simple_cnn.WORKLOAD,
    "cifar10_resnet32": cifar10_resnet32.WORKLOAD,
    "cifar100_all_cnn_c": cifar100_all_cnn_c.WORKLOAD,
    "cifar10_vgg16": cifar10_vgg16.WORKLOAD,
    "imagenet_resnet50": imagenet_resnet50.WORKLOAD,
    "war_and_peace_lstm": war_and_peace_lstm.WORKLOAD,
    "lm1b_transformer": lm1b_transformer.WORKLOAD,
    "digits_simple_cnn": digits_simple_cnn.WORKLOAD,
    "pydocs_lstm": pydocs_lstm.WORKLOAD,
}


def names() -> tuple[str, ...]:
    """Returns the names of all workloads."""
    return tuple(WORKLOADS)


def get(name: str) -> Workload:
    """Returns a workload; its data are not read yet.

    Raises:
        ValueError: If the name is unknown; the message lists the known names.
    """
    if name not in WORKLOADS:
        raise ValueError(f"workload must be one of {list(WORKLOADS)}; got {name!r}")
    return WORKLOADS[name]
