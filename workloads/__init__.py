"""The learning problems of a study: models, data, budgets and search spaces."""

from tfoptcmp.workloads.registry import WORKLOADS, get, names

__all__ = ["WORKLOADS", "get", "names"]
