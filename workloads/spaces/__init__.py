"""Search spaces as data, one file a workload, each space with its source. Imports no TensorFlow."""

from workloads.spaces.registry import SIGNATURES, signature

__all__ = ["SIGNATURES", "signature"]
