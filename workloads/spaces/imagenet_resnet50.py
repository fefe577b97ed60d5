"""Search spaces of `imagenet_resnet50`."""

from workloads.spaces.assemble import TAKEN_OVER, signatures
from workloads.spaces.ranges import L2, LABEL_SMOOTHING

SIGNATURES = signatures(
    TAKEN_OVER,
    regularisation={**L2, **LABEL_SMOOTHING},
    usual_regularisation={"l2": 1e-4, "label_smoothing": 0.0},  # He et al. 2016a
)
