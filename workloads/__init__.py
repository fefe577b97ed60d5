"""The learning problems of a study: models, data, budgets and search spaces."""

from workloads.registry import WORKLOADS, get, names

__all__ = ["WORKLOADS", "get", "names"]
