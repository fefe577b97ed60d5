"""Search spaces of `fashion_mnist_simple_cnn`."""

from workloads.spaces.ranges import initial_signatures

SIGNATURES = {"initial": initial_signatures("reconstructed")}
