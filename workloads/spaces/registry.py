"""The table of search spaces: workload, name of the space, update rule -> signature.

A space comes with its rule and schedule as a signature, because a space that searches the learning
rate alone goes with another schedule.
"""

from collections.abc import Mapping

from tfoptcmp.signatures import Signature
from workloads.spaces import (
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

SIGNATURES: dict[str, Mapping[str, Mapping[str, Signature]]] = {
    "fashion_mnist_simple_cnn": fashion_mnist_simple_cnn.SIGNATURES,
    "cifar10_resnet32": cifar10_resnet32.SIGNATURES,
    "cifar100_all_cnn_c": cifar100_all_cnn_c.SIGNATURES,
    "cifar10_vgg16": cifar10_vgg16.SIGNATURES,
    "imagenet_resnet50": imagenet_resnet50.SIGNATURES,
    "war_and_peace_lstm": war_and_peace_lstm.SIGNATURES,
    "lm1b_transformer": lm1b_transformer.SIGNATURES,
    "digits_simple_cnn": digits_simple_cnn.SIGNATURES,
    "pydocs_lstm": pydocs_lstm.SIGNATURES,
}


def signature(workload: str, rule: str, *, space: str = "initial") -> Signature:
    """Returns an update rule with its search space for a workload.

    Args:
        workload: Name of the workload.
        rule: Name of the update rule.
        space: Name of the search space.

    Raises:
        ValueError: If there is no such workload, space or rule; the message lists what there is.
    """
    if workload not in SIGNATURES:
        raise ValueError(f"workload must be one of {list(SIGNATURES)}; got {workload!r}")
    spaces = SIGNATURES[workload]
    if space not in spaces:
        raise ValueError(f"space of {workload} must be one of {list(spaces)}; got {space!r}")
    signatures = spaces[space]
    if rule not in signatures:
        raise ValueError(
            f"optimizer of the space {space!r} of {workload} must be one of {list(signatures)}; "
            f"got {rule!r}"
        )
    return signatures[rule]
