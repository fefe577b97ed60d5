"""What search spaces of several workloads share: ranges, protocols. Imports no TensorFlow."""
