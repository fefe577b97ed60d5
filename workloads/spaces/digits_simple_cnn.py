"""Search spaces of `digits_simple_cnn`."""

from workloads.spaces.assemble import TAKEN_OVER, signatures

SIGNATURES = signatures(TAKEN_OVER)
