"""Search spaces of `pydocs_lstm`."""

from workloads.spaces.assemble import TAKEN_OVER, signatures

SIGNATURES = signatures(TAKEN_OVER)
