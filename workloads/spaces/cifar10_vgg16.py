"""Search spaces of `cifar10_vgg16`."""

from workloads.spaces.assemble import TAKEN_OVER, signatures
from workloads.spaces.ranges import L2

SIGNATURES = signatures(
    TAKEN_OVER,
    regularisation=L2,
    usual_regularisation={"l2": 5e-4},  # Wilson et al. 2017, remembered
)
