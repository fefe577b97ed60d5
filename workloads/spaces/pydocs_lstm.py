"""Search spaces of `pydocs_lstm`."""

from workloads.spaces.ranges import initial_signatures

SIGNATURES = {
    "initial": initial_signatures("ours (initial ranges of the Simple CNN, reconstructed)")
}
