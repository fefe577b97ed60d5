"""Search spaces of `fashion_mnist_simple_cnn`."""

from workloads.spaces.assemble import signatures

SIGNATURES = signatures("reconstructed")
