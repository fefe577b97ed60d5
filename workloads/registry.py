"""The table of workloads, by name.

It holds "module:ATTRIBUTE" strings, so that listing the names (`--help`) imports no TensorFlow;
`get` imports.
"""

import importlib

from tfoptcmp.workload import Workload

WORKLOADS: dict[str, str] = {
    "fashion_mnist_simple_cnn": "workloads.fashion_mnist_simple_cnn:WORKLOAD",
    "cifar10_resnet32": "workloads.cifar10_resnet32:WORKLOAD",
    "cifar100_all_cnn_c": "workloads.cifar100_all_cnn_c:WORKLOAD",
    "cifar10_vgg16": "workloads.cifar10_vgg16:WORKLOAD",
    "imagenet_resnet50": "workloads.imagenet_resnet50:WORKLOAD",
    "war_and_peace_lstm": "workloads.war_and_peace_lstm:WORKLOAD",
    "lm1b_transformer": "workloads.lm1b_transformer:WORKLOAD",
    "digits_simple_cnn": "workloads.digits_simple_cnn:WORKLOAD",
    "pydocs_lstm": "workloads.pydocs_lstm:WORKLOAD",
}


def names() -> tuple[str, ...]:
    """Returns the names of all workloads."""
    return tuple(WORKLOADS)


def get(name: str) -> Workload:
    """Returns a workload; its data are not read yet.

    Raises:
        ValueError: If the name is unknown; the message lists the known.
    """
    if name not in WORKLOADS:
        raise ValueError(f"workload must be one of {list(WORKLOADS)}; got {name!r}")
    module, attribute = WORKLOADS[name].split(":")
    workload: Workload = getattr(importlib.import_module(module), attribute)
    return workload
