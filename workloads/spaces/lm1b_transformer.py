"""Search spaces of `lm1b_transformer`."""

from workloads.spaces.assemble import TAKEN_OVER, signatures
from workloads.spaces.ranges import LONG_DECAY

SIGNATURES = signatures(TAKEN_OVER, decay=LONG_DECAY)
