"""Search spaces as data, one file a workload, each space with its source. Imports no TensorFlow."""

from workloads.spaces.registry import signature

__all__ = ["signature"]
