"""Keras models that workloads build, one file each."""
