"""Search spaces of `cifar10_resnet32`."""

from workloads.spaces.assemble import TAKEN_OVER, signatures
from workloads.spaces.ranges import L2, LONG_DECAY

SIGNATURES = signatures(
    TAKEN_OVER,
    decay=LONG_DECAY,
    regularisation=L2,
    usual_regularisation={"l2": 1e-4},  # He et al. 2016a
)
