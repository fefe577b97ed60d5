"""Search spaces of `war_and_peace_lstm`."""

from workloads.spaces.assemble import TAKEN_OVER, signatures

SIGNATURES = signatures(TAKEN_OVER)
